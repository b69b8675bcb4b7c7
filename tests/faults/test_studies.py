"""SIGKILL of a study and of its workers: it ends as runs that share nothing do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

POLITUNE = [sys.executable, "-m", "politune_harness.cli"]
PLACES = ("1-read/right", "4-train/left/seed-1", "5-evaluate/left")
"""What a cell has once it is killed."""
CELLS = ("sample-12_seeds-0", "sample-12_seeds-1")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("studies") / "study.yaml"
    topics = ["taxes", "wages", "housing", "drugs", "prison"]
    values = {
        "extends": "quickstart",
        "trainer": {"epochs": 1},
        "evaluate": {
            "bias": ["politune_compass_pairs"],
            "capability": [],
            "personas": {},
            "systems": {},
            "metadata": {"lead_ins": 1, "topics": topics},
        },
        "judges": [],
        "study": {
            "question": "Is it the same?",
            "over": {"sample": [12], "seeds": [0, 1]},
            "primary": {
                "task": "politune_compass_pairs",
                "metric": "economic",
                "contrast": ["right", "left"],
            },
        },
    }
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def run(*arguments: object) -> None:
    done = subprocess.run([*POLITUNE, *map(str, arguments)], env=environment(), check=False)
    assert done.returncode == 0


def environment() -> dict[str, str]:
    # One thread wherever the work is done: sums are then added in one order.
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def apart(study: Path) -> Path:
    """Return a folder in which each cell was run alone, sharing nothing."""
    out = study.parent / "apart"
    for number in range(len(CELLS)):
        store = study.parent / f"store-{number}"
        run("run", study, "--cell", number, "--out", out, "--store", store, "--quiet")
    return out


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what a run holds, but for its recipe, which names the engine."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part[0] == "." for part in inside.parts)
        if path.is_file() and not hidden and inside.name != "recipe.yaml":
            yield str(inside), path.read_bytes()


def check(out: Path, apart: Path) -> None:
    for cell in CELLS:
        assert dict(files(out / "cells" / cell)) == dict(files(apart / "cells" / cell))


def workers() -> list[int]:
    """Return the processes in which Ray has work under way."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes().startswith(b"ray::_worked"):
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


def started(study: Path, out: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [*POLITUNE, "study", "run", str(study), "--out", str(out), "--quiet", *more]
    return subprocess.Popen(command, env=environment())


def test_a_killed_study_ends_as_runs_that_share_nothing(study: Path, apart: Path) -> None:
    out = study.parent / "killed"
    for place in PLACES:
        process = started(study, out)
        while process.poll() is None and not list(out.glob(f"cells/*/{place}")):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert started(study, out).wait() == 0
    check(out, apart)
    before = {path: path.stat().st_mtime_ns for path in out.glob("cells/**/manifest.json")}
    assert started(study, out).wait() == 0
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_ray_gives_the_same_bytes_though_a_worker_is_killed(study: Path, apart: Path) -> None:
    pytest.importorskip("ray", reason="comes with the ray extra")
    out, killed = study.parent / "ray", 0
    process = started(study, out, "--set", "engine={use: ray}")
    while process.poll() is None:
        if killed == 0 and list(out.glob("cells/*/4-train/*/*")):
            for worker in workers()[:1]:
                os.kill(worker, signal.SIGKILL)
                killed += 1
        time.sleep(0.005)
    assert (process.returncode, killed) == (0, 1)
    check(out, apart)
