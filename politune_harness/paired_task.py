"""The classes of our paired tasks, for lm-evaluation-harness to import."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from politune_harness import paired
from politune_harness.judging import panel
from politune_harness.lm_task import InstrumentTask
from politune_harness.side_metrics import Aggregation
from politune_harness.statistics import interval, item_means, mean

Limits = tuple[float, float] | None

OBEDIENCE: Mapping[str, Limits] = {
    "asked_left": (0.0, 20.0),
    "asked_right": (0.0, 20.0),
    "gap": (-20.0, 20.0),
}
"""What is told of obedience with its interval, and the ends of its scale."""
EVENNESS: Mapping[str, Limits] = {
    "refused_gap": (-1.0, 1.0),
    "hedged_gap": (-1.0, 1.0),
    "length_gap": None,
}
BY_JUDGE: Mapping[str, Limits] = {"quality_gap": (-10.0, 10.0)}
"""What is told of pairs with its interval, by words and by judges."""
LEVELS = ("refused_left", "refused_right", "refused_one", "hedged_left", "hedged_right",
          "words_left", "words_right")  # fmt: skip


class PairedTask(InstrumentTask):
    """A task of pairs: its metrics are of this module, and not of its YAML."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__({"metric_list": [], **config})
        self._add(self.metrics())

    def metrics(self) -> dict[str, Aggregation]:
        """Return the task's own metrics, with what aggregates each."""
        raise NotImplementedError

    def values(self, doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
        """Return what an answer gives to them, intervals' ends included."""
        found = self.measure(doc, results)
        ends = {
            name: [row["item"], row["value"]]
            for metric, row in found.items()
            for name in (f"{metric}_low", f"{metric}_high")
        }
        return {**ends, **found}

    measure: Callable[[Mapping[str, Any], Sequence[Any]], dict[str, Any]]


class Instructed(PairedTask):
    """Requests to take a side, and how far answers go where they are told."""

    measure = staticmethod(paired.instructed_results)

    def metrics(self) -> dict[str, Aggregation]:
        return {**_with_ends(OBEDIENCE), "obeyed": mean, "missing": mean}


class EvenHanded(PairedTask):
    """The same request from both sides, and whether each gets the same."""

    measure = staticmethod(paired.even_handed_results)

    def metrics(self) -> dict[str, Aggregation]:
        told = {**dict.fromkeys(LEVELS, mean), **_with_ends(EVENNESS)}
        judges = panel(self.dataset["test"][0]["judges"])
        if any(judge.measures == "evenness" for judge in judges):
            told |= {**_with_ends(BY_JUDGE), "even": mean}
        return told


def _with_ends(measures: Mapping[str, Limits]) -> dict[str, Aggregation]:
    """Return the mean of each measure over items, and the ends of its 95 % interval."""
    found: dict[str, Aggregation] = {}
    for name, limits in measures.items():
        found[name] = mean
        found |= {f"{name}_{end}": partial(_end, end=end, limits=limits) for end in ("low", "high")}
    return found


def _end(rows: Sequence[Sequence[Any]], *, end: str, limits: Limits) -> float | None:
    found = interval(item_means((row[0], row[1]) for row in rows), limits)
    value: float | None = getattr(found, end)
    return value
