"""The training loop: rows in, a line of figures out after each optimiser step.

Every row's loss is divided by what its whole step holds, so neither micro-batches nor processes
change the objective. Nothing here depends on the clock: one seed, one machine, the same bytes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from politune_harness import ModelError
from politune_lora.objectives import OBJECTIVES, Losses, Objective, Options, Scores
from politune_lora.parallel import World
from politune_lora.rows import Row
from politune_lora.scoring import Scorer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from politune_lora import LoRA

SHOWN = 5
"""How many rows an error names."""
THIRD = 3
"""The number of answers of a row whose last one serves only to measure drift."""


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


@dataclass(frozen=True)
class Training:
    """One objective, on some rows, from the weights that the model has."""

    scorer: Scorer
    rows: Sequence[Row]
    settings: "LoRA"
    seed: int
    known: "Tensor | None" = None
    """(answers, rows): the log-probabilities of the model before, if the objective needs them; if
    it does and there are none, the base is asked in every micro-batch."""
    world: World = World()  # noqa: RUF009 - it is frozen

    @property
    def objective(self) -> Objective:
        return OBJECTIVES[self.settings.objective]

    @cached_property
    def plan(self) -> list[tuple[int, list[int]]]:
        """The epoch and the rows of each step."""
        settings = self.settings
        whole = list(order(len(self.rows), settings.batch_size, settings.epochs, self.seed))
        return whole[: settings.steps_of(len(whole))]

    @cached_property
    def weights(self) -> "list[tuple[str, torch.nn.Parameter]]":
        """What is trained, by name."""
        return [(n, p) for n, p in self.scorer.model.named_parameters() if p.requires_grad]

    @cached_property
    def peak(self) -> float:
        return self.settings.learning_rate or self.objective.learning_rate

    @cached_property
    def optimiser(self) -> "torch.optim.AdamW":
        import torch

        weights = [p for _, p in self.weights]
        return torch.optim.AdamW(
            weights, self.peak, weight_decay=self.settings.weight_decay, fused=True
        )

    def run(self, done: int = 0) -> Iterator[dict[str, float]]:
        """Train from step `done` on, and yield the figures of each step once it is taken.

        The figures: step and epoch, from 1; the loss; the learning rate; the norm of the gradient
        before clipping; the tokens of the step's texts; and what the objective logs, as means over
        the step's pairs. Raises ModelError at a step whose loss or gradient is not finite, before
        the weights are touched.
        """
        import torch

        self.scorer.model.train()
        weights = [p for _, p in self.weights]
        limit = self.settings.max_grad_norm or math.inf
        for step, (epoch, chosen) in enumerate(self.plan[done:], done):
            now = self.peak * rate(step, len(self.plan), self.settings)
            self.optimiser.param_groups[0]["lr"] = now
            figures = self._backward(chosen)
            self.world.sum([p.grad for p in weights if p.grad is not None])
            norm = torch.nn.utils.clip_grad_norm_(weights, limit)
            loss, *others, norm_ = torch.stack([*figures.values(), norm]).tolist()
            if not all(map(math.isfinite, (loss, norm_, *others))):
                raise self._broken(step, chosen, loss, norm_)
            self.optimiser.step()
            self.optimiser.zero_grad()
            yield {
                "step": step + 1,
                "epoch": epoch,
                "loss": loss,
                "learning_rate": now,
                "grad_norm": norm_,
                "tokens": sum(len(a.ids) for i in chosen for a in self.rows[i].answers),
                **dict(zip(list(figures)[1:], others, strict=True)),
            }

    def _broken(self, step: int, chosen: Sequence[int], loss: float, norm: float) -> ModelError:
        names = ", ".join(self.rows[i].id for i in chosen[:SHOWN])
        more = f" and {len(chosen) - SHOWN} more" if len(chosen) > SHOWN else ""
        message = (
            f"step {step + 1} of {len(self.plan)}: loss {loss:g}, gradient norm {norm:g}; lower "
            f"learning_rate ({self.peak:g}), or look at the rows of this step: {names}{more}"
        )
        return ModelError(message)

    def _backward(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """Add the gradients of one step, and return its loss and its means over pairs."""
        objective = self.objective
        tokens = sum(self.rows[i].completion_tokens for i in chosen)
        mine = self.world.share(sorted(chosen, key=lambda i: (-self.rows[i].width, i)))
        # Where there are fewer rows than processes, one that is left over counts for nothing.
        weight = 1.0 if mine else 0.0
        parts = self.scorer.cut(mine or chosen[:1], self.rows)
        drift = self._drift(parts, weight / len(chosen)) if objective.answers == THIRD else 0.0
        figures: dict[str, Tensor] = {}
        for part in parts:
            losses, others = self._losses(part, drift)
            divisor = {"tokens": tokens, "pairs": len(chosen)}[objective.mean_over]
            loss = losses.sum() * (weight / divisor)
            loss.backward()  # type: ignore[no-untyped-call]
            means = {k: value.sum() * (weight / len(chosen)) for k, value in others.items()}
            for name, value in {"loss": loss, **means}.items():
                figures[name] = figures.get(name, 0) + value.detach()
        self.world.sum(list(figures.values()))
        return figures

    def _losses(self, part: Sequence[int], drift: "Tensor | float") -> "Losses":
        import torch

        settings = self.settings
        rows = [Row(self.rows[i].id, self.rows[i].answers[: THIRD - 1]) for i in part]
        lengths = torch.tensor([[len(a.ids) - a.prompt for a in r.answers] for r in rows]).T
        reference = self._reference(part)[: THIRD - 1]
        policy = self.scorer.answers(rows)
        beta = settings.beta or self.objective.beta
        options = Options(beta, settings.label_smoothing, settings.target)
        scores = Scores(policy, reference, lengths.to(policy.device), drift)
        return self.objective.losses(scores, options)

    def _reference(self, part: Sequence[int]) -> "Tensor":
        import torch

        rows = [self.rows[i] for i in part]
        if self.known is not None:
            return self.known[:, torch.tensor(part)]
        if self.objective.referenced:
            return self.scorer.reference(rows)
        return torch.zeros(self.objective.answers, len(rows), device=self.scorer.device)

    def _drift(self, parts: Sequence[Sequence[int]], weight: float) -> "Tensor":
        """Return how far the model has moved on answers that do not belong to their prompts."""
        import torch

        total = torch.zeros((), device=self.scorer.device)
        with torch.no_grad():
            for part in parts:
                others = [self.rows[i].answers[THIRD - 1] for i in part]
                shifts = self.scorer.sums(others) - self._reference(part)[THIRD - 1]
                total += shifts.sum() * weight
        self.world.sum([total])
        return total.clamp(min=0)
