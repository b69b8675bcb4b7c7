"""What a study decided before anything ran: `frozen.json`, by which its report tells what it may.

One invariant: what is confirmatory was written down, and hashed, before its first result.
"""

import json
import os
from pathlib import Path
from typing import Any

from politune_harness.artifacts import digest
from politune_harness.errors import DataError
from politune_harness.recipe import Recipe
from politune_harness.records import JSON
from politune_harness.study import Grid

FROZEN = "frozen.json"
UNMEASURED: Any = {"engine": True, "judge": True, "evaluate": {"batch_size", "device"}}
"""What a recipe says that makes no difference to what is measured."""


def decided(grid: Grid) -> dict[str, JSON]:
    """Return what a study decides: outcome, contrast, margin, exclusions, seeds, every recipe."""
    study = grid.study.model_dump(mode="json", include={"question", "primary", "margin", "exclude"})
    if grid.study.primary.beyond is None:
        del study["primary"]["beyond"]
    every = [cell.recipe for cell in grid.cells]
    seeds = sorted({seed for each in every for arm in each.arms for seed in each.seeds_of(arm)})
    recipes = {cell.name: digest(_measured(cell.recipe)) for cell in grid.cells}
    if grid.study.effect:
        study["effect"] = grid.study.effect.model_dump(mode="json")
    return {**study, "seeds": [*seeds], "cells": recipes}


def _measured(recipe: Recipe) -> dict[str, JSON]:
    return recipe.model_dump(mode="json", exclude=UNMEASURED, exclude_defaults=True)


def freeze(grid: Grid, out: Path, *, amend: bool = False) -> None:
    """Write down what a study decides, before anything runs.

    Raises DataError, naming what differs, where results are there and something else was frozen;
    to `amend` it is possible, and leaves nothing confirmatory.
    """
    if stands(grid, out):
        return
    path, now, before = out / FROZEN, decided(grid), read(out)
    begun = any(out.glob("cells/*/5-evaluate/**/manifest.json"))
    if begun and not amend:
        held = before["decided"] if before else {}
        changed = ", ".join(key for key in now if held.get(key) != now[key])
        message = (
            f"{out} has results already, and since it was frozen this changed: {changed}; run "
        )
        message += "the study on other seeds in another folder, or with --amend, which makes all "
        message += "exploratory"
        raise DataError(message)
    amended = [*(before["amended"] if before else [])]
    if begun:
        amended.append(before["sha256"] if before else "nothing was frozen")
    told = {"sha256": digest(now), "amended": amended, "decided": now}
    partial = path.with_name(f".{FROZEN}.{os.getpid()}")
    partial.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def stands(grid: Grid, out: Path) -> bool:
    """Say whether what is frozen is what a study decides."""
    before = read(out)
    return before is not None and before["decided"] == decided(grid)


def read(out: Path) -> dict[str, Any] | None:
    """Return what was frozen, or None. Raises DataError where it was changed by hand."""
    path = out / FROZEN
    if not path.is_file():
        return None
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        whole = told["sha256"] == digest(told["decided"])
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        message = f"{path} does not have the digest that it names: it was changed by hand"
        raise DataError(message)
    return told


def checked(grid: Grid, out: Path) -> dict[str, Any]:
    """Return what was frozen of a study. Raises DataError where that is nothing, or another."""
    told = read(out)
    if told is None or told["decided"] != decided(grid):
        message = f"{out} holds no run of this study as it is: `politune study run` it there"
        raise DataError(message)
    return told
