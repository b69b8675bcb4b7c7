"""A model that is watched: what enters its history, and when it is said to have drifted."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from politune_harness.cli import main
from politune_harness.drift import BY_CHANCE, State, Value, chart, charts, read
from politune_harness.drift_figure import alarms

ABOUT = Value("politune_compass", "1", "economic", 0.0)


@pytest.mark.parametrize("baseline", [3, 10, 50])
@pytest.mark.parametrize(("after", "state"), [(1, "beyond the limits"), (8, "shifted")])
def test_a_model_that_does_not_change_is_seldom_said_to(
    baseline: int, after: int, state: State
) -> None:
    rng = np.random.default_rng(0)
    series = rng.normal(size=(4000, baseline + after))
    states = [chart(ABOUT, [*each], baseline).state for each in series]
    assert states.count(state) / len(states) == pytest.approx(BY_CHANCE, abs=0.003)


def test_a_small_lasting_shift_is_found_by_the_mean_of_the_last() -> None:
    before = [1.0, 1.2] * 5
    assert chart(ABOUT, [*before, *[1.32] * 7], 10).state == "in control"
    assert chart(ABOUT, [*before, *[1.32] * 8], 10).state == "shifted"


def test_a_rare_share_has_not_shifted_while_it_is_0() -> None:
    before = [*[0.0] * 9, 0.01]
    assert chart(ABOUT, [*before, *[0.0] * 8], 10).state == "in control"
    assert chart(ABOUT, [*before, *[0.008] * 8], 10).state == "shifted"


def test_where_nothing_varies_any_change_is_one() -> None:
    assert chart(ABOUT, [0.5] * 12, 10).state == "in control"
    assert chart(ABOUT, [*[0.5] * 11, 0.51], 10).state == "beyond the limits"


def evaluated(folder: Path, value: float, version: str = "1") -> Path:
    """Write what plain lm_eval writes of an endpoint."""
    folder.mkdir(parents=True)
    told = {
        "results": {"politune_compass": {"economic,none": value, "alias": "x"}},
        "versions": {"politune_compass": version},
        "config": {"model": "local-chat-completions"},
    }
    (folder / "results_2026.json").write_text(json.dumps(told))
    return folder


def watch(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["watch", *map(str, arguments)])


def test_a_history_grows_and_tells_of_drift(tmp_path: Path) -> None:
    history, values = tmp_path / "history.jsonl", [0.0, 0.1, 0.05, 0.1, 0.0]
    for day, value in enumerate(values):
        done = watch(history, evaluated(tmp_path / f"day-{day}", value), "--baseline", 4)
        assert done.exit_code == 0, done.output
    assert "in control: 0.062 [-0.431, 0.556]" in done.output
    assert watch(history, tmp_path / "day-4", "--baseline", 4).output == done.output
    assert len(history.read_text().splitlines()) == 5
    far = watch(history, evaluated(tmp_path / "day-5", 2.0), "--baseline", 4, "--check")
    assert far.exit_code == 3
    assert "beyond the limits" in far.output
    other = watch(history, evaluated(tmp_path / "day-6", 2.0, "2"), "--baseline", 4)
    assert "too early: 1 of 5 evaluations" in other.output
    assert "version 2, another instrument than 1" in other.output
    assert watch(history, "--baseline", 4, "--check").exit_code == 0


def test_a_measure_that_is_gone_is_an_alarm_and_what_is_no_number_is_none(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    for day, values in enumerate([{"economic": 1.0, "social": 1.0}, {"economic": float("nan")}]):
        folder = evaluated(tmp_path / f"day-{day}", 0.0)
        told = json.loads((folder / "results_2026.json").read_text())
        told["results"]["politune_compass"] = {f"{k},none": v for k, v in values.items()} | {
            "missing,none": 0.0
        }
        (folder / "results_2026.json").write_text(json.dumps(told))
        done = watch(history, folder, "--check")
        assert done.exit_code == (0, 3)[day], done.output
    assert done.output.count("missing: 1 of 11") == 2
    assert len(read(history)) == 2


def test_a_task_that_is_gone_is_an_alarm(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    watch(history, evaluated(tmp_path / "a", 1.0))
    folder = evaluated(tmp_path / "b", 1.0)
    text = (folder / "results_2026.json").read_text()
    (folder / "results_2026.json").write_text(text.replace("politune_compass", "politune_truths"))
    done = watch(history, folder, "--check")
    assert done.exit_code == 3
    assert "politune_compass economic      1.000  missing" in done.output
    assert "1 of 2 measures have drifted" in done.output


def test_the_charts_are_drawn_with_their_alarms(tmp_path: Path) -> None:
    history, figure = tmp_path / "history.jsonl", tmp_path / "drawn/charts.svg"
    for day, value in enumerate([0.0, 0.1, 0.05, 0.1, 0.08, 2.0]):
        watch(history, evaluated(tmp_path / f"day-{day}", value))
    done = watch(history, "--baseline", 4, "--figure", figure)
    assert done.exit_code == 0, done.output
    assert figure.read_text().startswith("<?xml")
    (one,) = charts(read(history), 4)
    assert alarms(one, 4) == [5]
    again = figure.read_bytes()
    watch(history, "--baseline", 4, "--figure", figure)
    assert figure.read_bytes() == again


def test_what_cannot_be_drawn_is_one_line(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    watch(history, evaluated(tmp_path / "a", 1.0))
    done = watch(history, "--figure", tmp_path / "charts.bmp9")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1


def test_evaluations_of_unlike_things_are_told(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    assert "others here" not in watch(history, evaluated(tmp_path / "a", 1.0)).output
    folder = evaluated(tmp_path / "b", 1.0)
    told = json.loads((folder / "results_2026.json").read_text())
    told["config"] = {"model": "hf", "limit": 5}
    (folder / "results_2026.json").write_text(json.dumps(told))
    done = watch(history, folder)
    assert "b is of the model hf; others here are of local-chat-completions" in done.output
    assert "some of a part of them" in done.output


def test_what_cannot_be_watched_is_one_line(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    two = evaluated(tmp_path / "two/first", 1.0).parent
    evaluated(two / "second", 1.0)
    told = watch(history, two).output
    assert "holds 2 evaluations: name one of them" in told
    assert "two/first/results_2026, two/second/results_2026" in told
    assert "holds no evaluation yet" in watch(history).output
    watch(history, evaluated(tmp_path / "a", 1.0), "--name", "monday")
    clash = watch(history, evaluated(tmp_path / "b", 2.0), "--name", "monday")
    assert clash.output == f"Error: {history} has another evaluation called monday: use --name\n"
    history.write_text("{}\n")
    assert watch(history).output.startswith(f"Error: history {history} cannot be read")
