"""What `politune new-plugin` writes installs, is found, does its work and passes its own test."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from politune_harness import PluginError, new_plugin
from politune_harness.components import KINDS
from tests.conftest import Politune

ALL = (*KINDS, "tasks")


@dataclass(frozen=True)
class Made:
    """A package of every kind, and where all are installed."""

    packages: Path
    site: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Write a package of each kind, and install them all into one folder."""
    packages, site = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("site")
    for kind in ALL:
        new_plugin.write(f"our-{kind}", kind, packages / kind)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run([*install, *(str(packages / kind) for kind in ALL)], check=True)
    return Made(packages, site)


def test_they_pass_their_own_tests_where_they_are_installed(made: Made) -> None:
    tests = [str(next((made.packages / kind).glob("test_*.py"))) for kind in ALL]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        env={**os.environ, "PYTHONPATH": str(made.site), "OMP_NUM_THREADS": "1"},
        cwd=made.packages,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_they_are_listed_with_distribution_version_and_path(made: Made, politune: Politune) -> None:
    said = politune("plugins", PYTHONPATH=str(made.site)).stdout
    for kind in ALL:
        name = f"our-{kind}"
        (about, path), *_ = re.findall(rf"^{name} +(.*)\n +(.*)$", said, re.MULTILINE)
        assert about.startswith(f"politune-{name} 0.1.0")
        assert Path(path).is_relative_to(made.site)


def recipes(made: Made) -> Iterator[str]:
    """Yield the part of a recipe that each package's README shows."""
    for kind in ALL:
        text = (made.packages / kind / "README.md").read_text()
        yield text.split("```yaml\n")[1].split("```")[0]


def test_a_recipe_can_name_each_as_its_readme_says(
    made: Made, politune: Politune, tmp_path: Path
) -> None:
    recipe = yaml.safe_load("{model: quickstart, trainer: {use: lora}, evaluate: {systems: {}}}")
    for text in recipes(made):
        for key, value in yaml.safe_load(text).items():
            recipe[key] = {**recipe.get(key, {}), **value} if isinstance(value, dict) else value
    recipe["instructions"]["generator"] = {"use": "our-generator", "command": ["cat"]}
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("We want trains.")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    path = str(made.site)
    done = politune("check", tmp_path / "recipe.yaml", PYTHONPATH=path)
    assert done.stdout.startswith("ok: "), done.stderr
    out = tmp_path / "out"
    done = politune(
        "run", tmp_path / "recipe.yaml", "--until", "filter", "--out", out, PYTHONPATH=path
    )
    assert done.returncode == 0, done.stderr
    assert (out / "2-filter/ours/1-our-filter/manifest.json").is_file()


def test_the_project_file_is_a_project_of_today(made: Made) -> None:
    project = tomllib.loads((made.packages / "source/pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {"politune": {"our-source": "politune_our_source"}}
    assert project["dependencies"] == ["politune-harness>=0.1,<0.2"]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("../evil", "source", "is no name for a plugin"),
        ("Upper", "source", "is no name for a plugin"),
        ("none", "source", "the class None, which means something else"),
        ("source", "source", "the class Source, which means something else"),
        ("csv", "source", "there is a source or a module of that name"),
        ("lora", "metric", "there is a metric or a module of that name"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(
    name: str, kind: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(PluginError, match=message):
        new_plugin.write(name, kind, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="is there already"):
        new_plugin.write("fine", "source", tmp_path)


def test_the_command_says_what_it_wrote_and_what_comes_next(
    politune: Politune, tmp_path: Path
) -> None:
    done = politune("new-plugin", "fine", "--kind", "source", "--out", tmp_path / "new")
    *files, following = done.stdout.splitlines()
    assert sorted(Path(file).name for file in files) == [
        "README.md",
        "politune_fine.py",
        "pyproject.toml",
        "test_politune_fine.py",
    ]
    assert following.startswith("next: pip install -e")
