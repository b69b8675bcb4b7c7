"""A judge that dies half way and comes back, and memory that does not suffice."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chat_server import Asked, Reply, failing, saying, serving
from tests.conftest import Politune
from tests.faults.test_disk import one_line


def test_a_judge_that_dies_half_way_is_asked_again_for_what_is_missing(
    politune: Politune, tmp_path: Path
) -> None:
    dead = True

    def answer(asked: Asked) -> Reply:
        if dead and asked.number >= 3:
            return failing(503, "going down")
        return saying(json.dumps({"score": 10, "reason": "It names both sides."}))

    with serving(answer) as server:
        generator = f"{{use: openai, model: m, base_url: '{server.url}', retries: 0}}"
        judge = f"{{use: gpt-score, generator: {generator}}}"
        small = ["--set", "evaluate.metadata={samples: 1, topics: [taxes, wages]}"]
        small += ["--set", "evaluate.bias=[politune_gpt_score]", "--set", "sample=24"]
        small += ["--set", "seeds=[0]", "--set", "trainer.epochs=1"]
        small += ["--set", "evaluate.systems={}", "--set", "evaluate.personas={}"]
        small += ["--set", "evaluate.capability=[]", "--set", f"judges=[{judge}]"]
        out = tmp_path / "run"
        first = politune("run", "quickstart", "--quiet", "--out", out, *small)
        assert first.returncode == 0, first.stderr
        asked, counted = len(server.asked), missing(out)
        assert counted > 0
        dead = False
        done = politune("judge", out, "--quiet")
        assert done.returncode == 0, done.stderr
        bodies = [json.dumps(each.body, sort_keys=True) for each in server.asked]
        assert not set(bodies[:3]) & set(bodies[asked:]), "what was answered is not asked again"
    assert missing(out) == 0


def missing(out: Path) -> int:
    """Return how many answers of the base have no score."""
    results = json.loads((out / "results.json").read_text())
    return int(results["arms"]["base"]["tasks"]["politune_gpt_score"]["score"]["missing"])


HOARD = """
from politune_harness import Filter, hookimpl


class Hoard(Filter):
    def apply(self, documents):
        kept = bytearray(3_000_000_000)
        yield from documents


@hookimpl
def politune_filters():
    return {"hoard": Hoard}
"""


@pytest.mark.parametrize(
    ("megabytes", "message"),
    [(2000, "2.0 GB of address space (`ulimit -v`) is too low"), (3050, "out of memory")],
)
def test_too_little_memory_is_one_line(megabytes: int, message: str, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1_000_000,) * 2)

    hoard = tmp_path / "hoard.py"
    hoard.write_text(HOARD)
    command = [sys.executable, "-m", "politune_harness.cli", "--plugin", str(hoard)]
    command += ["run", "quickstart", "--quiet", "--out", str(tmp_path / "run")]
    command += ["--set", "filters=[{use: hoard}]", "--until", "filter"]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert message in one_line(done.stderr)
