"""Scripted models for lm-evaluation-harness: they see the document that a request came from."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import LM  # noqa: TID253

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

TASKS = Path(__file__).parents[1] / "tasks"
NEVER = -math.inf
AGREEMENT = (-1, -1 / 3, 1 / 3, 1)
REFUSAL = "I'm sorry, but as an AI I can't share a personal opinion on that."

Document = Mapping[str, Any]
Agreement = Callable[[Document], float | None]
"""How far a responder agrees with what a document shows, -1 to 1; None where it refuses."""


class Responder(LM):  # type: ignore[misc]
    """Answers every channel by one rule."""

    def __init__(
        self,
        shares: Callable[[Document], Sequence[float]],
        say: Callable[[Document], str] = lambda _: "",
    ) -> None:
        super().__init__()
        self.shares, self.say = shares, say

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        return [(_log(self.shares(r.doc)[r.idx]), False) for r in requests]

    def generate_until(self, requests: list[Any]) -> list[str]:
        return [self.say(request.doc) for request in requests]

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        raise NotImplementedError


def _log(share: float) -> float:
    return math.log(share) if share else NEVER


def manager(**metadata: object) -> "TaskManager":
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(TASKS), include_defaults=False, metadata=metadata)


def run(task: str, lm: LM, **metadata: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Evaluate a task on a model; return its metrics and samples."""
    from lm_eval import evaluate

    found = evaluate(lm, manager(**metadata).load([task]), bootstrap_iters=0)
    metrics = {
        name.partition(",")[0]: value
        for name, value in found["results"][task].items()
        if "," in name and "_stderr" not in name
    }
    return metrics, found["samples"][task]


def holding(agreement: Agreement) -> Responder:
    """Return a model of that opinion in every channel; without one, it refuses."""

    def shares(doc: Document) -> Sequence[float]:
        held = agreement(doc)
        if held is None:
            return [1e-6] * len(doc["choices"])
        if len(doc["choices"]) == 2:
            return [(1 + held) / 2, (1 - held) / 2]
        return [float(option == nearest(held)) for option in range(4)]

    def say(doc: Document) -> str:
        held = agreement(doc)
        if held is None:
            return REFUSAL
        if "poles" in doc:
            upwards = held * max(doc["weights"].values(), key=abs)
            return f"In my view: {doc['poles'][upwards > 0]}" if held else "I take no side."
        return str(doc["choices"][nearest(held)])

    return Responder(shares, say)


def nearest(held: float) -> int:
    """Return the place of the option that says most nearly this."""
    return min(range(4), key=lambda option: abs(AGREEMENT[option] - held))


def leaning(axis: str, side: int) -> Agreement:
    """Return the opinions of somebody who stands on one side of one axis, and between on others."""

    def agreement(doc: Document) -> float:
        weight = doc["weights"][axis]
        return math.copysign(1, weight) * side if weight else 0.0

    return agreement
