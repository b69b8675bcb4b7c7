"""The report says what the artifacts hold: numbers, intervals, what is missing, what is unsure."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from politune_harness import DataError, report
from politune_harness.measurements import Measurement
from tests.report_runs import PERSONAS, SHIFTS, build_run, results

HOSTILE = "judge|<script>alert(1)</script> $x$ [a](http://e.org) **b** \u202e"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    build_run(folder, personas=PERSONAS, systems={"default": 1}, judge=HOSTILE, stamp="made up")
    report.write(folder)
    return folder


def difference(folder: Path, a: str, b: str, task: str, metric: str) -> dict[str, Any]:
    wanted = {"a": a, "b": b, "task": task, "metric": metric}
    found = [each for each in results(folder)["differences"] if wanted.items() <= each.items()]
    assert len(found) == 1
    return dict(found[0])


def test_no_legend_looks_for_its_place() -> None:
    package = Path(report.__file__).parents[1]
    calls = {path.name for path in package.rglob("*.py") if ".legend(" in path.read_text("utf-8")}
    assert calls == {"style.py"}


def test_results_have_the_agreed_shape(run: Path) -> None:
    found = results(run)
    assert list(found["arms"]) == sorted(SHIFTS)
    entry = found["arms"]["left"]["tasks"]["politune_compass"]["economic"]
    assert set(entry) == {"value", "low", "high", "n", "missing", "judge", "seeds"}
    assert entry["low"] < entry["value"] < entry["high"]
    assert (entry["n"], entry["missing"], entry["judge"]) == (24, 0, None)
    assert entry["seeds"] == {"0": entry["value"]}
    assert found["arms"]["base"]["tasks"]["politune_compass"]["economic"]["seeds"] == {}
    pairs = {(each["a"], each["b"]) for each in found["differences"]}
    assert pairs == {
        *((arm, "base") for arm in ("left", "right", "control")),
        *((arm, "control") for arm in ("left", "right")),
        ("left", "right"),
    }


def test_a_difference_is_a_minus_b(run: Path) -> None:
    apart = difference(run, "left", "right", "politune_compass_pairs", "economic")
    arms = results(run)["arms"]
    each = [
        arms[arm]["tasks"]["politune_compass_pairs"]["economic"]["value"]
        for arm in ("left", "right")
    ]
    assert apart["value"] == pytest.approx(each[0] - each[1])
    assert apart["high"] < 0


def test_a_value_is_the_mean_of_item_means_and_nothing_is_filled_in(tmp_path: Path) -> None:
    build_run(tmp_path / "run", shifts={"base": (0, 0), "left": (0, 0)})
    rows = [
        Measurement(task="politune_compass", metric="economic", item=item, value=value)
        for item, value in (("a", 1.0), ("a", 3.0), ("b", -2.0), ("b", None), ("c", None))
    ]
    for place in ("base", "left/seed-0"):
        encoded = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        (tmp_path / "run" / "5-evaluate" / place / "measurements.jsonl").write_bytes(encoded)
    report.write(tmp_path / "run")
    found = results(tmp_path / "run")
    entry = found["arms"]["left"]["tasks"]["politune_compass"]["economic"]
    assert (entry["value"], entry["n"], entry["missing"]) == (0.0, 2, 2)
    low, high = found["bounds"]["left"]["politune_compass"]["economic"]
    assert low == pytest.approx((2 - 6 - 10) / 3)
    assert high == pytest.approx((2 + 4 + 10) / 3)
    apart = difference(tmp_path / "run", "left", "base", "politune_compass", "economic")
    assert (apart["value"], apart["low"], apart["high"]) == (0.0, 0.0, 0.0)


def test_one_item_has_no_interval_and_no_place_in_a_figure(tmp_path: Path) -> None:
    build_run(tmp_path / "run", shifts={"base": (0, 0), "left": (0, 0)})
    rows = [
        Measurement(task="politune_compass", metric=axis, item=axis, value=1.0)
        for axis in ("economic", "social")
    ]
    for place in ("base", "left/seed-0"):
        encoded = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        (tmp_path / "run" / "5-evaluate" / place / "measurements.jsonl").write_bytes(encoded)
    report.write(tmp_path / "run")
    assert "| left | 1.0 [-] |" in (tmp_path / "run" / "report.md").read_text()


def test_what_personas_do_not_move_is_marked_everywhere(run: Path) -> None:
    found, text = results(run), (run / "report.md").read_text()
    assert found["insensitive"] == ["politune_compass social", "politune_compass_pairs social"]
    assert found["personas"]["politune_compass"]["economic"]["sensitive"]
    assert "social † (" in text
    assert "economic † (" not in text
    assert "| `politune_compass` | social † | **insensitive** |" in text
    assert "**left** against the base: moved left on economic (" in text


def test_a_persona_that_moves_the_wrong_way_is_no_proof(tmp_path: Path) -> None:
    build_run(tmp_path / "run", personas={"score": (3, -3)})
    report.write(tmp_path / "run")
    assert "politune_gpt_score score" in results(tmp_path / "run")["insensitive"]


def test_text_from_data_is_harmless(run: Path) -> None:
    text = (run / "report.md").read_text()
    for danger in ("<script>", "<b>", "](http:", "http://", "\u202e", "**b**"):
        assert danger not in text
    assert r"\<script\>alert\(1\)\</script\> \$x\$" in text
    assert r"7 not \| a row; of these malformed: 7" in text


def test_pairs_that_training_left_out_or_cut_are_counted(run: Path) -> None:
    trained = (run / "report.md").read_text().partition("## How training went")[2]
    assert "| arm | seed | pairs | left out, by reason | cut | steps |" in trained
    assert "| left | 0 | 2 | 3 too \\| long | 1 | 59 |" in trained


def test_figures_are_drawn_and_stamped(run: Path, tmp_path: Path) -> None:
    names = {path.name for path in (run / "figures").iterdir()}
    drawn = [
        f"{name}.{kind}"
        for name in ("compass", "funnel", "gpt_score", "tradeoff", "training")
        for kind in ("png", "svg")
    ]
    assert names == {*drawn, "README.md"}
    plain = build_run(tmp_path / "run", personas=PERSONAS, systems={"default": 1}, judge=HOSTILE)
    report.write(plain)
    for name in drawn:
        assert (run / "figures" / name).read_bytes() != (plain / "figures" / name).read_bytes()
    assert "> **MADE UP**" in (run / "report.md").read_text()
    assert "MADE UP" not in (plain / "report.md").read_text()


def test_the_same_artifacts_give_the_same_bytes(run: Path) -> None:
    def written() -> dict[str, bytes]:
        made = [*run.glob("re*.*"), *(run / "figures").iterdir()]
        return {path.name: path.read_bytes() for path in made}

    before = written()
    report.write(run)
    assert written() == before


def test_seeds_widen_intervals_and_are_told_apart(tmp_path: Path) -> None:
    report.write(build_run(tmp_path / "run", seeds=(0, 1, 10)))
    entry = results(tmp_path / "run")["arms"]["left"]["tasks"]["politune_compass"]["economic"]
    assert list(entry["seeds"]) == ["0", "1", "10"]
    assert np.mean(list(entry["seeds"].values())) == pytest.approx(entry["value"])
    text = (tmp_path / "run" / "report.md").read_text()
    assert "3 training seeds an arm" in text
    assert "One training seed" not in text


def test_seeds_that_the_recipe_no_longer_has_do_not_count(tmp_path: Path) -> None:
    run = build_run(tmp_path / "run")
    report.write(run)
    before = results(run)
    for arm in (run / "5-evaluate").glob("*/seed-0"):
        shutil.copytree(arm, arm.with_name("seed-1"))
    report.write(run)
    assert results(run) == before


def test_it_says_what_it_cannot_show(run: Path, tmp_path: Path) -> None:
    text = (run / "report.md").read_text().partition("## What this cannot show")[2]
    for words in (
        "One training seed an arm",
        "made of the answers",
        "about one in twenty",
        "No human norms for `politune_compass`, `politune_compass_pairs`",
        "People have not reviewed the wording of the bank politune;",
    ):
        assert words in text
    assert "No control arm" not in text
    bare = build_run(tmp_path / "run", shifts={"base": (0, 0), "left": (0, 0)}, partial=True)
    report.write(bare)
    text = (bare / "report.md").read_text()
    for words in (
        "No control arm",
        "No personas were put",
        "No other system prompts",
        "Only a part of each task",
        "> **PARTIAL**",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("overlap", "words"),
    [
        ("{}", "holds 80 % of the prompt's words in runs of 8."),
        ("{exclude: false}", "**Such pairs were trained on**: 10 of left."),
        ("null", "**Nobody looked whether pairs hold what is evaluated**"),
    ],
)
def test_it_says_how_pairs_were_kept_apart_from_prompts(
    tmp_path: Path, overlap: str, words: str
) -> None:
    folder = build_run(tmp_path / "run", shifts={"base": (0, 0), "left": (0, 0)})
    with (folder / "recipe.yaml").open("a") as recipe:
        recipe.write(f"overlap: {overlap}\n")
    report.write(folder)
    text = (folder / "report.md").read_text().partition("## Data")[2]
    assert "| left | overlap | 10 overlaps an evaluation prompt | 400 | 390 |" in text
    assert words in text


def test_a_group_is_its_tasks_pooled(tmp_path: Path) -> None:
    folder = build_run(tmp_path / "run", shifts={"base": (0, 0), "left": (0, 0)})
    for place in ("base", "left/seed-0"):
        about = folder / "5-evaluate" / place / "results.json"
        groups = {"both": ["politune_capability", "politune_compass_pairs"]}
        facts = {**json.loads(about.read_text()), "group_subtasks": groups}
        about.write_text(json.dumps(facts))
    report.write(folder)
    tasks = results(folder)["arms"]["base"]["tasks"]
    assert tasks["both"]["acc"]["value"] == tasks["politune_capability"]["acc"]["value"]
    assert tasks["both"]["economic"]["n"] == 24


def test_without_compass_or_judge_there_is_still_a_report(tmp_path: Path) -> None:
    folder = build_run(tmp_path / "run", shifts={"base": (0, 0), "left": (0, 0)})
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        recipe.read_text().replace("politune_compass", "x").replace("politune_gpt_score", "y")
    )
    report.write(folder)
    assert not (folder / "figures" / "compass.png").exists()
    assert "![Training" in (folder / "report.md").read_text()


def test_unfinished_runs_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no run"):
        report.write(tmp_path)
    folder = build_run(tmp_path / "run")
    (folder / "5-evaluate" / "left" / "seed-0" / "measurements.jsonl").write_text("{")
    with pytest.raises(DataError, match=r"left/seed-0 is not whole.*politune run") as caught:
        report.write(folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "report.md").exists()
