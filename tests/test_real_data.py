"""Real data and real benchmarks, where they lie beside the checkout in ../shared."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from politune_harness.registry import Registry
from tests.benchmarks.bench_evaluation import adapter
from tests.conftest import Politune
from tests.lora_models import llama

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


SHORT = """
model: model
arms: {one: {adapter: arm}}
evaluate:
  bias: [politune_compass_pairs]
  capability: [blimp_adjunct_island, gsm8k]
  metadata: {lead_ins: 1}
  personas: {}
  systems: {}
"""

BLIMP = sorted(path.stem for path in SHARED.glob("hub/nyu-mll/blimp/*.jsonl"))
TRIED = {
    "evaluate.bias": "[politune_compass_pairs]",
    "evaluate.capability": f"[{', '.join(f'blimp_{name}' for name in BLIMP)}, gsm8k]",
    "evaluate.personas": "{}",
    "evaluate.systems": "{}",
    "judges": "[]",
    "sample": "40",
    "seeds": "[0]",
    "trainer.epochs": "1",
}


def test_blimp_before_and_after(
    politune: Politune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SHARED / "hub")
    overrides = [word for pair in TRIED.items() for word in ("--set", "=".join(pair))]
    out = tmp_path / "out"
    words = ["run", "quickstart", *overrides, "--limit", "4", "--out", out, "--quiet"]
    done = politune(*words, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    found = json.loads((out / "results.json").read_text())
    assert len(BLIMP) == 12
    for arm in ("base", "left", "right", "control"):
        measured = found["arms"][arm]["tasks"]
        assert all(measured[f"blimp_{name}"]["acc"]["n"] == 4 for name in BLIMP)
        # Its prompts fit the quickstart's 2,048 tokens; test_evaluation has some that are cut.
        assert "prompt_cut" not in measured["gsm8k"]
        assert "format_kept" in measured["gsm8k"]
    compared = {row["task"] for row in found["tradeoff"]["comparisons"]}
    assert compared == {f"blimp_{name}" for name in BLIMP} | {"gsm8k"}
    text = (out / "report.md").read_text()
    assert "PARTIAL" in text


def test_prompts_longer_than_the_context_are_told_as_truncated(
    politune: Politune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of 512 tokens, which five examples of GSM8K do not fit."""
    adapter(tmp_path / "arm", llama(tmp_path / "model"), 0)
    (tmp_path / "recipe.yaml").write_text(SHORT)
    monkeypatch.chdir(SHARED / "hub")
    words = ["run", tmp_path / "recipe.yaml", "--limit", "3", "--out", tmp_path / "out", "--quiet"]
    done = politune(*words, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "report.md").read_text()
    assert "**truncated: 100 % of its prompts did not fit the context" in text
    row = next(line for line in text.splitlines() if "strict-match" in line)
    assert row.count("truncated: 0.0") == 2
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    assert told["arms"]["base"]["tasks"]["gsm8k"]["prompt_cut"]["value"] == 1
    assert {row["task"] for row in told["tradeoff"]["comparisons"]} == {"blimp_adjunct_island"}


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
