"""The recipe's JSON Schema accepts every recipe of ours, and refuses what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from politune_harness.registry import Registry
from politune_harness.schema import schema

validators = pytest.importorskip("jsonschema", reason="comes with the test extra")

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


@pytest.fixture(scope="module")
def check() -> Any:  # noqa: ANN401
    found = schema(Registry.installed())
    validators.Draft202012Validator.check_schema(found)
    return validators.Draft202012Validator(found)


RECIPES = [
    *Registry.installed().recipes().values(),
    *(EXAMPLES / f"{name}.yaml" for name in ("curation", "platforms", "synthesis")),
    *sorted((EXAMPLES / "studies").glob("*.yaml")),
]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_it_accepts_a_recipe_of_ours(check: Any, path: Path) -> None:  # noqa: ANN401
    check.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("arms", {"left": {"source": {"use": "csw", "path": "a.csv"}}}),
        ("arms", {"left": {"source": {"use": "csv", "pathh": "a.csv"}}}),
        ("arms", {"left": {"source": {"use": "csv"}}}),
        ("filters", [{"use": "min-words", "words": "many"}]),
        ("filters", [{"use": "label", "generator": {"use": "openai"}}]),
        ("trainer", {"use": "lora", "objective": "dop"}),
        ("seed", [0]),
        ("study", {"question": "How many?"}),
    ],
)
def test_it_refuses_what_a_recipe_may_not_say(check: Any, key: str, value: object) -> None:  # noqa: ANN401
    recipe = {"model": "quickstart", "arms": {"left": {"source": {"use": "csv", "path": "a.csv"}}}}
    check.validate(recipe)
    assert not check.is_valid({**recipe, key: value})


def test_it_is_json() -> None:
    assert json.loads(json.dumps(schema(Registry.installed())))["title"] == "Recipe"
