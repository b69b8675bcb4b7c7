"""The output head: log-probabilities of answers, without ever holding all of their logits.

Logits are formed for a few positions at a time, and the gradient with them, in the forward pass:
it is known there up to one factor an answer, which the objective gives later. So nothing is
computed twice, and memory grows with the hidden size instead of the vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch  # noqa: TID253 - scoring imports this module where it is used

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 2**22
"""Logits that are formed at once."""


@dataclass(frozen=True)
class Head:
    """A frozen linear head, with or without a LoRA on it."""

    layer: Any
    """What the model applies: the linear layer itself, or PEFT's wrapper around it."""

    def logps(self, hidden: "Tensor", targets: "Tensor", lengths: Sequence[int]) -> "Tensor":
        """Return the log-probability of each answer token, in nats, as float32.

        `hidden` is (tokens, size), answer by answer; `targets` is (tokens,); `lengths` are those of
        the answers. The gradient is right where only sums over whole answers are used.
        """
        base = getattr(self.layer, "base_layer", self.layer)
        low = up = None
        if base is not self.layer and not self.layer.disable_adapters:
            (name,) = self.layer.active_adapters
            down, up = self.layer.lora_A[name].weight, self.layer.lora_B[name].weight
            dropped = self.layer.lora_dropout[name](hidden.to(down.dtype))
            low = torch.nn.functional.linear(dropped, down) * self.layer.scaling[name]
        found: Tensor = _Logps.apply(  # type: ignore[no-untyped-call]
            hidden, base.weight, base.bias, low, up, targets, tuple(lengths)
        )
        return found


def stand_in(layer: "torch.nn.Module") -> Head | None:
    """Return a Head that does what a model's own head does, or None where it would not."""
    from peft.tuners.lora import Linear

    base: Any = layer
    if isinstance(layer, Linear):
        (name, *others) = layer.active_adapters
        if others or layer.merged or layer.use_dora.get(name) or layer.lora_bias.get(name):
            return None
        base = layer.base_layer
    if type(base) is not torch.nn.Linear or any(p.requires_grad for p in base.parameters()):
        return None
    return Head(layer)


def _spans(lengths: Sequence[int], chunk: int, *, by_answer: bool) -> Iterator[tuple[int, slice]]:
    """Yield which answer (0 where that is the same) and which tokens to look at at once."""
    ends = list(accumulate(lengths)) if by_answer else [sum(lengths)]
    start = 0
    for answer, end in enumerate(ends):
        for first in range(start, end, chunk):
            yield answer, slice(first, min(first + chunk, end))
        start = end


class _Logps(torch.autograd.Function):
    """log softmax(hidden @ weight.T + bias + low @ up.T) at the targets."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        hidden: "Tensor",
        weight: "Tensor",
        bias: "Tensor | None",
        low: Any,  # noqa: ANN401 - a tensor or None, as `up`
        up: Any,  # noqa: ANN401
        targets: "Tensor",
        lengths: tuple[int, ...],
    ) -> "Tensor":
        """Fill the log-probabilities, and what each of them pulls its inputs to."""
        learns = up is not None and ctx.needs_input_grad[4]
        found = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        pull: Any = torch.empty_like(hidden) if ctx.needs_input_grad[0] or learns else None
        pull_low: Any = torch.empty_like(low) if learns else None
        pull_up: Any = up.new_zeros(len(lengths), *up.shape) if learns else None
        chunk = max(1, CHUNK // len(weight))
        with torch.autocast(hidden.device.type, enabled=False):
            for answer, part in _spans(lengths, chunk, by_answer=learns):
                given = hidden[part].to(weight.dtype)
                logits = torch.nn.functional.linear(given, weight, bias).float()
                if up is not None:
                    logits += low[part].to(up.dtype) @ up.T
                places, top = targets[part, None], logits.amax(-1, keepdim=True)
                told = logits.gather(1, places) - top
                push = logits.sub_(top).exp_()
                total = push.sum(-1, keepdim=True)
                found[part] = (told - total.log())[:, 0]
                if pull is None:
                    continue
                # Instead of all probabilities, what few numbers come of them is divided.
                push.scatter_add_(1, places, -total)
                share = -total.reciprocal()
                pull[part] = (push.to(weight.dtype) @ weight) * share.to(weight.dtype)
                if learns:
                    given, push = (low[part] * share).to(up.dtype), push.to(up.dtype)
                    pull_low[part] = ((push @ up) * share).to(low.dtype)
                    pull_up[answer].addmm_(push.T, given)
        ctx.save_for_backward(pull, pull_low, pull_up)
        ctx.firsts = [0, *accumulate(lengths[:-1])]
        return found

    @staticmethod
    def backward(ctx: Any, weights: "Tensor") -> Any:  # noqa: ANN401
        """Weigh the pulls by what the objective makes of each answer."""
        pull, pull_low, pull_up = ctx.saved_tensors
        each = weights[:, None]
        by_answer = weights[ctx.firsts]
        return (
            None if pull is None else pull * each.to(pull.dtype),
            None,
            None,
            None if pull_low is None else pull_low * each.to(pull_low.dtype),
            None if pull_up is None else torch.tensordot(by_answer.to(pull_up.dtype), pull_up, 1),
            None,
            None,
        )
