"""Time a study against the runs that it saves, and one worker against two.

Prints, for a grid of sample x rank x seed on the small model: how curation and training of all
cells get on with one worker and with two; the whole study on two, each phase apart; how many of its
stages are distinct; and some of its cells run alone, each by a command of its own, from which
follows what all of them would take. Times are by the clock and by the processors; the clock's are
true where nothing else runs. So that more can be said, each piece of work is timed by its
processor, and replayed on two workers (see `replay`).

Run from the root of the repository: OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_study
"""

import argparse
import importlib
import json
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from politune_harness import Engine
from politune_harness.artifacts import Contents
from politune_harness.registry import Registry
from politune_harness.study import Grid
from politune_harness.study.running import PHASES, Laid, Running
from politune_harness.study.running import Phase as Steps
from tests.benchmarks.replay import Phase, finish

STUDY: dict[str, Any] = {
    "extends": "quickstart",
    "evaluate": {
        "bias": ["politune_compass_pairs", "politune_gpt_score"],
        "metadata": {"samples": 2, "lead_ins": 1},
    },
    "study": {
        "question": "How long does it take?",
        "over": {"sample": [60, 120, 240], "trainer.rank": [2, 4, 8], "seeds": [0, 1, 2]},
        "primary": {
            "task": "politune_compass_pairs",
            "metric": "economic",
            "contrast": ["right", "left"],
        },
    },
}
TRAINED = [phase.name for phase in PHASES].index("train") + 1


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


class Piece(NamedTuple):
    """What a piece of work took of its worker's processor, in seconds."""

    worker: int
    start: float
    """Before a worker's first piece: to start, and to load what all work needs."""
    seconds: float
    found: Any
    """What the work returned."""


@dataclass(frozen=True)
class Watched:
    """Work that is timed."""

    work: Callable[[Any], Any]

    def __call__(self, item: object) -> Piece:
        start = _load(time.process_time())
        begun = time.process_time()
        found = self.work(item)
        return Piece(os.getpid(), start, time.process_time() - begun, found)


def _load(before: float) -> float:
    """Load what all work needs, unless it is loaded; return what that took."""
    if "lm_eval.models.huggingface" in sys.modules:
        return 0.0
    for name in ("peft", "lm_eval.models.huggingface"):
        importlib.import_module(name)

    worker = multiprocessing.parent_process() is not None
    return time.process_time() - (0 if worker else before)


class Watching(Engine):
    """An engine whose pieces of work are timed."""

    inner: Engine
    pieces: Any
    """A list, which grows."""

    def map(
        self, work: Callable[[Any], Any], items: Sequence[Any], *, model: bool = False
    ) -> Iterator[Any]:
        for piece in self.inner.map(Watched(work), items, model=model):
            self.pieces.append(piece)
            yield piece.found


class Done(NamedTuple):
    """What a phase took, in seconds."""

    name: str
    clock: float
    own: float
    """Of the processor, by the process that gives out the work."""
    pieces: list[Piece]

    @property
    def alone(self) -> float:
        """What nobody shared; with one worker, it does the pieces too."""
        here = [p.start + p.seconds for p in self.pieces if p.worker == 0]
        return self.own - sum(here)

    def longest(self) -> float:
        """Return what the busiest worker did."""
        busy: dict[int, float] = defaultdict(float)
        for piece in self.pieces:
            busy[piece.worker] += piece.start + piece.seconds
        return max(busy.values(), default=0.0)

    def phase(self) -> Phase:
        return Phase(self.name, tuple(piece.seconds for piece in self.pieces), self.alone)


@dataclass(frozen=True)
class Timed(Running):
    """A study that keeps how long each phase takes."""

    phases: list[Done] = field(default_factory=list)

    def _work(self, cells: Sequence[Laid], phase: Steps, contents: Contents, engine: Engine) -> int:
        pieces: list[Piece] = []
        clock, own = time.perf_counter(), time.process_time()
        made = super()._work(cells, phase, contents, Watching(inner=engine, pieces=pieces))
        took = time.perf_counter() - clock, time.process_time() - own
        here = os.getpid()
        known = [p._replace(worker=0) if p.worker == here else p for p in pieces]
        self.phases.append(Done(phase.name, *took, known))
        return made

    def curate_and_train(self) -> None:
        """Work all phases up to the training."""
        contents = Contents(self.out / "memory")
        cells = [self.lay_out(cell, contents) for cell in self.grid.cells]
        with cells[0].plan.engine.kept() as engine:
            for phase in PHASES[:TRAINED]:
                self._work(cells, phase, contents, engine)


def work(path: Path, out: Path, workers: int, *, whole: bool) -> None:
    """Do a part in a process of its own, and write what it took."""
    os.environ["TQDM_DISABLE"] = "1"
    grid = Grid.load(path, [f"engine={{use: local, workers: {workers}}}"])
    out.mkdir()
    study = Timed(grid, out, str(out / "store"), Registry.installed())
    if whole:
        study.run()
    else:
        study.curate_and_train()
    (out / "took.json").write_text(json.dumps(study.phases))


class Took(NamedTuple):
    """What a command took, in seconds: by the clock, and of the processors."""

    clock: float
    processors: float


def command(*words: object) -> Took:
    """Run a command, and what it starts; return what they took."""
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    after, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - clock
    return Took(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def part(path: Path, out: Path, workers: int, *, whole: bool) -> tuple[Took, list[Done]]:
    """Have a part done; tell and return what it took."""
    given = ("--study", path, "--out", out, "--workers", workers, *(["--whole"] if whole else []))
    took = command("tests.benchmarks.bench_study", *given)
    told = json.loads((out / "took.json").read_text())
    phases = [Done(n, clock, own, [Piece(*p) for p in ps]) for n, clock, own, ps in told]
    tell(f"{'study' if whole else 'curation and training'} on {workers} workers", *took)
    for each in phases:
        if each.pieces:
            busy = sum(piece.seconds for piece in each.pieces)
            tell(f"    {each.name}, {len(each.pieces)} pieces", each.clock, each.alone + busy)
            parts = f"alone {each.alone:.1f}, longest worker {each.longest():.1f}"
            say(f"        {parts}, of it {max(p.start for p in each.pieces):.1f} to start")
    return took, phases


def tell(what: str, clock: float, processors: float) -> None:
    say(f"{what:48} {clock:8.1f} s {processors:8.1f} s of processors")


def compare(one: Sequence[Done], two: Sequence[Done]) -> None:
    """Print how well two workers share what one did."""
    one, two = one[:TRAINED], two[:TRAINED]
    clocks = [sum(each.clock for each in phases) for phases in (one, two)]
    alone = sum(each.own for each in one)
    path = sum(each.alone + each.longest() for each in two)
    start = max(piece.start for each in two for piece in each.pieces)
    replayed = [finish([each.phase() for each in one], n, start) for n in (1, 2)]
    say("efficiency of two workers against one, curation and training (at least 0.8):")
    say(f"    by the clock {clocks[0] / clocks[1] / 2:.2f}")
    say(f"    by the processors, where both are free {alone / path / 2:.2f}")
    say(f"    one worker's pieces, replayed on two {replayed[0] / replayed[1] / 2:.2f}")
    say(f"replay / run: {replayed[0] / alone:.2f} on one worker, {replayed[1] / path:.2f} on two")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alone", type=int, default=2, help="How many cells are run alone.")
    parser.add_argument("--levels", type=int, default=3, help="Levels of each axis.")
    parser.add_argument("--only-training", action="store_true", help="Leave the whole study out.")
    for hidden in ("--study", "--out"):
        parser.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--whole", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.study:
        work(given.study, given.out, given.workers, whole=given.whole)
        return
    over = {axis: levels[: given.levels] for axis, levels in STUDY["study"]["over"].items()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = folder / "study.yaml"
        path.write_text(yaml.safe_dump({**STUDY, "study": {**STUDY["study"], "over": over}}))
        _, one = part(path, folder / "one", 1, whole=False)
        took, two = part(path, folder / "two", 2, whole=not given.only_training)
        compare(one, two)
        if not given.only_training:
            sharing(path, folder, took, given.alone)


def sharing(path: Path, folder: Path, took: Took, alone: int) -> None:
    """Print what the study took of what all of its cells take alone."""
    grid = Grid.load(path, ["engine={use: local, workers: 2}"])
    running = Running(grid, folder / "two", str(folder / "two/store"), Registry.installed())
    for each in running.shared()[0]:
        say(f"    {each.step:12} {each.distinct:4} of {each.stages:4} stages are distinct")
    cells, count = random.Random(0).sample(grid.cells, alone), len(grid.cells)  # noqa: S311
    single = ("--set", "engine={use: local, workers: 1}", "--quiet")
    runs = []
    for cell in cells:
        out = folder / "alone" / cell.name
        given = ("run", path, "--cell", cell.number, "--out", out, *single)
        runs.append(command("politune_harness.cli", *given))
        tell(f"cell {cell.name} alone", *runs[-1])
    clock, processors = (count * sum(each) / alone for each in zip(*runs, strict=True))
    say(f"study / {count} runs, as they would be after these {alone} (at most 0.6):")
    say(f"    by the processors {took.processors / processors:.2f}")
    say(f"    by the clock, two runs at once {2 * took.clock / clock:.2f}")


if __name__ == "__main__":
    main()
