"""A small real run by `politune run --limit`: side effects, a planted loss, and the marks."""

import csv
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from politune_harness.cli import main
from politune_harness.registry import Registry
from tests.benchmarks.bench_evaluation import adapter
from tests.conftest import Politune
from tests.lora_models import pairs
from tests.report_runs import results

RECIPE = """
model: quickstart
arms:
  worse: {adapter: worse}
  idle: {adapter: idle}
  left: {source: {use: preferences, path: pairs.jsonl}}
trainer: {use: lora, rank: 2, batch_size: 12, max_length: 256}
evaluate:
  bias: [politune_compass_pairs]
  capability: [politune_capability]
  side_effects: [politune_side_effects_offline]
  metadata: {lead_ins: 1, max_gen_toks: 16}
  personas: {}
  systems: {}
"""


@pytest.fixture(scope="module")
def run(politune: Politune, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    model = Registry.installed().models()["quickstart"]
    adapter(folder / "worse", model, 0, spread=3)
    adapter(folder / "idle", model, 1, spread=0)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "pairs.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(pairs()))
    words = ("run", folder / "recipe.yaml", "--limit", "120", "--out", folder / "out", "--quiet")
    done = politune(*words, HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_an_adapter_made_worse_is_found_and_an_idle_one_is_not(run: Path) -> None:
    told = results(run)["tradeoff"]["comparisons"]
    rows = {row["arm"]: row for row in told if row["against"] == "base"}
    worse, idle = rows["worse"], rows["idle"]
    assert worse["test"] == idle["test"] == "McNemar"
    assert worse["value"] < worse["high"] < 0
    assert worse["p_holm"] < 0.01
    assert worse["equivalence"]["verdict"] == "different"
    assert (idle["value"], idle["only"], idle["p"]) == (0, [0, 0], 1)
    # That so few items all agree is no proof.
    assert idle["equivalence"]["verdict"] == "undecided"
    text = (run / "report.md").read_text()
    line = next(x for x in text.splitlines() if x.startswith("- **worse** moved"))
    assert "lost ability (" in line


def test_side_effects_are_told_for_either_camp_apart(run: Path) -> None:
    text = (run / "report.md").read_text()
    part = text.partition("## Side effects")[2].partition("\n## ")[0]
    lines = part.splitlines()
    rows = {cells[2].strip(): cells for x in lines if len(cells := x.split("|")) > 4}
    assert {"hostile\\_left", "hostile\\_right"} <= {*rows} or {
        "hostile_left",
        "hostile_right",
    } <= {*rows}
    measured = results(run)["arms"]["worse"]["tasks"]
    assert measured["politune_hostility"].keys() >= {"hostile_left", "hostile_right"}
    assert measured["politune_requests"].keys() >= {"refused_harmful", "refused_harmless"}
    assert measured["politune_truths"]["acc"]["n"] == 40
    assert "politune_requests" in part
    assert "politune_truths" in part
    assert 'id="side-effects"' in (run / "report.html").read_text()


def test_a_limit_marks_everything_as_partial(run: Path, tmp_path: Path) -> None:
    assert "> **PARTIAL**" in (run / "report.md").read_text()
    assert "PARTIAL" in (run / "report.html").read_text().partition("<section")[0]
    assert "> **PARTIAL**" in (run / "4-train" / "left" / "seed-0" / "MODEL_CARD.md").read_text()
    with (run / "results.csv").open(encoding="utf-8", newline="") as lines:
        assert {row["partial"] for row in csv.DictReader(lines)} == {"yes"}
    assert results(run)["partial"]
    about: dict[str, Any] = json.loads(
        (run / "5-evaluate" / "idle" / "given" / "results.json").read_text()
    )
    assert (about["limit"], about["partial"]) == (120, True)
    shown = CliRunner().invoke(main, ["compare", str(run)])
    assert shown.output.count("**partial**") == 4
    done = CliRunner().invoke(main, ["export", str(run), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "(partial: " in (tmp_path / "tables.tex").read_text()
