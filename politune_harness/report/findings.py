"""The results of a run, as the report's sections and figures ask for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from politune_harness.lm import FLUENCY
from politune_harness.lm_requests import CUT
from politune_harness.report.instruments import SCORE, Key, Scale
from politune_harness.report.numbers import Unit, estimate, number, sure, unit_of
from politune_harness.report.reading import BASE

Entry = Mapping[str, Any]

MOSTLY = 0.5
"""The share of cut prompts from which a task says nothing of ability."""

INSENSITIVE, UNUSABLE = "†", "‡"
MEANING = {
    INSENSITIVE: "System prompts do not move this in this model: read nothing into it.",
    UNUSABLE: "Less than half of the probability is on the options: the position is unusable.",
}
ABILITY = (
    "acc",
    "exact_match",
    "exact_match,strict-match",
    "prompt_level_strict_acc",
    "acc_norm",
)
"""The metrics of ability, the first that a task has being its main one."""


@dataclass(frozen=True)
class Findings:
    """The content of results.json, and which of its tasks measure what."""

    results: Mapping[str, Any]
    bias: Sequence[str]
    capability: Sequence[str]
    scales: Mapping[Key, Scale]
    side_effects: Sequence[str] = ()

    @property
    def arms(self) -> list[str]:
        """The arms, base first."""
        return list(self.results["arms"])

    @property
    def tuned(self) -> list[str]:
        """The arms but for the base."""
        return [arm for arm in self.arms if arm != BASE]

    def entry(self, arm: str, task: str, metric: str) -> Entry | None:
        """Return what was measured, or else what lm-eval aggregated, which has no interval."""
        found: Entry | None = self.results["arms"][arm]["tasks"].get(task, {}).get(metric)
        told = self.results["aggregates"][arm].get(task, {}).get(metric)
        if found is None and told is not None:
            return {"value": told, "low": None, "high": None}
        return found

    def measured(self, task: str) -> list[str]:
        """Return the metrics that a task measured on the base."""
        return list(self.results["arms"][BASE]["tasks"].get(task, {}))

    def axes(self, task: str) -> list[str]:
        """Return the axes of a task, in the order of its bank."""
        named = [*self.results["banks"].get(task, {}).get("axes", {})]
        found = [metric for each, metric in self.scales if each == task and metric != SCORE]
        return sorted(found, key=(named or sorted(found)).index)

    @property
    def compasses(self) -> list[str]:
        """The tasks that place the base on an axis."""
        return [task for task in self.bias if self.axes(task)]

    @property
    def judged(self) -> list[str]:
        """The tasks whose answers are judged from left to right."""
        return [task for task in self.bias if (task, SCORE) in self.scales]

    @cached_property
    def headline(self) -> list[Key]:
        """The measures that the report begins with: of every bank one channel, and one score.

        Of a bank's channels it is the first whose every axis prompts can move and that is usable
        for the base; of a bank and its translation it is the original.
        """
        banks: dict[str, list[str]] = {}
        for task in self.compasses:
            bank = self.results["banks"].get(task, {})
            if bank.get("translation_of") not in self._banks:
                banks.setdefault(bank.get("bank", ""), []).append(task)
        chosen = [next((t for t in tasks if self._sound(t)), tasks[0]) for tasks in banks.values()]
        keys = [(task, axis) for task in chosen for axis in self.axes(task)]
        return keys + [(task, SCORE) for task in self.judged[:1]]

    @property
    def _banks(self) -> set[str]:
        return {bank["bank"] for bank in self.results["banks"].values()}

    def _sound(self, task: str) -> bool:
        return not any(self.mark(task, axis, BASE) for axis in self.axes(task))

    def cut(self, task: str) -> float:
        """Return the share of a task's prompts that lost their beginning, too long for the base."""
        return float((self.entry(BASE, task, CUT) or {}).get("value") or 0)

    @property
    def abilities(self) -> list[Key]:
        """Each capability task with its main metric, save where most prompts were cut.

        What is scored there answers something else.
        """
        mains = [
            (task, next((name for name in ABILITY if name in self.measured(task)), None))
            for task in self.capability
            if self.cut(task) <= MOSTLY
        ]
        return [(task, metric) for task, metric in mains if metric]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The arms that were compared, a and b."""
        return list(dict.fromkeys((each["a"], each["b"]) for each in self.results["differences"]))

    def between(self, a: str, b: str) -> dict[Key, Entry]:
        """Return the differences between two arms by task and metric."""
        found = (each for each in self.results["differences"] if (each["a"], each["b"]) == (a, b))
        return {(each["task"], each["metric"]): each for each in found}

    def fluency(self, arm: str) -> Entry | None:
        """Return how an arm's fluency differs from the base's, on judged answers where there are.

        What a choice between options costs says less than what free answers do.
        """
        apart = self.between(arm, BASE)
        tasks = [*self.judged, *(task for task, metric in apart if metric == FLUENCY)]
        return next((apart[t, FLUENCY] for t in tasks if (t, FLUENCY) in apart), None)

    def share(self, arm: str, task: str, metric: str) -> Entry | None:
        """Return an arm's shift from the base as a share of the persona range."""
        wanted = (arm, task, metric)
        found = self.results["shares"]
        return next((e for e in found if (e["arm"], e["task"], e["metric"]) == wanted), None)

    def mark(self, task: str, metric: str, *arms: str) -> str:
        """Return the signs that go with a measure, or with what it shows of some arms.

        † where prompts cannot move it, ‡ where one of the arms leaves the options unsaid.
        """
        if (task, metric) not in self.scales:
            return ""
        dead = f"{task} {metric}" in self.results["insensitive"]
        return (f" {INSENSITIVE}" if dead else "") + self.unusable(*arms, task=task)

    def name(self, task: str, metric: str, *arms: str) -> str:
        """Return what the sentences call a headline measure, with its marks."""
        alike = [key for key in self.headline if key[1] == metric]
        told = f" by `{task}`" if len(alike) > 1 else ""
        return metric + self.mark(task, metric, *arms) + told

    def unusable(self, *arms: str, task: str) -> str:
        """Return ‡ where one of the arms leaves a task's options unsaid."""
        found = any([arm, task] in self.results["unusable"] for arm in arms)
        return f" {UNUSABLE}" if found else ""

    def equivalent(self, arm: str, task: str, metric: str) -> bool:
        """Say whether an arm is proved as able as the base, within the recipe's margin."""
        found = self.results["equivalence"].get(arm, {}).get(task, {}).get(metric)
        return bool(found and found["verdict"] == "equivalent")

    def unit(self, task: str, metric: str) -> Unit:
        """Return how a metric is shown."""
        return unit_of(metric, leaning=(task, metric) in self.scales)

    def estimate(self, entry: Entry | None, task: str, metric: str, *, sign: bool = False) -> str:
        """Return a value with its interval."""
        return estimate(entry, self.unit(task, metric), sign=sign)

    def bare(self, arm: str, task: str, metric: str, *, like: str) -> str:
        """Return a value alone, shown as the metric `like` is."""
        return number((self.entry(arm, task, metric) or {}).get("value"), self.unit(task, like))

    def sure(self, entry: Entry) -> bool:
        """Say whether a difference's interval excludes 0, to the decimals that are shown."""
        return sure(entry, self.unit(entry["task"], entry["metric"]))
