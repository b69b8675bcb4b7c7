"""Time a study against the runs that it saves, and one worker against two.

Prints, for a grid of sample x rank x seed on the small model: the stages of all cells and how many
of them are distinct; the time of the study on one worker and on two, each phase apart; and the time
of some of its cells run alone, from which follows that of all.

Run from the root of the repository: OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_study
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from politune_harness import pipeline
from politune_harness.artifacts import Contents
from politune_harness.registry import Registry
from politune_harness.study import Grid
from politune_harness.study.running import Running

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


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


@contextmanager
def timed(label: str) -> Iterator[list[float]]:
    took: list[float] = []
    start = time.perf_counter()
    yield took
    took.append(time.perf_counter() - start)
    say(f"{label:40} {took[0]:8.1f} s")


class Timed(Running):
    """A study that tells how long each phase takes."""

    def _work(self, cells, phase, contents):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        with timed(f"  {phase.name}"):
            return super()._work(cells, phase, contents)


def study(path: Path, out: Path, workers: int) -> tuple[float, Running]:
    """Run the study; return how long it took."""
    grid = Grid.load(path, [f"engine={{use: local, workers: {workers}}}"])
    running = Timed(grid, out, str(out / "store"), Registry.installed())
    with timed(f"study on {workers} workers") as took:
        running.run()
    return took[0], running


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alone", type=int, default=3, help="How many cells are run alone.")
    parser.add_argument("--levels", type=int, default=3, help="Levels of each axis.")
    given = parser.parse_args()
    over = {axis: levels[: given.levels] for axis, levels in STUDY["study"]["over"].items()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = folder / "study.yaml"
        path.write_text(yaml.safe_dump({**STUDY, "study": {**STUDY["study"], "over": over}}))
        one, running = study(path, folder / "one", 1)
        for step, stages, distinct, _ in running.shared():
            say(f"{step:40} {distinct:4} of {stages} stages are distinct")
        two, _ = study(path, folder / "two", 2)
        cells = random.Random(0).sample(running.grid.cells, given.alone)  # noqa: S311
        with timed(f"{given.alone} cells alone, on one worker") as took:
            for cell in cells:
                laid = running.lay_out(cell, Contents(folder / "none"))
                pipeline.run(laid.plan, folder / "alone" / cell.name)
        whole = took[0] / given.alone * len(running.grid.cells)
        say(f"study / {len(running.grid.cells)} runs, estimated: {one / whole:.2f}")
        say(f"efficiency of two workers, reports and all: {one / two / 2:.2f}")


if __name__ == "__main__":
    main()
