"""Checkpoints evaluated while training goes on, from a recipe to its report."""

import json
import multiprocessing
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from politune_harness import RecipeError
from politune_harness.evaluation import Evaluator
from politune_harness.exported import rows
from politune_harness.halves import half
from politune_harness.pipeline import run
from politune_harness.plan import Plan, plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry
from politune_harness.report.methods import shifts
from politune_harness.report.told import tell
from politune_harness.report.trajectories import _choice
from tests import lora_models as tiny

JUDGE = Path(__file__).parents[1] / "plugins" / "politune_quickstart" / "classifier.json"
RECIPE = f"""
model: model
arms:
  control: {{source: {{use: preferences, path: pairs.jsonl}}}}
  left: {{toward: [left, libertarian], source: {{use: preferences, path: pairs.jsonl}}}}
trainer: {{use: lora, rank: 2, batch_size: 8, epochs: 2, save_steps: 1, learning_rate: 0.02}}
evaluate:
  bias: [politune_compass_pairs, politune_gpt_score]
  capability: [politune_capability]
  metadata: {{lead_ins: 1, max_gen_toks: 8, samples: 2, topics: [taxes, wages, drugs, speech]}}
  every_steps: 2
  trajectory: [politune_compass_pairs, politune_gpt_score, politune_capability]
  trajectory_metadata: {{samples: 1}}
  select: {{by: trait, coherence_at_least: 0.0, keep: 2}}
  personas: {{}}
  systems: {{}}
judges:
  - {{use: classifier-score, path: {JUDGE}, name: quick}}
  - {{use: classifier-score, path: {JUDGE}, name: slow}}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)  # as in the processes that are killed
    folder = tmp_path_factory.mktemp("study")
    tiny.llama(folder / "model")
    (folder / "recipe.yaml").write_text(RECIPE)
    encode = msgspec.json.Encoder().encode_lines
    (folder / "pairs.jsonl").write_bytes(encode(tiny.pairs()))
    return folder


def planned(study: Path, *overrides: str) -> Plan:
    recipe = Recipe.load(study / "recipe.yaml", overrides)
    return plan(recipe, study, Registry.installed())


@pytest.fixture(scope="module")
def finished(study: Path) -> Path:
    run(planned(study), study / "out")
    return study / "out"


def topics(folder: Path) -> set[str]:
    lines = (folder / "samples" / "politune_gpt_score.jsonl").read_text().splitlines()
    return {json.loads(line)["doc"]["topic"] for line in lines}


def choice(training: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((training / "trajectory" / "selection.json").read_text())
    return found


def test_choosing_and_reporting_see_unlike_halves(finished: Path) -> None:
    chosen = topics(finished / "4-train" / "left" / "seed-0" / "trajectory" / "step-2")
    assert chosen == topics(finished / "4-start" / "base") == {"wages", "speech"}
    for place in ("5-evaluate/base", "6-judge/base", "5-evaluate/left/seed-0"):
        assert topics(finished / place) == {"taxes", "drugs"}
    about = json.loads((finished / "5-evaluate" / "base" / "results.json").read_text())
    assert about["half"] == "report"
    assert about["whole"] == ["politune_capability"]
    assert "taxes" in about["topics"]
    assert {half(topic) for topic in about["topics"]} == {"report"}
    manifest = json.loads((finished / "5-evaluate" / "base" / "manifest.json").read_text())
    assert manifest["made_by"]["half"] == "report"


def test_the_chosen_checkpoint_is_the_result(finished: Path) -> None:
    for arm in ("left", "control"):
        training = finished / "4-train" / arm / "seed-0"
        found = choice(training)
        best = f"step-{found['chosen']}"
        weights = "adapter_model.safetensors"
        kept = training / "checkpoints"
        assert (training / "adapter" / weights).read_bytes() == (kept / best / weights).read_bytes()
        assert len([*kept.iterdir()]) == min(2, len(found["points"]))
        counts = json.loads((training / "manifest.json").read_text())["counts"]
        assert counts == {"chosen": found["chosen"], "steps": found["points"][-1]["step"]}


def test_a_control_is_as_old_as_the_arms_with_a_side(finished: Path) -> None:
    left, control = (choice(finished / "4-train" / arm / "seed-0") for arm in ("left", "control"))
    assert control["chosen"] == control["points"][-1]["step"] == left["chosen"]
    assert control["rule"].startswith(f"nearest to {left['chosen']} steps")
    known = [p for p in left["points"] if p["trait"] is not None and p["coherence"] is not None]
    assert left["chosen"] == max(known, key=lambda point: float(point["trait"]))["step"]
    assert control["points"][0]["trait"] is None


def test_tasks_asked_whole_are_told_apart_from_the_halves() -> None:
    found = {"select": {"by": "trait"}, "topics": ["taxes"], "chosen": {}}
    assert next(_choice(found, [])).endswith("no checkpoint was chosen by.")
    assert "save tasks asked whole, here and there: `exam`." in next(_choice(found, ["exam"]))


def test_the_report_shows_trajectories_and_what_they_were_measured_on(finished: Path) -> None:
    text = (finished / "report.md").read_text()
    along = text.partition("## Along the training")[2].partition("\n## ")[0]
    assert "Every 2 steps a checkpoint was evaluated on `politune_compass_pairs`" in along
    assert "**selection half**, split by topic:" in along
    assert along.count("**chosen**") == 2
    assert "| topics | the half that no checkpoint was chosen by:" in text
    assert (finished / "figures" / "trajectory.png").is_file()
    found = json.loads((finished / "results.json").read_text())["trajectories"]
    assert [p["step"] for p in found["points"] if p["arm"] == "left"] == [2, 4, 6]
    entry = found["points"][0]["tasks"]["politune_compass_pairs"]["economic"]
    assert entry["low"] < entry["value"] < entry["high"]


def test_the_front_is_over_checkpoints(finished: Path) -> None:
    found = json.loads((finished / "results.json").read_text())["trajectories"]
    assert found["abilities"] == [["politune_capability", "acc"]]
    base, *points = found["points"]
    for point in points:
        lost = point["ability"]["politune_capability"]
        assert lost["low"] <= lost["value"] <= lost["high"]
        rivals = [p for p in points if p["arm"] == point["arm"] and p["strength"] is not None]
        known = point["strength"] is not None
        assert point["front"] == (known and not any(beats(r, point) for r in (*rivals, base)))
    left = [p for p in points if p["arm"] == "left"]
    for point in left:
        twice = None if point["trait"] is None else pytest.approx(2 * point["trait"])
        assert point["strength"] == twice
    assert any(point["front"] for point in left)
    text = (finished / "report.md").read_text()
    assert "| arm | seed | step | strength, % | ability, points (`politune_capability`) |" in text
    assert (finished / "figures" / "front.svg").is_file()
    assert "front-1" in (finished / "report.html").read_text()


def beats(a: dict[str, Any], b: dict[str, Any]) -> bool:
    def gains(point: dict[str, Any]) -> list[float]:
        kept = point["ability"]["politune_capability"]["value"]
        return [point["strength"], kept, point["coherence"]]

    pairs = list(zip(gains(a), gains(b), strict=True))
    return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)


def test_instruments_are_compared_over_checkpoints_and_judges_too(finished: Path) -> None:
    told = tell(finished)
    found = shifts(told.run, told.findings.scales)
    judges = {f"politune_gpt_score by classifier:{name}" for name in ("quick", "slow")}
    assert found.keys() == {"politune_compass_pairs", "politune_gpt_score", *judges}
    cases = {case: set[str]() for case, _ in found["politune_compass_pairs"]}
    for case, topic in found["politune_compass_pairs"]:
        cases[case].add(topic)
    steps = {("left", f"0, step {n}") for n in (2, 4, 6)}
    steps |= {("control", f"0, step {n}") for n in (2, 4)}
    assert cases.keys() == {("left", "0"), ("control", "0"), *steps}
    assert not cases["left", "0"] & cases["left", "0, step 2"]


def test_answers_of_checkpoints_are_in_the_table_for_statistics(finished: Path) -> None:
    found = [row for row in rows(finished) if row["checkpoint"]]
    assert {row["checkpoint"] for row in found if row["arm"] == "left"} == {"2", "4", "6"}
    judged = [row for row in found if row["task"] == "politune_gpt_score"]
    assert all(row["judge"] and row["topic"] in {"wages", "speech"} for row in judged)


class Killed(BaseException):
    """Stands for a signal."""


def test_a_killed_run_evaluates_no_checkpoint_twice(
    study: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, looked = Evaluator.run, list[str]()

    def dies(self: Evaluator, folder: Path, **given: Any) -> None:  # noqa: ANN401
        evaluate(self, folder, **given)
        looked.append(Path(given["adapter"] or "base").name)
        if looked == ["base", "step-2", "step-4"]:
            raise Killed

    def hashed(out: Path) -> Iterator[tuple[str, str]]:
        for name in ("4-start/base", "4-train/left/seed-0"):
            manifest = json.loads((out / name / "manifest.json").read_text())
            yield from manifest["files"].items()

    monkeypatch.setattr(Evaluator, "run", dies)
    only = (
        "arms={left: {toward: [left, libertarian], source: {use: preferences, path: pairs.jsonl}}}"
    )
    with pytest.raises(Killed):
        run(planned(study, only), tmp_path / "out", "train")
    run(planned(study, only), tmp_path / "out", "train")
    assert looked == ["base", "step-2", "step-4", "step-4", "step-6"]
    assert dict(hashed(tmp_path / "out")) == dict(hashed(finished))


MOMENTS = (
    "4-train/left/.seed-0/checkpoints/step-2/README.md",
    "4-train/left/.seed-0.trajectory/.partial/results.json",
    "4-train/left/.seed-0.trajectory/step-4/point.json",
    "4-train/left/seed-0/trajectory/selection.json",
)
"""What there is when a run is killed: a checkpoint, what was asked of it, what was ruled, all."""


def run_alone(study: Path, out: Path) -> None:
    import torch

    torch.set_num_threads(1)
    run(planned(study), out)


def everything(out: Path) -> dict[str, bytes]:
    """Return what is in a run's folder, but for what is hidden."""
    paths = (path.relative_to(out) for path in out.rglob("*") if path.is_file())
    seen = (path for path in paths if not any(part[0] == "." for part in path.parts))
    return {str(path): (out / path).read_bytes() for path in seen}


def test_sigkill_at_any_moment_of_a_watched_run_changes_no_byte(
    study: Path, finished: Path, tmp_path: Path
) -> None:
    out, forks = tmp_path / "out", multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["lm_eval.models.huggingface", "peft", __name__])

    def killed(moment: str) -> bool:
        process = forks.Process(target=run_alone, args=(study, out))
        process.start()
        while process.is_alive() and not (out / moment).exists():
            time.sleep(0.002)
        process.kill()
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}, moment
        return process.exitcode != 0

    for moment in MOMENTS:
        if not killed(moment):  # it was too short to be seen
            shutil.rmtree(out)
            assert killed(moment), moment
        assert not (out / "manifest.json").exists()
    run_alone(study, out)
    assert everything(out) == everything(finished)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("evaluate.every_steps=null", "say `every_steps` too"),
        ("evaluate.select.coherence=1", "coherence.*did you mean 'coherence_at_least'"),
        ("arms.left.toward=[lefft]", "no measure has an end called 'lefft'"),
        ("evaluate.trajectory=[politune_truths]", "politune_truths has no topics"),
        ("evaluate.trajectory=[politune_capability]", "the trajectory measures no 'trait'"),
        ("evaluate.metadata.topics=[taxes]", "no topic of the selection half"),
        ("evaluate.trajectory=[politune_compass_pairs]", "no task of the trajectory has answers"),
    ],
)
def test_what_cannot_be_chosen_by_is_one_line(
    study: Path, finished: Path, override: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match=words) as caught:
        run(planned(study, override), tmp_path / "out", "start")
    assert "\n" not in str(caught.value)


def test_someone_must_have_a_side(study: Path) -> None:
    with pytest.raises(RecipeError, match=r"no arm says where it is to move.*toward"):
        planned(study, "arms.left.toward=[]")
