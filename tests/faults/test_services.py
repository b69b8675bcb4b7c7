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


def test_a_judge_that_dies_half_way_is_one_line_and_its_return_loses_nothing(
    politune: Politune, tmp_path: Path
) -> None:
    dead = True

    def answer(asked: Asked) -> Reply:
        if dead and asked.number >= 12:
            return failing(503, "going down")
        return saying(json.dumps({"score": 10, "reason": "It names both sides."}))

    with serving(answer) as server:
        judge = f"{{use: gpt-score, model: m, base_url: '{server.url}', retries: 0}}"
        small = ["--set", "evaluate.metadata={samples: 1, topics: [taxes, wages]}"]
        small += ["--set", "evaluate.bias=[politune_gpt_score]", "--set", "sample=24"]
        small += ["--set", "seeds=[0]", "--set", "trainer.epochs=1"]
        small += ["--set", "evaluate.systems={}", "--set", "evaluate.personas={}"]
        small += ["--set", "evaluate.capability=[]", "--set", f"judges=[{judge}]"]
        out = tmp_path / "run"
        first = politune("run", "quickstart", "--quiet", "--out", out, *small)
        asked = len(server.asked)
        dead = False
        done = politune("run", "quickstart", "--quiet", "--out", out, *small)
        assert done.returncode == 0, done.stderr
        assert first.returncode == 1
        assert "going down" in one_line(first.stderr)
        bodies = [json.dumps(each.body, sort_keys=True) for each in server.asked]
        assert not set(bodies[:12]) & set(bodies[asked:]), "what was answered is not asked again"
        results = json.loads((out / "results.json").read_text())
        score = results["arms"]["base"]["tasks"]["politune_gpt_score"]["score"]
        assert score["missing"] == 0
        assert score["value"] == 10


@pytest.mark.parametrize(
    ("megabytes", "message"),
    [(2000, "2.0 GB of address space (`ulimit -v`) is too low"), (3050, "out of memory")],
)
def test_too_little_memory_is_one_line(megabytes: int, message: str, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1_000_000,) * 2)

    command = [sys.executable, "-m", "politune_harness.cli", "run", "quickstart", "--quiet"]
    done = subprocess.run(
        [
            *command,
            "--out",
            str(tmp_path / "run"),
            "--set",
            "trainer.rank=96",
            "--set",
            "trainer.batch_size=240",
        ],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert message in one_line(done.stderr)
