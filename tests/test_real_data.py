"""Real data and real benchmarks, where they lie beside the checkout in ../shared."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from politune_harness.registry import Registry
from tests.conftest import Politune

SHARED = Path(__file__).parents[2] / "shared"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is absent")

RECIPE = """
model: quickstart
arms:
  left: {{source: {{use: preferences, path: {path}}}}}
sample: 200
trainer: {{use: lora, objective: dpo, rank: 4, batch_size: 20, max_length: 512}}
"""


def test_the_trainer_takes_the_papers_own_pairs(politune: Politune, tmp_path: Path) -> None:
    recipe = tmp_path / "paper.yaml"
    recipe.write_text(RECIPE.format(path=SHARED / "data" / "politune" / "politune-left.csv"))
    out = tmp_path / "out"
    done = politune("run", recipe, "--out", out, "--until", "train", "--quiet")
    assert done.returncode == 0, done.stderr
    counts = json.loads((out / "1-read" / "left" / "manifest.json").read_text())["counts"]
    assert counts["rows"] + sum(counts["dropped"].values()) == 2056
    trained = out / "4-train" / "left" / "seed-0"
    kept = json.loads((trained / "rows.json").read_text())["kept"]
    assert 0 < len(kept) <= 200
    losses = [json.loads(line)["loss"] for line in (trained / "log.jsonl").read_text().splitlines()]
    assert len(losses) == -(-len(kept) // 20)


def test_plain_lm_eval_mixes_our_tasks_with_others(tmp_path: Path) -> None:
    model = Registry.installed().models()["quickstart"]
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf"]
    command += ["--model_args", f"pretrained={model},dtype=float32", "--apply_chat_template"]
    command += ["--tasks", "politune_compass,blimp_adjunct_island", "--limit", "16"]
    done = subprocess.run(
        [*command, "--output_path", str(tmp_path)],
        cwd=SHARED / "hub",
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (results,) = tmp_path.rglob("results_*.json")
    found = json.loads(results.read_text())["results"]
    assert set(found) == {"politune_compass", "blimp_adjunct_island"}
