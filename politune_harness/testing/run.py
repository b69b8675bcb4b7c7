"""A recipe run in the test's own process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from politune_harness import pipeline
from politune_harness.plan import plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry


def run_recipe(recipe: Mapping[str, Any], folder: Path, *, until: str = "instruct") -> Path:
    """Run a recipe with every plugin that is installed; return the folder of the run.

    `folder` is where the recipe's relative paths start; the run is `folder`/run. The posts of an
    arm named A are rows in run/1-read/A, each filter's in run/2-filter/A/N-NAME, and so on: read
    them with `politune_harness.artifacts.Artifact(folder).read(Document)`. Steps are those of
    `politune run --until`; up to `instruct` nothing is loaded but what the recipe's own components
    load.
    """
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(dict(recipe), sort_keys=False), encoding="utf-8")
    made = plan(Recipe.load(file), folder, Registry.installed())
    pipeline.run(made, folder / "run", until)
    return folder / "run"
