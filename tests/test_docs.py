"""What the documentation shows is so: recipes validate, commands exist, code runs, links lead."""

import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml

from politune_harness.cli import main
from politune_harness.discovery import FILES
from politune_harness.plan import plan
from politune_harness.recipe import Arm, Recipe
from politune_harness.registry import Registry
from politune_harness.study import Grid

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
EXAMPLE = ROOT / "docs/examples/plugins/euro-news"
INLINE = re.compile(r"`(politune [a-z-][^`]*)`")
OTHERS = {"axes", "bank", "label"}
"""Keys of YAML that is no recipe: banks and studies, which have tests of their own."""


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    place: str
    language: str
    text: str


def blocks(*languages: str) -> pytest.MarkDecorator:
    found = [
        Block(f"{page.name}:{text[: each.start()].count(chr(10)) + 1}", each[1], each[2])
        for page in PAGES
        if page.is_file() and (text := page.read_text(encoding="utf-8"))
        for each in FENCE.finditer(text)
        if each[1] in languages
    ]
    return pytest.mark.parametrize("block", found, ids=[each.place for each in found])


@pytest.fixture(scope="module")
def registry() -> Registry:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FILES, str(EXAMPLE / "politune_euro_news.py"))
        return Registry.installed()


def test_the_tutorial_shows_the_example_as_it_is() -> None:
    shown = [each[2] for each in FENCE.finditer((ROOT / "docs/add-a-dataset.md").read_text())]
    assert (EXAMPLE / "politune_euro_news.py").read_text() in shown
    comment, _, recipe = (EXAMPLE / "recipe.yaml").read_text().partition("\n")
    assert comment.startswith("# ")
    assert recipe in shown


@blocks("yaml")
def test_a_recipe_or_part_of_one_validates(
    block: Block, registry: Registry, tmp_path: Path
) -> None:
    values = yaml.safe_load(block.text)
    if OTHERS & values.keys():
        return
    if "study" in values:
        file = tmp_path / "study.yaml"
        file.write_text(block.text)
        assert Grid.load(file).cells
        return
    recipe = {"model": "quickstart", "arms": {"a": {"source": {"use": "csv", "path": "a.csv"}}}}
    recipe |= {"trainer": {"use": "lora"}, "instructions": {"use": "plain-text"}}
    of_arm = Arm.model_fields.keys() - Recipe.model_fields.keys()
    arm = {key: values.pop(key) for key in of_arm & values.keys()}
    recipe |= values | ({"arms": {"a": arm}} if arm else {})
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe))
    plan(Recipe.load(file), tmp_path, registry)


@blocks("sh", "bash", "console")
def test_a_command_exists_with_its_options(block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["politune"]:
            options(main, words[1:])
        elif words[:1] == ["make"]:
            assert set(words[1:]) <= targets(), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_in_a_sentence_exists(page: Path) -> None:
    for words in INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        options(main, re.split(r"[\s|]+", words)[1:2] if "|" in words else shlex.split(words)[1:])


def options(command: click.Command, words: list[str]) -> None:
    """Follow the words to the subcommand, and look every option up on the way."""
    known = {name: param for param in command.params for name in param.opts}
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            assert word in known, f"{command.name} has no option {word}"
            takes_value = not getattr(known[word], "is_flag", False)
            words = words[takes_value:]
        elif isinstance(command, click.Group):
            assert word in command.commands, f"{command.name} has no command {word}"
            return options(command.commands[word], words)
    return None


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@blocks("python")
def test_code_runs(block: Block) -> None:
    exec(compile(block.text, block.place, "exec"), {"__name__": "docs"})  # noqa: S102


@blocks("toml", "json")
def test_a_file_can_be_read(block: Block) -> None:
    {"toml": tomllib.loads, "json": json.loads}[block.language](block.text)


@pytest.mark.parametrize(
    "page", [*PAGES, *(ROOT / "tasks").rglob("*.md")], ids=lambda page: page.name
)
def test_links_lead_to_something(page: Path) -> None:
    for to in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        assert (page.parent / to).exists(), to
