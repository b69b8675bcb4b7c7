"""Muon: momentum made orthogonal by Newton-Schulz steps (Keller Jordan and others, 2024).

One invariant: equal shapes are stacked and orthogonalised in one batched product, which is what
makes it cheap for a small model on a CPU.
"""

from collections.abc import Sequence
from itertools import groupby

import torch  # noqa: TID253 - for the pre-training script alone

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_DECAY = 0.01


class Muon:
    """Optimiser of weight matrices; plain enough to take its learning rate with every step."""

    def __init__(self, matrices: Sequence[torch.nn.Parameter], momentum: float = 0.95) -> None:
        """Take the matrices and the momentum."""
        ordered = sorted(matrices, key=_shape)
        self._stacks = [list(group) for _, group in groupby(ordered, key=_shape)]
        self._momenta = {matrix: torch.zeros_like(matrix) for matrix in matrices}
        self._momentum = momentum

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change every matrix by its orthogonalised momentum."""
        for stack in self._stacks:
            updates = torch.stack([self._update(matrix) for matrix in stack])
            for matrix, update in zip(stack, orthogonal(updates), strict=True):
                rows, columns = matrix.shape
                turned = update if rows <= columns else update.T
                size = rate * max(1.0, rows / columns) ** 0.5
                matrix.mul_(1 - rate * _DECAY).add_(turned, alpha=-size)

    def _update(self, matrix: torch.nn.Parameter) -> torch.Tensor:
        """Return the momentum of a matrix after this gradient, looked ahead, lying on its side."""
        if matrix.grad is None:
            message = "step() before backward()"
            raise RuntimeError(message)
        average = self._momenta[matrix].lerp_(matrix.grad, 1 - self._momentum)
        update = matrix.grad.lerp(average, self._momentum)
        return update if matrix.shape[0] <= matrix.shape[1] else update.T


def orthogonal(updates: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Return (count, rows, columns) matrices, rows <= columns, with singular values near one."""
    a, b, c = _COEFFICIENTS
    x = updates / (updates.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x


def _shape(matrix: torch.Tensor) -> tuple[int, ...]:
    return tuple(sorted(matrix.shape))
