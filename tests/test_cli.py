"""The commands that look and do not touch."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from politune_harness.cli import main
from politune_harness.recipe import Evaluate, Recipe
from politune_harness.study import Study
from tests.conftest import Politune

NARROW = 62
"""What 80 columns leave for a command's line beside its name."""


def groups(command: click.Command) -> list[click.Group]:
    """Return a group and all groups in it."""
    if not isinstance(command, click.Group):
        return []
    with click.Context(command) as context:
        inner = [command.get_command(context, name) for name in command.list_commands(context)]
    return [command, *(g for each in inner if each is not None for g in groups(each))]


@pytest.mark.parametrize("group", groups(main), ids=lambda group: group.name)
def test_no_commands_line_is_cut(group: click.Group) -> None:
    with click.Context(group) as context:
        found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    shown = [each.get_short_help_str(NARROW) for each in found.values() if each is not None]
    assert [line for line in shown if line.endswith("...") or not line] == []
    assert len(shown) == len(found)


def test_help_lists_the_commands(politune: Politune) -> None:
    shown = politune("--help").stdout
    for command in ("run", "check", "explain", "report", "plugins", "components", "doctor"):
        assert f"\n  {command} " in shown


def test_plugins_come_with_their_distribution(politune: Politune) -> None:
    lines = politune("plugins").stdout.splitlines()
    assert any(line.split()[:2] == ["lora", "politune-harness"] for line in lines)


def test_components_show_fields_defaults_and_meaning(politune: Politune) -> None:
    shown = politune("components", "filter").stdout
    assert "min-words" in shown
    assert "words = 20" in shown
    for kind in ("source", "filter", "instructions", "trainer", "generator", "metric"):
        assert f"{kind}\n" in politune("components").stdout


def test_components_show_the_keys_of_a_recipe(politune: Politune) -> None:
    shown = politune("components", "recipe").stdout
    for name in (*Recipe.model_fields, *Evaluate.model_fields, *Study.model_fields):
        assert f"\n      {name} " in shown
    assert "margin = 2.0  " in shown


def test_check_passes_the_quickstart(politune: Politune) -> None:
    done = politune("check", "quickstart")
    assert done.stdout.startswith("ok: "), done.stderr


def test_the_recipe_in_a_runs_folder_is_known_where_it_was_run(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "text": "yes we can"}\n')
    (tmp_path / "out").mkdir()
    source = "{source: {use: jsonl, path: rows.jsonl}}"
    text = f"model: quickstart\narms: {{ours: {source}}}\ninstructions: {{use: plain-text}}\n"
    (tmp_path / "out/recipe.yaml").write_text(f"{text}trainer: {{use: lora}}\n")
    check = ["check", str(tmp_path / "out/recipe.yaml")]
    assert "rows.jsonl" in CliRunner().invoke(main, check).output
    (tmp_path / "out/.recipe-folder").write_text(str(tmp_path))
    done = CliRunner().invoke(main, check)
    assert done.exit_code == 0, done.output
    (tmp_path / "out/1-read/ours").mkdir(parents=True)
    (tmp_path / "out/1-read/ours/rows.jsonl").touch()
    assert "was not finished" in CliRunner().invoke(main, ["explain", *check[1:]]).output


def test_an_option_of_politune_itself_stands_before_the_command() -> None:
    done = CliRunner().invoke(main, ["check", "quickstart", "--plugin", "shout.py"])
    assert done.exit_code == 2
    assert "--plugin stands before the command: politune --plugin …" in done.output
    assert "No such option" in CliRunner().invoke(main, ["check", "--plugim"]).output


def test_doctor_sees_versions_tasks_and_extras(politune: Politune) -> None:
    done = politune("doctor")
    assert done.returncode == 0, done.stdout
    assert "lm-eval sees our tasks" in done.stdout
    for extra in ("openai", "vllm"):
        line = next(line for line in done.stdout.splitlines() if f"extra {extra}: " in line)
        assert "installed (" in line or f"pip install 'politune-harness[{extra}]'" in line
