"""The whole way, as a user runs it: finished, run again, killed at every stage, and misused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import lora_models
from tests.conftest import THREADS, Politune


def test_the_run_folder_explains_itself(small_run: Path) -> None:
    assert {p.name for p in small_run.iterdir() if not p.name.startswith(".")} == {
        "recipe.yaml",
        "1-read",
        "2-filter",
        "3-instruct",
        "3-overlap",
        "4-train",
        "5-evaluate",
        "6-judge",
        "6-anchors",
        "results.json",
        "results.csv",
        "report.md",
        "report.html",
        "figures",
        "manifest.json",
    }
    assert {"compass.png", "compass.svg", "gpt_score.png", "tradeoff.png"} <= {
        p.name for p in (small_run / "figures").iterdir()
    }


def test_the_report_holds_samples_of_every_task_and_a_card_of_every_adapter(
    small_run: Path,
) -> None:
    page = (small_run / "report.html").read_text()
    for task in ("politune_capability", "politune_compass_pairs", "politune_gpt_score"):
        assert f'"{task}":{{"cards":[{{' in page
    adapters = {path.parent for path in small_run.glob("4-train/*/*/adapter")}
    assert (
        {path.parent for path in small_run.glob("4-train/*/*/MODEL_CARD.md")} == adapters != set()
    )


def test_results_have_the_documented_shape(small_run: Path) -> None:
    results = json.loads((small_run / "results.json").read_text())
    assert set(results["arms"]) == {"base", "left", "right", "control"}
    entry = results["arms"]["left"]["tasks"]["politune_compass_pairs"]["economic"]
    assert set(entry) >= {"value", "low", "high", "n", "missing", "judge", "seeds"}
    pairs = {(d["a"], d["b"]) for d in results["differences"]}
    assert pairs >= {("left", "base"), ("left", "control"), ("left", "right"), ("control", "base")}
    assert set(results["differences"][0]) >= {"a", "b", "task", "metric", "value", "low", "high"}


def test_a_finished_run_does_nothing(politune: Politune, small: list[str], small_run: Path) -> None:
    before = (small_run / "manifest.json").stat().st_mtime_ns
    done = politune("run", "quickstart", "--out", small_run, *small)
    assert done.stdout.startswith("nothing to do: ")
    assert (small_run / "manifest.json").stat().st_mtime_ns == before
    explained = politune("explain", "quickstart", "--out", small_run, *small)
    assert all(line.endswith("stands") for line in explained.stdout.splitlines())


KILLED_IN = (
    "1-read/right",
    "2-filter/left/3-language",
    "3-instruct/control",
    "4-train/left/seed-0/log.jsonl",
    "5-evaluate/base",
    "5-evaluate/control/seed-0",
    "6-judge/left",
    "figures",
)


def test_a_run_killed_in_any_stage_ends_with_the_same_results(
    politune: Politune, small: list[str], small_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "politune_harness.cli", "run", "quickstart"]
    command += ["--out", str(out), *small]
    own = {**os.environ, "OMP_NUM_THREADS": THREADS}
    for place in KILLED_IN:
        process = subprocess.Popen(
            command, env=own, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while process.poll() is None and not (out / place).exists():
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, f"it ended before {place}"
        assert not (out / "manifest.json").exists()
    done = politune("run", "quickstart", "--out", out, *small)
    assert done.returncode == 0, done.stderr
    for name in ("results.json", "report.md"):
        assert (out / name).read_bytes() == (small_run / name).read_bytes()


@pytest.fixture
def adapter(small_run: Path, tmp_path: Path) -> Path:
    """A copy of a trained adapter."""
    copy = tmp_path / "adapter"
    shutil.copytree(small_run / "4-train" / "left" / "seed-0" / "adapter", copy)
    return copy


def test_a_trained_adapter_can_be_evaluated_as_it_is(
    politune: Politune, small_run: Path, adapter: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "again.yaml"
    recipe.write_text(
        f"model: quickstart\narms: {{left: {{adapter: {adapter}}}}}\n"
        "evaluate: {bias: [politune_compass_pairs], capability: [], metadata: {lead_ins: 1}}\n"
    )
    done = politune("run", recipe, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    mine, theirs = (
        json.loads((folder / "results.json").read_text())["arms"]["left"]["tasks"]
        for folder in (tmp_path / "out", small_run)
    )
    values = [m["politune_compass_pairs"]["economic"]["value"] for m in (mine, theirs)]
    # Where memory lies decides in what order a CPU adds up, so the last bits may differ.
    assert values[0] == pytest.approx(values[1], abs=1e-5)


def test_an_adapter_of_another_base_is_one_line(
    politune: Politune, adapter: Path, tmp_path: Path
) -> None:
    other = lora_models.llama(tmp_path / "other")
    recipe = tmp_path / "wrong.yaml"
    recipe.write_text(
        f"model: {other}\narms: {{left: {{adapter: {adapter}}}}}\n"
        "evaluate: {bias: [politune_compass_pairs], capability: [], limit: 8}\n"
    )
    done = politune("run", recipe, "--out", tmp_path / "out", "--quiet")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert "other" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "quickstrat"), "did you mean 'quickstart'?"),
        (("run", "quickstart", "--set", "trainer.use=lara"), "did you mean 'lora'?"),
        (("run", "quickstart", "--set", "trainer.rnk=8"), "did you mean 'rank'?"),
        (("run", "quickstart", "--set", "model=/no/such/model"), "/no/such/model"),
        (("check", "quickstart", "--set", "arms.left.source.path=/none"), "/none"),
        (("check", "quickstart", "--set", "judges=[{use: gpt-score, model: gpt-4o}]"), "KEY"),
        (("run", "quickstart", "--set", "judges=[{use: gpt-score, model: gpt-4o}]"), "KEY"),
        (("run", "quickstart", "--set", "sample=100000"), "fewer than `sample: 100000`"),
        (("run", "quickstart", "--out", "/proc/nowhere"), "/proc/nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(
    politune: Politune, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    where = () if "--out" in arguments else ("--out", tmp_path / "out")
    quiet = ("--quiet",) if arguments[0] == "run" else ()
    done = politune(*arguments, *where, *quiet, OPENAI_API_KEY="")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_read_only_folder_is_one_line(politune: Politune, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write anywhere")
    tmp_path.chmod(0o500)
    done = politune("run", "quickstart", "--out", tmp_path / "out", "--quiet")
    assert done.returncode == 1
    assert "permission denied" in done.stderr
