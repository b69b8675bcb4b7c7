"""SIGKILL at random moments: whatever had been done stands, and the end is the same."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from politune_harness.artifacts import Artifact, Contents
from tests.faults.conftest import Start, same

KILLS = int(os.environ.get("POLITUNE_KILLS", "30"))
LONGEST = 16
"""Seconds until a run is killed at the latest; it needs some of them to start."""
SEED = int(os.environ.get("POLITUNE_KILLS_SEED", "1"))


def stage_under_way(out: Path) -> str:
    """Return the step that was at work: that of the newest folder without a manifest."""
    folders = (path for path in out.glob("*/**/") if not (path / "manifest.json").exists())
    newest = max(folders, key=lambda path: path.stat().st_mtime_ns, default=out)
    return str(newest.relative_to(out)).partition("/")[0]


def check(out: Path) -> None:
    """Assert that every artifact that has a manifest is whole."""
    contents = Contents(out / "none.json")
    for path in out.rglob("*/manifest.json"):
        manifest = Artifact(path.parent).manifest
        assert manifest is not None, path
        for name, digest in manifest.files.items():
            assert contents.file(path.parent / name) == digest, path.parent / name


def test_a_run_killed_at_random_moments_ends_with_the_same_results(
    start: Start, small_run: Path, tmp_path: Path
) -> None:
    draw, out = random.Random(SEED), tmp_path / "run-0"  # noqa: S311 - moments, not secrets
    killed, whole = Counter[str](), 0
    while killed.total() < KILLS:
        process, wait = start(out), draw.uniform(1, LONGEST)
        began = time.monotonic()
        while process.poll() is None and time.monotonic() - began < wait:
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed[stage_under_way(out)] += 1
            check(out)
            continue
        assert process.returncode == 0, process.communicate()[1]
        assert same(out, small_run)
        whole += 1
        out = tmp_path / f"run-{whole}"
    process = start(out)
    assert process.wait() == 0
    assert same(out, small_run)
    print(f"\n{killed.total()} kills over {whole + 1} runs, by step at work: {dict(killed)}")  # noqa: T201
