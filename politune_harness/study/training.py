"""What the training of each condition took: weights, steps, tokens and seconds, from its logs.

Seconds are of the machine where it was trained: they alone differ from one run of a study to the
next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import msgspec

from politune_harness.study import Grid
from politune_harness.study.running import folder_of

Line = TypeVar("Line", bound=msgspec.Struct)
LOG, SPEED = "log.jsonl", ".speed.jsonl"
"""A line a step: what was learnt, and how long that took; see the trainer `lora`."""


class _Learnt(msgspec.Struct):
    tokens: int | None = None


class _Timed(msgspec.Struct):
    busy: float | None = None


@dataclass(frozen=True)
class Training:
    """What the arms of a condition took, each a mean over arms and seeds."""

    of: str
    """The condition."""
    weights: float
    """Trained numbers, as adapters or models hold them."""
    steps: float
    tokens: float | None
    """Those that passed through the model: of prompts, and of both answers where both are read.
    None where the trainer does not say."""
    seconds: float | None
    """At work, as the trainer counts them; a mean over those trainings of which it says so."""
    timed: int
    """How many those are."""
    trainings: int
    goes_on: bool
    """Whether an arm starts from another's adapters, which took training of their own."""


def trainings(grid: Grid, out: Path, arms: Sequence[str]) -> list[Training]:
    """Return what training these arms took in each condition where any of them was trained.

    A trainer that keeps no log of its steps has no place here.
    """
    held: dict[str, list[Path]] = {}
    goes_on: set[str] = set()
    for cell in grid.cells:
        run = folder_of(cell, out) / "4-train"
        for arm in (arm for arm in arms if arm in cell.recipe.arms):
            folders = [run / arm / f"seed-{seed}" for seed in cell.recipe.seeds_of(arm)]
            told = [folder for folder in folders if (folder / LOG).is_file()]
            held.setdefault(cell.condition, []).extend(told)
            goes_on |= {cell.condition} if cell.recipe.arms[arm].after else set()
    return [_training(of, folders, of in goes_on) for of, folders in held.items() if folders]


def _training(condition: str, folders: Sequence[Path], goes_on: bool) -> Training:  # noqa: FBT001
    learnt = [_lines(folder / LOG, _Learnt) for folder in folders]
    tokens = [[s.tokens for s in steps if s.tokens is not None] for steps in learnt]
    counted = list(map(len, tokens)) == list(map(len, learnt))
    timed = [[s.busy for s in _lines(folder / SPEED, _Timed)] for folder in folders]
    known = [sum(b for b in each if b is not None) for each in timed if each and None not in each]
    return Training(
        condition,
        fmean(weights(folder / "adapter") for folder in folders),
        fmean(map(len, learnt)),
        fmean(map(sum, tokens)) if counted else None,
        fmean(known) if known else None,
        len(known),
        len(folders),
        goes_on,
    )


def _lines(path: Path, form: type[Line]) -> list[Line]:
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=form) for line in lines]


def weights(folder: Path) -> int:
    """Return how many numbers the tensors in a folder hold; of each, its header alone is read."""
    from safetensors import safe_open

    count = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "numpy") as file:
            count += sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return count
