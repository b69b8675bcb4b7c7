"""Recipes that extend others: what is merged, where paths start, and what goes round in circles."""

from pathlib import Path

import pytest

from politune_harness.errors import RecipeError
from politune_harness.plan import plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry
from politune_harness.yaml_text import parsed


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_built_in_recipe_is_extended_by_its_name(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "mine.yaml",
        "extends: quickstart\nseeds: [7]\ntrainer: {epochs: 1}\nevaluate: {personas: {}}\n",
    )
    quickstart = Recipe.load(Registry.installed().recipes()["quickstart"])
    mine = Recipe.load(path)
    assert mine.seeds == (7,)
    assert mine.trainer is not None
    assert quickstart.trainer is not None
    assert mine.trainer.fields == {**quickstart.trainer.fields, "epochs": 1}
    assert (mine.evaluate.personas, mine.evaluate.systems) == ({}, quickstart.evaluate.systems)
    # Its posts are where it is.
    assert plan(mine, tmp_path, Registry.installed()).arms[0].source is not None


def test_explicit_paths_start_where_they_are_written(tmp_path: Path) -> None:
    put(
        tmp_path,
        "below/base.yaml",
        "model: quickstart\narms: {a: {adapter: ./tuned}, b: {adapter: ../other}}\n",
    )
    path = put(
        tmp_path, "above/mine.yaml", "extends: ../below/base.yaml\narms: {c: {adapter: ./own}}\n"
    )
    arms = Recipe.load(path).arms
    found = [(tmp_path / "above" / str(arm.adapter)).resolve() for arm in arms.values()]
    assert found == [tmp_path / "below/tuned", tmp_path / "other", tmp_path / "above/own"]


def test_another_component_takes_no_fields_over(tmp_path: Path) -> None:
    path = put(tmp_path, "mine.yaml", "extends: quickstart\ntrainer: {use: trl}\n")
    trainer = Recipe.load(path).trainer
    assert trainer is not None
    assert (trainer.use, trainer.fields) == ("trl", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: mine.yaml\n", "mine.yaml extends itself"),
        ("extends: quickstrat\n", "did you mean 'quickstart'"),
        ("extends: quickstart\nstudy: {}\n", "is a study: `politune study run`"),
        ("extends: quickstart\nseeds: [0]\nseeds: [1]\n", "the key seeds stands on lines 2 and 3"),
        ("arms: {left: {}, 'left': {}}\n", "the key left stands twice on line 1"),
    ],
)
def test_what_cannot_be_extended_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.load(put(tmp_path, "mine.yaml", text))


def test_an_arm_that_is_null_is_left_out(tmp_path: Path) -> None:
    path = put(tmp_path, "mine.yaml", "extends: quickstart\narms: {control: null}\n")
    assert set(Recipe.load(path).arms) == {"left", "right"}


def test_a_key_of_its_own_stands_over_one_that_is_merged(tmp_path: Path) -> None:
    merged = "x: &x {left: 1}\ny: &y {<<: *x, left: 2}\nz: {<<: *y, left: 3}\n"
    assert parsed(merged) == {"x": {"left": 1}, "y": {"left": 2}, "z": {"left": 3}}
