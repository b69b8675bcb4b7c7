"""Work out the hours and the money of an experiment at the paper's scale and past it.

Rates, prices and assumptions are those of results/benchmarks/rates.yaml. Every stage becomes pieces
of work, as the pipeline cuts it, which are then replayed on the machine with its barriers (see
`replay`): a month of comments is one piece, what looks at the whole stream is nobody else's, and a
training is one piece. Prints the tables of docs/scale.md, which a test compares.

Run from the root of the repository: python -m tests.benchmarks.scale
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.replay import Phase, finish

RATES = Path(__file__).parents[2] / "results/benchmarks/rates.yaml"
HOUR = 3600.0
SHARD = 10_000
"""Documents of 400 bytes in the shards that filters work apart."""
TOGETHER = 4
"""Evaluations on one loaded model, as a study has them."""


@dataclass(frozen=True)
class Stage:
    """One row of the table; times in hours."""

    name: str
    core: tuple[float, ...] = ()
    """Pieces that a core works."""
    gpu: tuple[float, ...] = ()
    """Pieces that some GPUs work."""
    alone: float = 0.0
    """What one process does for all."""
    gpus: int = 1
    """How many GPUs a piece takes."""
    fee: float = 0.0
    """Dollars for what others answer."""

    def clock(self, cores: int, gpus: int) -> float:
        """Return the hours until all of it is done."""
        shared = Phase(self.name, self.core, self.alone), cores
        lent = Phase(self.name, self.gpu), max(1, gpus // self.gpus)
        return sum(finish([phase], workers) for phase, workers in (shared, lent))

    @property
    def core_hours(self) -> float:
        return sum(self.core) + self.alone

    @property
    def gpu_hours(self) -> float:
        return sum(self.gpu) * self.gpus


@dataclass(frozen=True)
class Plan:
    """The stages of one experiment."""

    given: Mapping[str, Any]
    scale: Mapping[str, float]
    machines: int = 1

    def stages(self) -> Iterator[Stage]:
        """Yield them in the order of work."""
        assumed, study = self.given["assumed"], self.given["study"]
        comments = self.scale["comments"]
        posts = comments * assumed["selected"]
        left = posts * assumed["language"]
        yield Stage("read .bz2, select", core=self._months(comments))
        apart = self._micro("min-words", "mask", "language")
        yield Stage("filters, in shards", core=_pieces(posts * apart, posts / SHARD))
        whole = self._micro("unique", "near-unique")
        yield Stage("filters, of all posts together", alone=posts * whole)
        yield from self._stance(left)
        written = self.scale["pairs"] * study["arms"] * assumed["tries"]
        yield self._large("write pairs", "writing", written)
        yield Stage("train, DPO", gpu=self._trainings())
        yield self._evaluation()
        yield self._judging()

    def _micro(self, *names: str) -> float:
        """Return the hours that some steps take for one document."""
        values = (float(self.given["measured"][name]["value"]) for name in names)
        return sum(values) / 1e6 / HOUR

    def _months(self, comments: float) -> tuple[float, ...]:
        """Return the months of comments, each larger than the last."""
        growth = self.given["assumed"]["growth"]
        count = int(self.scale.get("months", self.given["study"]["months"]))
        sizes = [growth**month for month in range(count)]
        hours = comments * self._micro("unpack")
        return tuple(hours * size / sum(sizes) for size in sizes)

    def _model(self, kind: str, passes: float, tokens: float, reached: str) -> float:
        """Return the hours of one GPU for tokens of a model."""
        derived = self.given["derived"]
        operations = passes * derived["weights"][kind] * tokens
        return float(operations / (derived["peak"] * derived["reached"][reached]) / HOUR)

    def _asked(self, kind: str, what: str) -> float:
        """Return the hours of one GPU to read one prompt and answer it."""
        read, written = self.given["tokens"][what]
        forward = self.given["derived"]["passes"]["forward"]
        told = ((read, "read"), (written, "write"))
        return sum(self._model(kind, forward, tokens, how) for tokens, how in told)

    def _large(self, name: str, what: str, count: float) -> Stage:
        gpus = self.given["derived"]["gpus"]["large"]
        hours, ready = count * self._asked("large", what) / gpus, self.given["derived"]["ready"]
        # As many engines as the GPUs hold, each with its share of the prompts.
        engines = self.given["machine"]["gpus"] * self.machines / gpus
        return Stage(name, gpu=_pieces(hours, engines, ready), gpus=gpus)

    def _stance(self, posts: float) -> Iterator[Stage]:
        assumed, tokens = self.given["assumed"], self.given["tokens"]["post"]
        if labelled := self.scale.get("labelled"):
            count = self.scale["pairs"] * labelled * self.given["study"]["arms"]
            yield self._large("stance, by the large model", "label", count)
            return
        count = assumed["taught"] * self.given["study"]["arms"]
        yield self._large("stance, by the large model", "label", count)
        forward = self.given["derived"]["passes"]["forward"]
        hours = self._model("encoder", forward, posts * tokens, "read")
        yield Stage("stance, by an encoder", gpu=(hours,))

    def _trainings(self) -> tuple[float, ...]:
        study, derived = self.given["study"], self.given["derived"]
        tokens = self.scale["pairs"] * self.given["tokens"]["pair"]
        hours = self._model("tuned", derived["passes"]["dpo"], tokens, "train")
        return (hours + float(derived["ready"]),) * int(study["arms"] * study["seeds"])

    def _evaluation(self) -> Stage:
        study, ready = self.given["study"], self.given["derived"]["ready"]
        one = study["compass"] * self._asked("tuned", "compass")
        one += study["opinions"] * self._asked("tuned", "opinion")
        groups = [TOGETHER] * (study["models"] // TOGETHER) + [study["models"] % TOGETHER]
        return Stage("evaluate", gpu=tuple(ready + n * one for n in groups if n))

    def _judging(self) -> Stage:
        study, prices = self.given["study"], self.given["prices"]
        asked, answered = self.given["tokens"]["judgement"]
        each = (asked * prices["asked"] + answered * prices["answered"]) / 1e6
        return Stage("judge", fee=study["opinions"] * study["models"] * study["judges"] * each)


def _pieces(hours: float, count: float, ready: float = 0.0) -> tuple[float, ...]:
    number = max(1, round(count))
    return (hours / number + ready,) * number


@dataclass(frozen=True)
class Total:
    """What all stages come to."""

    stages: Sequence[Stage]
    given: Mapping[str, Any]
    machines: int = 1

    def clock(self, stage: Stage) -> float:
        machine = self.given["machine"]
        return stage.clock(machine["cores"] * self.machines, machine["gpus"] * self.machines)

    @property
    def hours(self) -> float:
        return sum(map(self.clock, self.stages))

    @property
    def used(self) -> float:
        """Dollars for the hours in which cores and GPUs work."""
        core, gpu = (float(self.given["prices"][name]) for name in ("core", "gpu"))
        return sum(s.core_hours * core + s.gpu_hours * gpu + s.fee for s in self.stages)

    @property
    def rented(self) -> float:
        """Dollars where the machines are paid for from the first hour to the last."""
        machine, prices = self.given["machine"], self.given["prices"]
        hour = float(machine["cores"] * prices["core"] + machine["gpus"] * prices["gpu"])
        return hour * self.machines * self.hours + sum(stage.fee for stage in self.stages)


def total(given: Mapping[str, Any], name: str, machines: int = 1) -> Total:
    """Return what a scale comes to on some machines."""
    plan = Plan(given, given["scales"][name], machines)
    return Total(list(plan.stages()), given, machines)


def tables(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of both tables."""
    totals = {name: total(given, name) for name in given["scales"]}
    # The last has all stages.
    rows = [stage.name for stage in [*totals.values()][-1].stages]
    yield f"| stage | {' | '.join(f'{name} | h' for name in totals)} |"
    yield f"|---|{'---:|---:|' * len(totals)}"
    for row in rows:
        cells = [_row(each, row) for each in totals.values()]
        yield f"| {row} | {' | '.join(cells)} |"
    sums = [f"{_dollars(each.used)} | **{_number(each.hours)}**" for each in totals.values()]
    yield f"| **all** | {' | '.join(sums)} |"
    yield ""
    yield f"| machines | {' | '.join(f'{name}, h | rented' for name in totals)} |"
    yield f"|---|{'---:|---:|' * len(totals)}"
    for machines in (1, 2, 4, 8):
        each = [total(given, name, machines) for name in totals]
        cells = [f"{_number(one.hours)} | {_dollars(one.rented)}" for one in each]
        yield f"| {machines} | {' | '.join(cells)} |"


def _row(told: Total, name: str) -> str:
    found = [stage for stage in told.stages if stage.name == name]
    if not found:
        return " | "
    (stage,) = found
    if stage.fee:
        return f"{_dollars(stage.fee)} | "
    hours, of = (stage.gpu_hours, "GPU h") if stage.gpu else (stage.core_hours, "core h")
    return f"{_number(hours)} {of} | {_number(told.clock(stage))}"


def _number(value: float) -> str:
    """Return two digits that count.

    >>> _number(0.0123), _number(1.26), _number(1234.5)
    ('0.012', '1.3', '1,200')
    """
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:.10g}"


def _dollars(value: float) -> str:
    return f"${_number(value)}"


def main() -> None:
    """Print the tables."""
    print("\n".join(tables(yaml.safe_load(RATES.read_text()))))  # noqa: T201


if __name__ == "__main__":
    main()
