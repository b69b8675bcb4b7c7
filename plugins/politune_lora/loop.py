"""The training loop: rows in, a line of figures out after each optimiser step.

Every row's loss is divided by what its whole step holds, so micro-batches do not change the
objective. Nothing here depends on the clock: one seed, one machine, the same bytes.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from politune_harness import ModelError
from politune_lora.objectives import OBJECTIVES
from politune_lora.rows import Row
from politune_lora.scoring import Scorer, cut

if TYPE_CHECKING:
    from torch import Tensor

    from politune_lora import LoRA


def rate(step: int, total: int, settings: "LoRA") -> float:
    """Return the share of the peak learning rate at a step, counted from 0."""
    share = settings.warmup
    warm = math.ceil(total * share) if share < 1 else int(share)
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, total - warm)
    match settings.schedule:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        case "linear":
            return 1 - done
        case "constant":
            return 1.0


def order(rows: int, batch_size: int, epochs: int, seed: int) -> Iterator[tuple[int, list[int]]]:
    """Yield the epoch, from 1, and the rows of each step: shuffled anew in each epoch."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for epoch in range(1, epochs + 1):
        shuffled = torch.randperm(rows, generator=generator).tolist()
        for start in range(0, rows, batch_size):
            yield epoch, shuffled[start : start + batch_size]


def backward(
    scorer: Scorer, rows: Sequence[Row], chosen: Sequence[int], known: "Tensor", settings: "LoRA"
) -> "dict[str, Tensor]":
    """Add the gradients of one step, and return its loss and its means over pairs.

    `known` holds the reference log-probabilities of all rows.
    """
    objective = OBJECTIVES[settings.objective]
    tokens = sum(rows[i].completion_tokens for i in chosen)
    weight = {"tokens": tokens, "pairs": len(chosen)}[objective.mean_over]
    figures: dict[str, Tensor] = {}
    for part in cut(chosen, rows, scorer.micro_tokens):
        policy = scorer.answers([rows[i] for i in part])
        losses, others = objective.losses(
            policy, known[:, part], settings.beta, settings.label_smoothing
        )
        loss = losses.sum() / weight
        loss.backward()  # type: ignore[no-untyped-call]
        means = {name: value.sum() / len(chosen) for name, value in others.items()}
        for name, value in {"loss": loss, **means}.items():
            figures[name] = figures.get(name, 0) + value.detach()
    return figures


def steps(
    scorer: Scorer, rows: Sequence[Row], settings: "LoRA", seed: int
) -> Iterator[dict[str, float]]:
    """Train, and yield the figures of each optimiser step once it is taken.

    The figures: step and epoch, from 1; the loss; the learning rate; the norm of the gradient
    before clipping; and what the objective logs, as means over the step's pairs. Raises ModelError
    at a step whose loss or gradient is not finite, before the weights are touched.
    """
    import torch

    objective = OBJECTIVES[settings.objective]
    scorer.model.eval()
    known = torch.zeros(1, len(rows), device=scorer.device)
    if objective.referenced:
        known = scorer.reference(rows)
    scorer.model.train()
    weights = [p for p in scorer.model.parameters() if p.requires_grad]
    peak = settings.learning_rate or objective.learning_rate
    optimiser = torch.optim.AdamW(weights, peak, weight_decay=settings.weight_decay)
    plan = list(order(len(rows), settings.batch_size, settings.epochs, seed))
    for step, (epoch, chosen) in enumerate(plan):
        optimiser.param_groups[0]["lr"] = peak * rate(step, len(plan), settings)
        figures = backward(scorer, rows, chosen, known, settings)
        norm = torch.nn.utils.clip_grad_norm_(weights, settings.max_grad_norm or math.inf)
        values = torch.stack([*figures.values(), norm]).tolist()
        if not all(map(math.isfinite, values)):
            message = (
                f"step {step + 1} of {len(plan)}: loss {values[0]:g}, gradient norm "
                f"{values[-1]:g}; lower learning_rate ({peak:g}), or look at the rows of this step"
            )
            raise ModelError(message)
        optimiser.step()
        optimiser.zero_grad()
        yield {
            "step": step + 1,
            "epoch": epoch,
            "loss": values[0],
            "learning_rate": optimiser.param_groups[0]["lr"],
            "grad_norm": values[-1],
            **dict(zip(list(figures)[1:], values[1:-1], strict=True)),
        }
