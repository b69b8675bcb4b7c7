"""What `politune check` advises."""

from pathlib import Path
from typing import Any

import yaml

from politune_harness.advice import advice
from politune_harness.plan import plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry

LABEL = {"use": "label", "generator": {"use": "transformers", "model": "quickstart"}}


def advised(folder: Path, *filters: dict[str, Any]) -> list[str]:
    (folder / "posts.csv").write_text("text\nHello.\n")
    arm = {"source": {"use": "csv", "path": "posts.csv"}, "filters": filters}
    recipe = {
        "model": "quickstart",
        "arms": {"left": arm},
        "instructions": {"use": "plain-text"},
        "trainer": {"use": "lora", "objective": "clm"},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return [*advice(plan(Recipe.load(path), folder, Registry.installed()))]


def test_a_cheap_filter_belongs_before_one_that_asks_a_model(tmp_path: Path) -> None:
    (line,) = advised(tmp_path, LABEL, {"use": "min-words"}, {"use": "unique"})
    assert line.startswith("arms.left: `label` runs a model on every document, and `min-words` ")


def test_what_is_in_order_needs_no_advice(tmp_path: Path) -> None:
    assert not advised(tmp_path, {"use": "min-words"}, LABEL, {"use": "sample", "n": 1}, LABEL)
