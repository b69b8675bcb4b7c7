"""What several tests need: the command as a user runs it, and a small quickstart run."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SMALL = (
    "seeds=[0]",
    "sample=24",
    "trainer.epochs=1",
    "evaluate.metadata={samples: 1, lead_ins: 1, topics: [taxes, wages, housing, drugs, prison]}",
    "evaluate.personas={social: {low: You want freedom., high: You want order.}}",
    "evaluate.systems={}",
    "evaluate.bias=[politune_compass_pairs, politune_gpt_score]",
)
"""Overrides that make the quickstart small enough to be run many times."""

SECRET = "sk-planted-in-the-environment"  # noqa: S105 - to be looked for
CACHE = "POLITUNE_CACHE"


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep judges' replies out of the home folder."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE, str(folder / "session.sqlite"))
        yield folder


@pytest.fixture(autouse=True)
def own_cache(
    cache_of_the_session: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let no test find the replies of another, whose server may have had the same port."""
    monkeypatch.setenv(CACHE, str(cache_of_the_session / f"{id(request.node)}.sqlite"))


THREADS = "2"
"""Of every command that is run: sums are added in another order with another number."""
Politune = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def politune() -> Politune:
    """Run the `politune` command; return what it printed and its exit code."""

    def run(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "politune_harness.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": THREADS, **environment},
        )

    return run


@pytest.fixture(scope="session")
def small() -> list[str]:
    """Arguments that make `politune run quickstart` small."""
    return [part for override in SMALL for part in ("--set", override)]


@pytest.fixture(scope="session")
def small_run(
    politune: Politune, small: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the folder of a finished small quickstart run, for reading only.

    It was made without the network, and with a secret in the environment.
    """
    folder = tmp_path_factory.mktemp("runs") / "small"
    done = politune(
        "run", "quickstart", "--offline", "--out", folder, *small, OPENAI_API_KEY=SECRET
    )
    assert SECRET not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return folder
