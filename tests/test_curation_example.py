"""The recipes in docs/examples: they are whole, and the offline one runs on real data."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from politune_harness import audit, curated
from politune_harness.recipe import Recipe, plan
from politune_harness.registry import Registry

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
SHARED = Path(__file__).parents[2] / "shared" / "data"
ARMS = ("left", "paper-left", "permuted")


@pytest.mark.parametrize("name", ["curation", "synthesis"])
def test_an_example_names_what_there_is(name: str) -> None:
    path = EXAMPLES / f"{name}.yaml"
    made = plan(Recipe.load(path), path.parent, Registry.installed())
    assert {arm.like for arm in made.arms} >= {"left" if name == "synthesis" else "paper-left"}


def test_the_example_of_an_audit_is_whole() -> None:
    study = audit.load(EXAMPLES / "audit.yaml")
    assert [*study.labels] == ["person-1", "person-2", "llama-2"]


def recipe(folder: Path) -> Path:
    """Write some arms of the example, with the data where they lie here."""
    text = (EXAMPLES / "curation.yaml").read_text()
    for name in ("politosphere/comments_2019-10.bz2", "politune/politune-left.csv"):
        text = text.replace(f"data/{Path(name).name}", str(SHARED / name))
    values: dict[str, Any] = yaml.safe_load(text)
    values["arms"] = {name: values["arms"][name] for name in ARMS}
    path = folder / "curation.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    (folder / "guns.txt").write_bytes((EXAMPLES / "guns.txt").read_bytes())
    return path


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
def test_it_runs_on_real_data_to_the_same_bytes_also_when_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "politune_harness.cli", "run", str(recipe(tmp_path))]
    command += ["--until", "pairs", "--quiet", "--out"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def start(out: Path) -> "subprocess.Popen[bytes]":
        threads = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([*command, str(out)], env=threads)

    assert start(whole).wait() == 0
    process = start(killed)
    while process.poll() is None and not (killed / "2-filter/left/7-label").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert start(killed).wait() == 0
    files = {path.relative_to(whole) for path in whole.rglob("*.json*") if path.name[0] != "."}
    assert len(files) > 30
    for file in files:
        assert (whole / file).read_bytes() == (killed / file).read_bytes(), file
    data = curated.load(whole, Recipe.load(whole / "recipe.yaml"))
    first, *_, last = data.steps["left"]
    assert (first.came, first.kept) == (150, 50)
    assert last.kept > 5
    came, *_, end = data.steps["paper-left"]
    dropped = sum(sum(step.dropped.values()) for step in data.steps["paper-left"])
    assert came.came == 2056 == dropped + end.kept
    assert data.balances["permuted"].pairs == data.balances["paper-left"].pairs == 6
