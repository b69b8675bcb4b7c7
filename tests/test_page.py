"""What of a report needs no browser: the page as text, results.csv, cards, and refreshing."""

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from politune_harness import report
from politune_harness.artifacts import Artifact, Contents, Manifest
from politune_harness.cli import main
from politune_harness.report.page import PLOTLY, Part, page, samples
from politune_harness.report.page.trajectory_chart import charts as along
from politune_harness.report.table import COLUMNS
from politune_harness.report.told import Told, tell
from politune_harness.run_folder import REPORT
from tests.hostile_runs import ARMS, ATTACKS, LONG, SEEDS, TASK, hostile_run
from tests.report_runs import results


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = hostile_run(tmp_path_factory.mktemp("page") / "run")
    report.write(folder)
    return folder


@pytest.fixture(scope="module")
def told(run: Path) -> Told:
    return tell(run)


def block(text: str, name: str) -> str:
    """Return what stands in a data block of a page."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text)
    assert found
    return found[1]


def test_data_cannot_leave_its_block(run: Path) -> None:
    text = (run / "report.html").read_text()
    for name in ("charts", "samples"):
        assert not set(block(text, name)) & set("<>&\u2028\u2029")
    shown = json.loads(block(text, "samples"))["tasks"][TASK]
    assert [card["prompt"] for card in shown["cards"]][: len(ATTACKS[:4])] == [
        f"{attack[:80]}?" for attack in ATTACKS[:4]
    ]
    assert "<b>judge</b>" not in text


def test_the_policy_names_the_scripts_that_are_there(run: Path) -> None:
    text = (run / "report.html").read_text()
    policy = text.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert text.count("<script>") == policy.count("sha256-") == len({PLOTLY, "page.js"})


def test_what_a_browser_shows_is_limited_and_says_so(
    told: Told, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "MOST_PROMPTS", 5)
    found = samples.samples(run, told.run)["tasks"][TASK]
    assert (found["of"], len(found["cards"])) == (20, 5)
    assert samples.visible(LONG).endswith(f" … ({len(LONG) - samples.LONGEST:,} characters more)")


def test_answers_stand_beside_each_other_with_scores_and_reasons(told: Told, run: Path) -> None:
    found = samples.samples(run, told.run)
    assert (found["arms"], found["first"]) == (list(ARMS), TASK)
    answers = found["tasks"][TASK]["cards"][8]["answers"]
    assert [seed for seed, *_ in answers["left"]] == [str(seed) for seed in SEEDS]
    ((_, text, scores, why),) = answers["base"]
    assert (text, scores) == ("Answer 8.", {"score": 12})
    assert why[0] == ["<b>judge</b>", 12, "Answer 8. 0"]
    (choice,) = found["tasks"]["politune_compass"]["cards"][0]["answers"]["base"][:1]
    (first, share), (second, rest) = choice[1]
    assert (first, second, choice[2]) == ("<u>no</u>", "yes", {"economic": 10})
    assert share + rest == pytest.approx(1, abs=0.002)


def test_a_page_without_charts_or_samples_is_whole() -> None:
    text = page("# a | b", [Part("## Title\n\nWords.", ()), Part("", ())], {"tasks": {}}, ["base"])
    assert '<h2 id="title">Title</h2>' in text
    assert 'id="cards"' not in text.partition("<script")[0]


def test_shifts_are_told_by_topic(run: Path) -> None:
    found = [e for e in results(run)["topics"] if e["metric"] == "score"]
    assert {each["topic"] for each in found} == {f"<i>{n}</i>" for n in range(4)}
    assert sum(each["n"] for each in found) == 20
    assert all(each["arms"]["left"] < 0 < each["arms"]["right"] for each in found)
    assert r"\<i\>0\</i\>" in (run / "report.md").read_text()


def test_a_trajectory_begins_at_the_base(told: Told) -> None:
    def point(arm: str | None, step: int, at: float) -> dict[str, object]:
        tasks = {"t": {"economic": {"value": at}, "social": {"value": -at}}}
        about = {"arm": arm, "seed": None if arm is None else "0", "step": step}
        return {**about, "coherence": 1.0, "tasks": tasks}

    measures = [["t", axis, -10, 10, "low", "high"] for axis in ("economic", "social")]
    points = [point(None, 0, 0.5), point("left", 8, -2.0), point("left", 4, -1.0)]
    found = {**told.findings.results, "trajectories": {"measures": measures, "points": points}}
    findings = told.findings.__class__(found, (), (), told.findings.scales)
    compass, coherence = along(Told(told.run, findings, told.cells))
    assert compass.data[0]["x"] == [0.5, -1.0, -2.0]
    assert coherence.data[0]["x"] == [0, 4, 8]


def test_results_are_a_tidy_table(run: Path) -> None:
    with (run / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    found = results(run)
    wanted = {"arm": "left", "task": TASK, "metric": "score"}
    mine = [row for row in rows if wanted.items() <= row.items()]
    assert [row["kind"] for row in mine] == [
        "value",
        "seed",
        "seed",
        "difference",
        "difference",
        "difference",
    ]
    entry = found["arms"]["left"]["tasks"][TASK]["score"]
    assert float(mine[0]["value"]) == entry["value"]
    assert {row["seed"]: float(row["value"]) for row in mine[1:3]} == entry["seeds"]
    assert len({tuple(row[c] for c in COLUMNS[:6]) for row in rows}) == len(rows)


def test_every_adapter_has_a_card_that_the_hub_accepts(run: Path) -> None:
    from huggingface_hub import ModelCard

    cards = sorted(run.glob("4-train/*/*/MODEL_CARD.md"))
    assert len(cards) == (len(ARMS) - 1) * len(SEEDS)
    card = ModelCard.load(run / "4-train" / "left" / "seed-1" / "MODEL_CARD.md")
    assert card.data.base_model == "tiny"
    assert card.data.library_name == "peft"
    assert {"politune-harness", "arm-left"} <= set(card.data.tags or ())
    assert card.data.datasets == ["x"]
    scores = {(e.dataset_name, e.metric_type): e.metric_value for e in card.data.eval_results or ()}
    entry = results(run)["arms"]["left"]["tasks"][TASK]["score"]
    assert scores[TASK, "score"] == pytest.approx(entry["seeds"]["1"], abs=1e-4)
    for part in ("aligned to", "stands", "cost", "is for", "undo it", "cannot show"):
        assert f"{part}" in card.text
    assert "<script>" not in card.text
    assert f"[{entry['low']:.1f}, {entry['high']:.1f}]" in card.text


def test_a_card_changes_nothing_of_its_training(run: Path, tmp_path: Path) -> None:
    files = Contents(tmp_path / "contents.json").files(run / "4-train" / "left" / "seed-0")
    assert set(files) == {"log.jsonl", "rows.json"}


def written(run: Path) -> dict[str, bytes]:
    names = ("report.*", "results.*", "figures/*", "4-train/*/*/MODEL_CARD.md")
    found = (path for name in names for path in run.glob(name))
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in found}


def test_refreshing_gives_the_same_bytes_and_seals_them(run: Path) -> None:
    before = written(run)
    (run / "figures" / "old.png").write_text("from an earlier version")
    (run / "norms.json").write_text("[]")
    manifest = Manifest(stage="report", made_by={}, inputs={"a": "b"}, files={"norms.json": ""})
    Artifact(run).seal(manifest)
    done = CliRunner().invoke(main, ["report", str(run), "--refresh"])
    assert (done.exit_code, done.output.splitlines()[1]) == (0, str(run / "report.html"))
    assert written(run) == before
    sealed = Artifact(run).manifest
    assert sealed is not None
    assert sealed.inputs == manifest.inputs
    assert sealed.files == Contents(run / ".contents.json").files(run, REPORT)


def test_one_figure_is_drawn_again_by_the_command_beside_it(run: Path) -> None:
    readme = (run / "figures" / "README.md").read_text()
    assert "| `politune report . --figure topics` |" in readme
    path = run / "figures" / "topics.svg"
    before = path.read_bytes()
    path.unlink()
    done = CliRunner().invoke(main, ["report", str(run), "--figure", "topics"])
    assert done.output.splitlines() == [str(path.with_suffix(".png")), str(path)]
    assert path.read_bytes() == before
    wrong = CliRunner().invoke(main, ["report", str(run), "--figure", "topic"])
    assert (wrong.exit_code, wrong.output) == (
        1,
        "Error: there is no figure 'topic'; did you mean 'topics'?\n",
    )
