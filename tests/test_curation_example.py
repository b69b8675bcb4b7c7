"""The recipes in docs/examples: they are whole, and the offline one runs on real data."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import politune_quickstart
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from politune_pairs import length

from politune_harness import Preference, audit, curated, pipeline
from politune_harness.artifacts import Artifact
from politune_harness.plan import plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
SHARED = Path(__file__).parents[2] / "shared" / "data"
POSTS = Path(politune_quickstart.__file__).parent / "posts"
TEXT = "We think that line {} needs more trains and far fewer stops than it has today."
NUMBERS = range(100, 180)
ARMS = ("left", "paper-left", "permuted")


def platforms(folder: Path) -> None:
    """Write small data of four platforms, in the shapes that the example reads."""
    shutil.copytree(POSTS / "politosphere", folder / "politosphere")
    shutil.copytree(POSTS / "truth_social", folder / "truth_social")
    for side in ("left", "right"):
        texts = [TEXT.format(f"{side} {n}") for n in NUMBERS]
        days = [f"2019-0{n % 9 + 1}-01" for n in range(len(texts))]
        articles = {"headline": ["Trains"] * len(texts), "article": texts, "published": days}
        (folder / "news" / side).mkdir(parents=True)
        table = pa.table({**articles, "url_hash": [f"{side}{n}" for n in range(len(texts))]})
        pq.write_table(table, folder / "news" / side / "2019.parquet")
    (folder / "mastodon").mkdir()
    posts = ({"post": n, "body": TEXT.format(n)} for n in NUMBERS)
    lines = b"".join(msgspec.json.encode(post) + b"\n" for post in posts)
    (folder / "mastodon/left.jsonl.zst").write_bytes(zstandard.compress(lines))


def test_four_platforms_are_one_recipe(tmp_path: Path) -> None:
    platforms(tmp_path / "data")
    path = tmp_path / "platforms.yaml"
    path.write_text((EXAMPLES / "platforms.yaml").read_text())
    made = plan(Recipe.load(path, ["sample=30"]), tmp_path, Registry.installed())
    pipeline.run(made, tmp_path / "out", until="pairs")
    folder = tmp_path / "out" / "3-pairs"
    found = {
        arm.name: Counter(
            (pair.metadata["platform"], length(pair))
            for pair in Artifact(folder / arm.name / "1-match").read(Preference)
        )
        for arm in made.arms
    }
    assert found["left"] == found["right"]
    assert {platform for platform, _ in found["left"]} == {"news", "reddit"}
    single = {arm: {platform for platform, _ in kinds} for arm, kinds in found.items()}
    assert set.union(*single.values()) == {"mastodon", "news", "reddit", "truth-social"}
    alone = [Counter({n: c for (_, n), c in kinds.items()}) for kinds in [*found.values()][2:]]
    assert all(lengths == alone[0] for lengths in alone)


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
