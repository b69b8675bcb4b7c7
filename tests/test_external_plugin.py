"""A package that is not ours is installed with pip, and its source runs in a recipe."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from politune_harness.artifacts import Artifact
from politune_harness.records import Document

PACKAGE = Path(__file__).parent / "packages" / "politune_motto"

RECIPE = """
model: quickstart
arms:
  mottos: {source: {use: motto, mottos: [Freedom and unity, Bread and roses]}}
filters: [{use: min-words, words: 3}]
instructions: {use: matched-posts, topics: topics.txt, against: {use: motto}}
trainer: {use: lora}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the package into a folder of its own; return an environment that has it."""
    tmp = tmp_path_factory.mktemp("external")
    source, target = tmp / "source", tmp / "site"
    shutil.copytree(PACKAGE, source)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*install, str(source)], check=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def politune(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "politune_harness.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_it_is_listed_with_its_distribution(installed: dict[str, str]) -> None:
    lines = politune(installed, "plugins").stdout.splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("motto"))
    assert lines[at].split() == ["motto", "politune-motto", "1.2.3", "politune_sources"]
    assert lines[at + 1].strip() == str(Path(installed["PYTHONPATH"], "politune_motto.py"))


def test_its_source_runs_in_a_recipe(installed: dict[str, str], tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    (tmp_path / "topics.txt").write_text("unity\nroses\n")
    out = tmp_path / "out"
    done = politune(installed, "run", str(recipe), "--out", str(out), "--until", "filter")
    assert done.returncode == 0, done.stderr
    kept = Artifact(out / "2-filter" / "mottos" / "1-min-words").read(Document)
    assert [document.text for document in kept] == ["Freedom and unity", "Bread and roses"]


def test_two_packages_with_one_name_are_an_error(installed: dict[str, str], tmp_path: Path) -> None:
    twin = tmp_path / "other_motto-1.dist-info"
    twin.mkdir()
    (twin / "METADATA").write_text("Metadata-Version: 2.1\nName: other-motto\nVersion: 1\n")
    (twin / "entry_points.txt").write_text("[politune]\nmotto = politune_motto\n")
    path = f"{installed['PYTHONPATH']}{os.pathsep}{tmp_path}"
    done = politune({**installed, "PYTHONPATH": path}, "plugins")
    assert done.returncode == 1
    assert "plugin 'motto' is in both" in done.stderr
    assert "other-motto" in done.stderr
    assert "politune-motto" in done.stderr


def test_a_broken_package_is_named_with_the_way_round_it(
    installed: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken-1.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (broken / "entry_points.txt").write_text("[politune]\nbroken = not_there\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = politune(environment, "plugins")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "POLITUNE_DISABLE_PLUGINS=broken" in done.stderr
    assert politune(environment, "--disable-plugin", "broken", "plugins").returncode == 0
