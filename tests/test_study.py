"""Studies: the grid and its cells, what they share, what is frozen, and what their report says."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml

from politune_harness.artifacts import Artifact, Contents, Manifest
from politune_harness.discovery import FILES
from politune_harness.errors import DataError, RecipeError
from politune_harness.pipeline import run
from politune_harness.rating import RATINGS, Rating, answers
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry
from politune_harness.report.matrices import Cell as Measured
from politune_harness.run_folder import keep_recipe
from politune_harness.statistics import Interval
from politune_harness.store import Store
from politune_harness.study import Grid, figure, frozen, report
from politune_harness.study.answer import _most
from politune_harness.study.curve import Saturating
from politune_harness.study.front import points
from politune_harness.study.ranks import _agreement, kendall, spearman
from politune_harness.study.results import _corrected, compared
from politune_harness.study.running import PHASES, Running, folder_of
from politune_harness.study.told import tell
from politune_harness.study.training import Training
from politune_harness.study.work import Task, bring, work
from tests import test_pipeline
from tests.report_runs import SHIFTS, build_run
from tests.test_pipeline import RECIPE
from tests.test_pipeline import study as folder
from tests.test_rate import sample
from tests.test_store import bytes_of

__all__ = ["folder"]

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "docs/examples/studies").glob("*.yaml"))

PRIMARY = {"task": "politune_compass", "metric": "economic", "contrast": ["right", "left"]}
STUDY = {
    "question": "How many pairs does it take?",
    "over": {"sample": [1, 2], "seeds": [0, 1]},
    "primary": PRIMARY,
}


def grid(folder: Path, *overrides: str, **changes: object) -> Grid:
    values = {**yaml.safe_load(RECIPE), "study": {**STUDY, **changes}}
    (folder / "study.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Grid.load(folder / "study.yaml", overrides)


def test_a_cell_is_a_recipe_with_one_level_of_each_axis(folder: Path) -> None:
    found = grid(folder)
    assert [cell.name for cell in found.cells] == [
        "sample-1_seeds-0",
        "sample-1_seeds-1",
        "sample-2_seeds-0",
        "sample-2_seeds-1",
    ]
    assert [(c.recipe.sample, c.recipe.seeds) for c in found.cells[1:3]] == [(1, (1,)), (2, (0,))]
    assert found.cells[1].condition == "sample-1"


def test_levels_have_names_and_combinations_can_be_left_out(folder: Path) -> None:
    found = grid(
        folder,
        over={
            "kind": {"plain one": {"trainer.style": "plain"}, "grand": {"trainer.style": "grand"}},
            "sample": [1, 2],
        },
        exclude=[{"kind": "grand", "sample": 1}],
    )
    assert [cell.name for cell in found.cells] == [
        "kind-plain-one_sample-1",
        "kind-plain-one_sample-2",
        "kind-grand_sample-2",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"over": {"sampel": [1, 2]}, "exclude": [{"sample": 1}]},
            "sampel: a recipe has no such key; did you mean 'sample'",
        ),
        ({"exclude": [{"sampel": 1}]}, "'sampel' is no axis of `over`; did you mean 'sample'"),
        ({"over": {"sample": [1, 1]}}, "each level once"),
        ({"over": {"trainer": [{"use": "scribe"}]}}, "name its levels"),
        ({"exclude": [{"sample": 3}]}, "3 is no level"),
        ({"over": {"sample": 10}}, "study.over: sample: write a list of values, or"),
        ({"over": {"sample": {"few": 10}}}, "study.over: sample: write a list of values, or"),
        ({"primary": {**PRIMARY, "between": [{}]}}, "study.primary.between: it needs 2 entries"),
        ({"primary": {**PRIMARY, "between": {}}}, "between: .* write a list of such mappings"),
        ({"primery": {}}, "did you mean 'primary'"),
        ({"over": {"sample": [0]}}, "sample"),
    ],
)
def test_what_is_no_study_is_one_line(
    folder: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        grid(folder, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["sample", "trainer", "trainer.style", "trainer.style.loud"])
def test_what_an_axis_sets_is_not_set_for_every_cell(folder: Path, key: str) -> None:
    over = {
        "sample": [1, 2],
        "kind": {"one": {"trainer.style": "plain"}, "two": {"trainer.style": "grand"}},
    }
    with pytest.raises(RecipeError, match=f"--set {key}: the axis .* change its levels"):
        grid(folder, f"{key}=3", over=over)
    assert len(grid(folder, "trainer.styles=3", over=over).cells) == 4


@pytest.fixture
def running(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    monkeypatch.setenv(FILES, str(test_pipeline.__file__))
    found = grid(folder, "engine={use: local, workers: 1}")
    return Running(found, folder / "out", str(folder / "store"), Registry.installed())


@pytest.mark.parametrize(
    ("primary", "message"),
    [
        ({"task": "politune_compas"}, "study.primary: the recipe evaluates no task .*did you mean"),
        ({"metric": "economical"}, "study.primary: .* has no metric 'economical'; did you mean"),
        ({"metric": "economic_low"}, "study.primary: .* has no metric 'economic_low'"),
        ({"metric": "economic,none"}, "study.primary: .* has no metric 'economic,none'"),
    ],
)
def test_what_is_not_measured_is_known_before_anything_is_frozen(
    folder: Path, running: Running, primary: dict[str, str], message: str
) -> None:
    found = grid(folder, primary={**PRIMARY, **primary})
    with pytest.raises(RecipeError, match=message):
        replace(running, grid=found).run()
    assert frozen.read(running.out) is None


def test_what_rests_on_what_runs_again_is_not_done(folder: Path, running: Running) -> None:
    contents = Contents(folder / "memory")
    cells = [running.lay_out(cell, contents) for cell in running.grid.cells]
    running._work(cells, PHASES[0], contents, cells[0].plan.engine)
    assert {each.step: each[1:] for each in running.shared()[0]}["instruct"] == (8, 2, 2)
    for read in running.out.glob("cells/*/1-read/left/manifest.json"):
        read.unlink()
    told = {each.step: each[1:] for each in running.shared()[0]}
    assert told["read"] == told["filter"] == told["instruct"] == (8, 2, 1)


def test_judges_of_checkpoints_are_asked_here_where_money_is_limited(
    folder: Path, running: Running
) -> None:
    train = next(phase for phase in PHASES if phase.name == "train")
    judge = ROOT / "plugins/politune_quickstart/classifier.json"
    looks = (
        "evaluate.every_steps=1",
        f"judges=[{{use: classifier-score, path: {judge}, name: words}}]",
    )

    def here(*overrides: str, limited: bool) -> bool:
        cells = grid(folder, "engine={use: local, workers: 1}", *overrides)
        study = replace(running, grid=cells, limited=limited)
        contents = Contents(folder / "memory")
        return study._here([study.lay_out(cell, contents) for cell in cells.cells], train, 1)

    assert not here(limited=True)
    assert not here(*looks, limited=False)
    assert here(*looks, limited=True)
    assert not here(*looks, "judge=deferred", limited=True)


def test_each_distinct_piece_of_work_is_done_once_and_changes_no_byte(
    folder: Path, running: Running
) -> None:
    contents = Contents(folder / "memory")
    (folder / "r.txt").write_text("no we cannot\nnot at all\n")
    cells = [running.lay_out(cell, contents) for cell in running.grid.cells]
    counts = {}
    for phase in PHASES[: [p.name for p in PHASES].index("train") + 1]:
        counts[phase.name] = len(list(running.tasks(cells, phase, contents)))
        running._work(cells, phase, contents, cells[0].plan.engine)
        assert list(running.tasks(cells, phase, contents)) == []
    assert (counts["curate"], counts["train"]) == (2, 8)
    told = {each.step: each[1:] for each in running.shared()[0]}
    assert (told["filter"], told["train"], told["evaluate"][2]) == ((8, 2, 2), (8, 8, 8), 0)
    for laid in cells:
        alone = folder / "alone" / laid.cell.name
        run(laid.plan, alone, "train")
        keep_recipe(laid.plan, laid.place.run)
        assert bytes_of(alone) == bytes_of(laid.place.run)


def test_what_workers_take_from_the_store_is_not_made(folder: Path, running: Running) -> None:
    contents, made = Contents(folder / "memory"), []
    for name in ("first", "second"):
        there = replace(running, out=folder / name)
        cells = [there.lay_out(cell, contents) for cell in there.grid.cells]
        made.append(there._work(cells, PHASES[0], contents, cells[0].plan.engine))
    assert made[0] > 0
    assert made[1] == 0
    assert bytes_of(folder / "first/cells") == bytes_of(folder / "second/cells")


def test_a_worker_with_other_files_takes_what_it_lacks_from_the_store(
    folder: Path, running: Running
) -> None:
    running = replace(running, store=f"memory://{folder}")
    contents = Contents(folder / "memory")
    laid = running.lay_out(running.grid.cells[0], contents)
    running._work([laid], PHASES[0], contents, laid.plan.engine)
    elsewhere, name = replace(laid.place, run=folder / "elsewhere"), "4-train/left/seed-0"
    work(Task(elsewhere, (name,), running.store))
    assert (elsewhere.run / "3-overlap/left/manifest.json").exists()
    stage = next(stage for stage in laid.stages if stage.name == name)
    assert not bring(stage, contents, Store(running.store))
    assert bytes_of(elsewhere.run / name) == bytes_of(laid.place.run / name) != {}


def test_what_was_decided_is_frozen_once_there_are_results(folder: Path) -> None:
    out = folder / "out"
    out.mkdir()
    frozen.freeze(grid(folder), out)
    frozen.freeze(grid(folder, margin=0.5), out)
    done = out / "cells/sample-1_seeds-0/5-evaluate/base"
    done.mkdir(parents=True)
    (done / "manifest.json").write_text("{}")
    frozen.freeze(grid(folder, margin=0.5), out)
    with pytest.raises(DataError, match="this changed: margin; run"):
        frozen.freeze(grid(folder), out)
    with pytest.raises(DataError, match="this changed: cells"):
        frozen.freeze(grid(folder, "trainer.style=grand", margin=0.5), out)
    frozen.freeze(grid(folder, "engine={use: local, workers: 1}", margin=0.5), out)
    before = frozen.checked(grid(folder, margin=0.5), out)
    frozen.freeze(grid(folder), out, amend=True)
    assert frozen.checked(grid(folder), out)["amended"] == [before["sha256"]]
    path = out / frozen.FROZEN
    path.write_text(path.read_text().replace("How many", "How few"))
    with pytest.raises(DataError, match="changed by hand"):
        frozen.read(out)


def built(
    folder: Path, apart: float = 1.0, name: str = "out", *overrides: str, **changes: object
) -> tuple[Grid, Path]:
    """Return a study whose cells hold numbers: the more pairs, the further the arms are apart."""
    found, out = grid(folder, *overrides, **changes), folder / name
    out.mkdir()
    frozen.freeze(found, out)
    for cell in found.cells:
        times = apart * {1: 0.3, 2: 1.0, 3: 1.5}[cell.recipe.sample or 0]
        shifts = {arm: (x * times, y * times) for arm, (x, y) in SHIFTS.items() if arm != "control"}
        build_run(folder_of(cell, out), seeds=cell.recipe.seeds, shifts=shifts)
    return found, out


def test_a_report_says_first_what_no_reader_may_overlook(folder: Path) -> None:
    found, out = built(folder, over={"sample": [1, 2], "seeds": [0, 1]})
    path = folder_of(found.cells[-1], out) / "5-evaluate/left/seed-1/results.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "stamp": "made *up*", "partial": True}))
    report.write(found, out)
    _, first, second, *_ = (out / "report.md").read_text().split("\n\n")
    assert first == r"> **MADE \*UP\***"
    assert second == "> **PARTIAL**: only some documents of each task were asked"
    assert json.loads((out / "results.json").read_text())["marks"] == ["made *up*", "partial"]


def test_what_both_arms_lose_is_drawn_or_neither(folder: Path) -> None:
    by_name = {"kind": {"one": {"sample": 1}, "two": {"sample": 2}}}
    found, out = built(folder, over={**by_name, "seeds": [0, 1]})
    told = tell(found, out)
    moved, *costs = figure.panels(told.found, told.others)
    assert [each.label for each in moved] == ["right \N{MINUS SIGN} left"]
    assert costs
    for panel in costs:
        assert {each.place[2:] for each in panel} == {("right", "base"), ("left", "base")}
        assert len({each.look for each in panel}) == 2
    assert figure.draw(told.found, told.others, {}, [], out / "figures") == ["conditions"]
    assert figure.draw(told.found, told.others, {}, told.front, out / "figures") == list(figure.ALT)


def test_lines_that_differ_have_a_panel_for_each_contrast(folder: Path) -> None:
    over = {"sample": [1, 2], "kind": {"one": {}, "two": {"trainer.style": "grand"}}}
    found, out = built(folder, over={**over, "seeds": [0, 1]})
    told = tell(found, out)
    panels = figure.panels(told.found, told.others)
    contrasts = [{each.place for each in panel} for panel in panels]
    assert all(len(each) == 1 for each in contrasts)
    assert len({frozenset(each) for each in contrasts}) == len(panels)
    assert {tuple(each.label for each in panel) for panel in panels} == {("one", "two")}


def test_the_report_answers_the_question_with_intervals(folder: Path) -> None:
    between = {**PRIMARY, "between": [{"sample": 2}, {"sample": 1}]}
    found, out = built(
        folder,
        over={"sample": [1, 2, 3], "seeds": [0, 1]},
        primary=between,
        margin=0.5,
        curve="saturating",
        cannot_tell="Nothing of people.",
    )
    report.write(found, out)
    results = json.loads((out / "results.json").read_text())
    (only,) = results["primary"]
    assert only["low"] < 0.7 * 6.2 * 0.6 < only["high"]
    assert (only["seeds"], only["items"], only["claim"]) == (2, 24, "exploratory")
    assert only["verdict"] in {"different", "undecided"}
    text = (out / "report.md").read_text()
    answer = text.split("\n\n")[1]
    assert answer.startswith("Right \N{MINUS SIGN} left on `politune_compass` economic is +")
    assert "(sample-1); the first less the second is +" in answer
    assert answer.endswith("Nothing of people.")
    assert results["frozen"]["sha256"] in text
    (curve,) = results["curves"]
    assert (curve["of"], curve["top"]["value"] > 0) == ("", True)
    assert "is not bounded by these data" in text
    before = {path: path.read_bytes() for path in out.glob("figures/*.png")}
    assert before
    report.write(found, out)
    assert before == {path: path.read_bytes() for path in out.glob("figures/*.png")}
    assert results["marks"] == []
    rows = (out / "results.csv").read_text().splitlines()
    assert sum(row.startswith("primary") for row in rows) == 1
    assert {each["claim"] for each in results["exploratory"]} == {"exploratory"}
    assert len(rows) == 2 + len(results["exploratory"])


def test_a_null_says_what_it_could_have_found(folder: Path) -> None:
    between = {**PRIMARY, "between": [{"sample": 2}, {"sample": 1}]}
    found, out = built(folder, apart=0, primary=between)
    report.write(found, out)
    (only,) = json.loads((out / "results.json").read_text())["primary"]
    assert only["p"] > 0.05
    answer = (out / "report.md").read_text().split("\n\n")[1]
    assert f"not told from 0, and only {only['detectable']:.2f} or more would be found" in answer


def test_nulls_of_conditions_say_what_they_could_have_found(folder: Path) -> None:
    found, out = built(folder, apart=0)
    report.write(found, out)
    told = json.loads((out / "results.json").read_text())["primary"]
    answer = (out / "report.md").read_text().split("\n\n")[1]
    least = max(each["detectable"] for each in told)
    assert "differs from 0 in none of 2 conditions" in answer
    assert f"of those not told from 0, {least:.2f} or more would be found" in answer


def test_what_has_no_value_is_counted(folder: Path) -> None:
    found, out = built(folder)
    for path in out.glob("cells/sample-1_*/5-evaluate/**/measurements.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        first = next(
            r for r in rows if (r["task"], r["metric"]) == ("politune_compass", "economic")
        )
        first["value"] = None
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report.write(found, out)
    text = (out / "report.md").read_text()
    assert "Answers left out, since they have no `politune_compass` economic: sample-1 " in text


def test_without_two_sets_each_condition_has_an_outcome(folder: Path) -> None:
    found, out = built(folder)
    report.write(found, out)
    told = json.loads((out / "results.json").read_text())["primary"]
    assert [each["of"] for each in told] == ["sample-1", "sample-2"]
    assert all(each["p"] <= each["p_holm"] < 0.05 for each in told)
    assert "differs from 0 in 2 of 2 conditions" in (out / "report.md").read_text()


def test_a_cell_that_is_not_finished_has_no_report(folder: Path) -> None:
    found, out = built(folder)
    gone = out / "cells/sample-2_seeds-1/5-evaluate/left/seed-1"
    gone.rename(out / "elsewhere")
    with pytest.raises(DataError, match="left/seed-1 is not evaluated"):
        report.write(found, out)


def test_a_cell_without_one_of_its_seeds_has_no_report(folder: Path) -> None:
    found, out = built(folder, 1.0, "out", "seeds=[0, 1]", over={"sample": [1, 2]})
    report.write(found, out)
    (out / "cells/sample-2/5-evaluate/left/seed-1").rename(out / "elsewhere")
    with pytest.raises(DataError, match="sample-2: left/seed-1 is not evaluated"):
        report.write(found, out)


def test_a_cell_that_is_not_judged_has_no_report(folder: Path) -> None:
    judge = ROOT / "plugins/politune_quickstart/classifier.json"
    judges = f"judges=[{{use: classifier-score, path: {judge}, name: words}}]"
    found, out = built(folder, 1.0, "out", judges, "arms.left={adapter: left}")
    for place in list(out.glob("cells/*/5-evaluate/left/seed-*")):
        place.rename(place.with_name("given"))
    for path in out.glob("cells/*/recipe.yaml"):
        told = yaml.safe_load(path.read_text())
        told["arms"]["left"] = {"adapter": "left"}
        path.write_text(yaml.safe_dump(told))
    with pytest.raises(DataError, match="base is not judged"):
        report.write(found, out)
    for path in out.glob("cells/*/5-evaluate/**/measurements.jsonl"):
        judged = Path(str(path.parent).replace("5-evaluate", "6-judge"))
        judged.mkdir(parents=True)
        manifest = Manifest(stage="judge", made_by={}, inputs={}, counts={}, files={})
        Artifact(judged).seal(manifest)
    report.write(found, out)
    (only,) = {each["seeds"] for each in json.loads((out / "results.json").read_text())["primary"]}
    assert only == 1


def test_seeds_of_another_time_do_not_count(folder: Path) -> None:
    found, out = built(folder)
    report.write(found, out)
    before = (out / "results.csv").read_bytes()
    place = out / "cells/sample-2_seeds-1/5-evaluate/left"
    shutil.copytree(place / "seed-1", place / "seed-7")
    report.write(found, out)
    assert (out / "results.csv").read_bytes() == before


def test_what_is_different_alone_may_not_be_among_others() -> None:
    told = [{"p": 0.03, "verdict": "different"}, {"p": 0.04, "verdict": "different"}]
    assert [each["verdict"] for each in _corrected(told)] == ["undecided", "undecided"]
    told[0]["p"] = 0.01
    assert [each["verdict"] for each in _corrected(told)] == ["different", "different"]


def test_what_was_not_measured_is_one_line(folder: Path) -> None:
    found, out = built(folder, primary={**PRIMARY, "metric": "galtan"})
    with pytest.raises(RecipeError, match="has no measure 'politune_compass galtan'"):
        report.write(found, out)
    with pytest.raises(DataError, match="holds no run of this study"):
        report.write(grid(folder), out)


def judged(folder: Path, second: float) -> tuple[Grid, Path]:
    """Return a study of two judges: the second sees each shift so many times as large."""
    over = {"judge": {"first": {}, "second": {"trainer.style": "grand"}}, "seeds": [0, 1]}
    found, out = grid(folder, over=over, ranks="judge"), folder / "out"
    out.mkdir()
    frozen.freeze(found, out)
    for cell in found.cells:
        times = second if cell.levels["judge"].name == "second" else 1.0
        shifts = {arm: (x * times, y * times) for arm, (x, y) in SHIFTS.items()}
        build_run(folder_of(cell, out), seeds=cell.recipe.seeds, shifts=shifts)
    return found, out


@pytest.mark.parametrize(("second", "low", "high"), [(0.5, 0.6, 1.0), (-1.0, -1.0, -0.4)])
def test_judges_are_asked_for_the_order_of_the_arms(
    folder: Path, second: float, low: float, high: float
) -> None:
    found, out = judged(folder, second)
    report.write(found, out)
    (only,) = json.loads((out / "results.json").read_text())["ranks"]
    assert (only["a"], only["b"]) == ("judge-first", "judge-second")
    assert only["arms"] == 7
    assert low <= only["tau"]["low"] <= only["tau"]["value"] <= only["tau"]["high"] <= high
    assert "arms and seeds agree with Kendall's tau" in (out / "report.md").read_text()


def test_judges_are_compared_with_people_on_what_these_rated(folder: Path) -> None:
    """Who put the arms in the reverse order, and rated answers in the cells of one judge alone."""
    primary = {**PRIMARY, "task": "politune_gpt_score", "metric": "score"}
    over = {"judge": {"first": {}, "second": {"trainer.style": "grand"}}, "seeds": [0, 1]}
    found, out = grid(folder, over=over, ranks="judge", primary=primary), folder / "out"
    out.mkdir()
    frozen.freeze(found, out)
    for cell in found.cells:
        run = build_run(folder_of(cell, out), seeds=cell.recipe.seeds)
        for place in Recipe.of_run(run).places:
            (samples := run / "5-evaluate" / place / "samples").mkdir()
            rows = [sample("base", n, 0, f"Answer {n} of {place}.") for n in range(4)]
            lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
            (samples / "politune_gpt_score.jsonl").write_bytes(lines)
    report.write(found, out)
    assert "people" not in (out / "report.md").read_text()
    values = {"left": 18, "base": 10, "right": 2}
    for run in sorted(out.glob("cells/judge-first*")):
        said = [
            Rating(id=each.id, rater="r", rating=values.get(each.place.split("/")[0]))
            for each in answers(run)
        ]
        (run / RATINGS).write_bytes(msgspec.json.Encoder().encode_lines(said))
    report.write(found, out)
    told = json.loads((out / "results.json").read_text())["ranks"]
    assert [(each["a"], each["b"]) for each in told] == [
        ("judge-first", "judge-second"),
        ("judge-first", "people"),
        ("judge-second", "people"),
    ]
    # Two seeds of left and of right, and the base: the control was not rated.
    assert [each["arms"] for each in told[1:]] == [5, 5]
    assert all(each["tau"]["value"] < -0.7 for each in told[1:])
    assert all(-1 <= each["tau"]["low"] <= each["tau"]["high"] for each in told[1:])
    assert "With the order by people" in (out / "report.md").read_text()


def test_few_ratings_have_no_interval() -> None:
    x = np.full((20, 8), np.nan)
    x[np.arange(8), np.arange(8)] = np.arange(8)
    told = _agreement(x, x, kendall)
    assert told == (1.0, None, None)
    many = np.random.default_rng(0).normal(size=(20, 8)) + np.arange(8)
    assert None not in _agreement(many, many, kendall)


def test_our_rank_correlations_are_those_of_scipy() -> None:
    from scipy.stats import kendalltau, spearmanr

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (2, 20, 9)).astype(float)
    ours = kendall(x, y), spearman(x, y)
    for mine, theirs in zip(ours, (kendalltau, spearmanr), strict=True):
        np.testing.assert_allclose(mine, [theirs(*row)[0] for row in zip(x, y, strict=True)])


def test_an_outcome_can_be_a_change_beyond_another(folder: Path) -> None:
    over = {
        "sample": [1, 2, 3],
        "kind": {"plain": {}, "grand": {"trainer.style": "grand"}},
        "seeds": [0, 1],
    }
    sets = {
        "between": [{"sample": 2, "kind": "grand"}, {"sample": 1, "kind": "grand"}],
        "beyond": [{"sample": 2, "kind": "plain"}, {"sample": 1, "kind": "plain"}],
    }
    changes = {"over": over, "primary": {**PRIMARY, **sets}, "curve": "saturating"}
    found, out = grid(folder, **changes), folder / "out"
    out.mkdir()
    frozen.freeze(found, out)
    for cell in found.cells:
        times = 1.0 if (cell.recipe.sample, cell.levels["kind"].name) == (2, "grand") else 0.3
        shifts = {arm: (x * times, y * times) for arm, (x, y) in SHIFTS.items() if arm != "control"}
        build_run(folder_of(cell, out), seeds=cell.recipe.seeds, shifts=shifts)
    report.write(found, out)
    results = json.loads((out / "results.json").read_text())
    (only,) = results["primary"]
    assert only["low"] < 0.7 * 6.2 * 0.6 < only["high"]
    assert [curve["of"] for curve in results["curves"]] == ["plain", "grand"]
    assert "\n\ngrand: a saturating curve" in (out / "report.md").read_text()
    assert only["of"].endswith(", beyond sample-2_kind-plain less sample-1_kind-plain")
    answer = (out / "report.md").read_text().split("\n\n")[1]
    assert (
        "more from sample-1_kind-grand to sample-2_kind-grand than from sample-1_kind-p" in answer
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ranks": "judges"}, "ranks"),
        ({"primary": {**PRIMARY, "contrast": ["right", "lefft"]}}, "did you mean 'left'"),
        ({"effect": {**PRIMARY, "contrast": ["rihgt", "left"]}}, "study.effect.contrast"),
        ({"primary": {**PRIMARY, "between": [{"smaple": 2}, {"sample": 1}]}}, "'sample'"),
        ({"primary": {**PRIMARY, "between": [{"sample": 2}, {}]}}, "each set needs conditions"),
        ({"primary": {**PRIMARY, "between": [{"sample": 2, "seeds": 0}, {"sample": 1}]}}, "seeds"),
        ({"curve": "saturating"}, "a curve needs an axis of numbers above 0, at least 3"),
        ({"primary": {**PRIMARY, "beyond": [{"sample": 1}, {"sample": 2}]}}, "needs `between`"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    folder: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        grid(folder, **changes)


def test_what_moves_may_be_another_measure_than_what_is_primary(folder: Path) -> None:
    cost = {"task": "politune_capability", "metric": "acc", "contrast": ["left + right", "base"]}
    between = {**cost, "between": [{"sample": 2}, {"sample": 1}]}
    found, out = built(folder, primary=between, effect=PRIMARY)
    report.write(found, out)
    told = json.loads((out / "results.json").read_text())
    single = {
        (e["of"], e["a"]): e["value"]
        for e in told["exploratory"]
        if (e["metric"], e["b"]) == ("acc", "base") and "+" not in e["a"]
    }
    means = {of: (single[of, "left"] + single[of, "right"]) / 2 for of in ("sample-1", "sample-2")}
    assert told["primary"][0]["value"] == pytest.approx(means["sample-2"] - means["sample-1"])
    moved = {e["of"]: e["value"] for e in told["exploratory"] if e["metric"] == "economic"}
    assert moved["sample-2"] > moved["sample-1"]
    assert "sample-2" in told["front"]
    text = (out / "report.md").read_text()
    assert "the mean of left and right" in text
    assert "| sample-2 | +" in text[text.index("## What moving costs") :]


def test_there_is_no_front_where_conditions_move_to_either_side_of_the_base(folder: Path) -> None:
    found, out = built(folder, primary={**PRIMARY, "contrast": ["right", "base"]})
    told = tell(found, out)
    assert any(each.front for each in told.front)
    assert "| front |" in report._front(told)

    def turned(each: dict[str, Any]) -> dict[str, Any]:
        other = each["of"] == "sample-1" and each["metric"] == "economic"
        return {**each, "value": -each["value"]} if other else each

    front = points(told.found, [turned(each) for each in told.others])
    assert not any(each.front for each in front)
    assert "There is no front" in report._front(replace(told, front=front))


def test_a_curve_that_leaves_what_was_measured_is_told(folder: Path) -> None:
    over = {"sample": [1, 2, 3], "seeds": [0, 1]}
    told = tell(*built(folder, over=over, curve="saturating"))
    # What is built grows from 1 to 2 by more than any such curve through 0.
    assert "at sample = 1 it leaves the interval" in report._misfit(told, "")
    far = Interval(1e6, None, None)
    high = Saturating(Interval(1e9, None, None), far, bounded=False)
    said = report._misfit(replace(told, curves={"": high}), "")
    assert "at sample = 1, 2, 3 it leaves the interval" in said
    close = [{**each, "low": -99.0, "high": 99.0} for each in told.others]
    assert report._misfit(replace(told, others=close), "") == ""


def test_what_moves_most_for_its_cost_names_those_that_come_near() -> None:
    sizes = {"a": -8.0, "b": 7.0, "c": 1.0}
    moved = {of: {"value": x, "low": x - 1.0, "high": x + 1.0} for of, x in sizes.items()}
    taken = {Training(of, 1.0, 1.0, None, 1.0, 1, 1, goes_on=False): 2.0 for of in sizes}
    best, near = _most(moved, taken)
    assert (best.of, near) == ("a", ", not clearly more than b")


def test_a_mean_of_arms_has_no_curve(folder: Path) -> None:
    mean = {**PRIMARY, "contrast": ["left + right", "base"]}
    with pytest.raises(RecipeError, match="not to a mean of arms"):
        grid(folder, primary=mean, curve="saturating")


def test_what_no_measure_tells_from_the_base_is_named(folder: Path) -> None:
    primary = {**PRIMARY, "contrast": ["right", "base"]}
    found, out = built(folder, primary=primary)
    report.write(found, out)
    assert (
        "Exploratory: in every condition it is told from 0 on some of the"
        in (out / "report.md").read_text()
    )
    found, out = built(folder, 0, "second", primary=primary)
    report.write(found, out)
    text = (out / "report.md").read_text()
    assert re.search(r"is it told from 0 in sample-1 \(.*?\), sample-2 \(.*?\)", text)


def test_two_conditions_that_are_compared_stand_among_all(folder: Path) -> None:
    two = {**PRIMARY, "between": [{"sample": 2}, {"sample": 1}]}
    over = {"seeds": [0, 1], "sample": [1, 2, 3]}
    found, out = built(folder, over=over, primary=two)
    report.write(found, out)
    said = (out / "report.md").read_text().split("\n\n")[1]
    assert re.search(
        r"Exploratory: over the 3 conditions, right . left goes from .*?\(sample-1\)", said
    )
    assert re.search(r"to \+.*?\(sample-3\)", said)
    found, out = built(folder, 1, "second", over={**over, "sample": [1, 2]}, primary=two)
    report.write(found, out)
    assert "Exploratory: over" not in (out / "report.md").read_text()


def test_what_training_took_is_read_from_its_logs(folder: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    found, out = built(folder)
    for cell in found.cells:
        for arm, size in (("left", 100), ("right", 300)):
            place = folder_of(cell, out) / f"4-train/{arm}/seed-{cell.recipe.seeds[0]}"
            (place / "adapter").mkdir(parents=True)
            held = np.zeros((size * (cell.recipe.sample or 0), 10), dtype=np.float32)
            save_file({"a": held}, place / "adapter/adapter_model.safetensors")
            steps = "".join(f'{{"step": {n}, "tokens": 50}}\n' for n in (1, 2))
            (place / "log.jsonl").write_text(steps)
            (place / ".speed.jsonl").write_text('{"busy": 0.5}\n{"busy": 1.5}\n')
    report.write(found, out)
    told = json.loads((out / "results.json").read_text())
    keys = ("of", "weights", "steps", "tokens", "seconds")
    assert [tuple(each[k] for k in keys) for each in told["trained"]] == [
        ("sample-1", 2000.0, 2.0, 100.0, 2.0),
        ("sample-2", 4000.0, 2.0, 100.0, 2.0),
    ]
    moved = {each["of"]: each["value"] for each in told["primary"]}
    text = (out / "report.md").read_text()
    assert f"{moved['sample-2'] / 4:+.3f} [" in text
    assert f"{moved['sample-2'] / 2:+.3f} [" in text
    assert "For each trained weight" in text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_report_that_comes_with_a_study_is_of_it_as_it_is(path: Path) -> None:
    reported = ROOT / "results/studies" / path.stem
    held = frozen.checked(Grid.load(path), reported)
    assert held["amended"] == []
    text = (reported / "report.md").read_text()
    assert held["sha256"] in text
    for page in ("docs/studies.md", "results/README.md"):
        assert f"studies/{path.stem}/report.md" in (ROOT / page).read_text(), page


def test_items_are_those_that_a_pairing_of_seeds_leaves() -> None:
    """Each arm has a value of the first item, and no seed has both."""
    a, b = np.arange(8.0).reshape(4, 2), np.ones((4, 2))
    a[0, 0] = b[0, 1] = np.nan
    arms = (Measured(x, ("0", "1"), 0, None, None, None) for x in (a, b))
    assert compared([*zip((1.0, -1.0), arms, strict=True)])["items"] == 3
