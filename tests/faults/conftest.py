"""A small run under way, and file systems that can be filled and locked."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def command(small: list[str]) -> list[str]:
    """The command of a small quickstart run, without its folder."""
    return [sys.executable, "-m", "politune_harness.cli", "run", "quickstart", "--quiet", *small]


@pytest.fixture
def start(command: list[str]) -> Start:
    """Start the small run into a folder."""

    def started(out: Path, *more: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*command, "--out", str(out), *more],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "2", **environment},
        )

    return started


@contextmanager
def tmpfs(folder: Path, options: str) -> Iterator[Callable[[str], None]]:
    """Mount a file system in memory while inside; hand out what mounts it with other options."""
    folder.mkdir(parents=True, exist_ok=True)

    def mount(options: str) -> None:
        subprocess.run(
            ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True
        )

    def again(options: str) -> None:
        subprocess.run(["/bin/mount", "-o", f"remount,{options}", str(folder)], check=True)

    mount(options)
    try:
        yield again
    finally:
        subprocess.run(["/bin/umount", str(folder)], check=True)


superuser = pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser may mount")


def finished(process: "subprocess.Popen[str]") -> None:
    """Wait for a run, which must succeed."""
    said = process.communicate()[1]
    assert process.returncode == 0, said


def same(one: Path, other: Path) -> bool:
    """Say whether two runs came to the same results, byte for byte."""
    names = ("results.json", "report.md")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)
