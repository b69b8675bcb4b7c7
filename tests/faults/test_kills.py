"""SIGKILL at random moments of every step: what had been done stands, and the end is the same."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from politune_harness.artifacts import Artifact, Contents
from tests.faults.conftest import Start, finished, same

KILLS = int(os.environ.get("POLITUNE_KILLS", "30"))
SEED = int(os.environ.get("POLITUNE_KILLS_SEED", "1"))
LONGEST = {"4-train": 3.0, "5-evaluate": 6.0, "6-judge": 0.5, "report": 4.0}
"""Seconds from a step's beginning until the kill, at the latest; of the others a fifth of one."""


def steps(whole: Path) -> list[str]:
    """Return the steps of a run in their order, each the more often the longer it takes."""
    found = sorted(path.name for path in whole.glob("[0-9]-*"))
    return sorted([*found, "4-train", "5-evaluate", "5-evaluate", "report"])


def done(out: Path) -> set[str]:
    """Return the stages before the report that are done."""
    return {str(p.relative_to(out)) for p in out.glob("[0-9]-*/**/manifest.json")}


def under_way(out: Path, step: str, whole: Path) -> bool:
    """Say whether a step is at work: one of its folders has no manifest yet."""
    if step == "report":
        return not (out / "manifest.json").exists() and done(out) == done(whole)
    folders = (path for path in (out / step).glob("**/") if path != out / step)
    return any(not (path / "manifest.json").exists() for path in folders)


def newest(out: Path, whole: Path) -> str:
    """Return the step that was at work: that of the newest folder without a manifest."""
    if under_way(out, "report", whole):
        return "report"
    folders = (path for path in out.glob("*/**/") if not (path / "manifest.json").exists())
    last = max(folders, key=lambda path: path.stat().st_mtime_ns, default=out)
    return str(last.relative_to(out)).partition("/")[0]


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
    draw = random.Random(SEED)  # noqa: S311 - moments, not secrets
    killed, wanted, whole = Counter[str](), list[str](), 0
    out = tmp_path / "run-0"
    while killed.total() < KILLS or wanted:
        wanted = wanted or steps(small_run)
        step = wanted.pop(0)
        process, wait = start(out), draw.uniform(0, LONGEST.get(step, 0.2))
        while process.poll() is None and not under_way(out, step, small_run):
            time.sleep(0.001)
        began = time.monotonic()
        while process.poll() is None and time.monotonic() - began < wait:
            time.sleep(0.001)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed[newest(out, small_run)] += 1
            check(out)
        else:
            finished(process)
            wanted = []
        if not wanted:
            finished(start(out))
            assert same(out, small_run)
            whole += 1
            out = tmp_path / f"run-{whole}"
    print(f"\n{killed.total()} kills over {whole} runs, by step at work: {dict(killed)}")  # noqa: T201
