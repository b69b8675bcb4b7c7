"""`politune curate`: what a run did with its data, and audits of annotators and writers."""

import csv
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from politune_harness import Document, Note, Preference, curated
from politune_harness.cli import main
from politune_harness.recipe import Recipe
from politune_harness.report import funnel_figure
from politune_harness.written import COLUMNS

SHARED = Path(__file__).parents[2] / "shared/data/politosphere"

RECIPE = """
model: quickstart
arms:
  left: {source: {use: csv, path: a.csv}}
  ready: {source: {use: preferences, path: b.csv}}
  again: {like: ready, seeds: [1]}
"""


def stage(folder: Path, rows: list[msgspec.Struct], dropped: Mapping[str, int]) -> None:
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_bytes(b"".join(msgspec.json.encode(r) + b"\n" for r in rows))
    counts = {"rows": len(rows), "dropped": dropped, "malformed": 0}
    manifest = {"stage": "", "made_by": {}, "inputs": {}, "counts": counts, "files": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def pair(n: int, chosen: str = "yes " * 4, **metadata: object) -> Preference:
    return Preference(
        id=str(n), prompt=f"={n}?", chosen=chosen, rejected="no no", metadata=metadata
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has been curated, and no more."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE)
    posts: list[msgspec.Struct] = [Document(id=str(n), text=f"post {n}") for n in range(6)]
    stage(folder / "1-read/left", posts, {"a | b": 3})
    stage(folder / "2-filter/left/1-length", posts[:5], {"under 5 words": 1})
    note = Note(id="agreement", text="kappa *0.5*")
    (folder / "2-filter/left/1-length/notes.jsonl").write_bytes(msgspec.json.encode(note) + b"\n")
    toxic = {"chosen": 0.2, "rejected": 0.4}
    stage(
        folder / "3-instruct/left",
        [pair(n, topic="taxes", platform="reddit", toxicity=toxic) for n in range(4)],
        {"a copy": 1},
    )
    stage(folder / "1-read/ready", [pair(n, "yes") for n in range(3)], {})
    stage(folder / "3-pairs/ready/1-match", [pair(n, "yes") for n in range(2)], {"more": 1})
    return folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_every_stage_adds_up(run: Path) -> None:
    data = curated.load(run, Recipe.load(run / "recipe.yaml"))
    for steps in data.steps.values():
        for before, after in pairwise(steps):
            assert after.came == before.kept
        assert all(step.came == step.kept + sum(step.dropped.values()) for step in steps)
    assert [step.name for step in data.steps["left"]] == ["read", "length", "instruct"]
    assert [step.name for step in data.steps["ready"]] == ["read", "match"]
    assert data.steps["again"] == []


def test_show_prints_counts_balance_and_notes(run: Path) -> None:
    done = invoke("curate", "show", run)
    assert done.exit_code == 0, done.output
    assert r"| left | read | 3 a \| b | 9 | 6 |" in done.output
    assert "| ready | match | 1 more | 3 | 2 |" in done.output
    assert r"| again | (the pairs of ready) |" in done.output
    assert r"- left, length: kappa \*0.5\*" in done.output
    assert "| left | 4 | 4.0 | 2.0 | 100% | 0.200 | 0.400 |" in done.output
    assert "| again | 2 | 1.0 | 2.0 | 0% | - | - |" in done.output
    assert "| topics | taxes | others | not noted |" in done.output
    assert "| ready | 0% | 0% | 100% |" in done.output
    assert (run / "figures" / "funnel.png").stat().st_size > 10_000


def test_the_figure_is_the_same_bytes_and_nothing_without_stages(run: Path, tmp_path: Path) -> None:
    steps = curated.load(run, Recipe.load(run / "recipe.yaml")).steps
    for name in ("a", "b"):
        funnel_figure.draw(steps, [], tmp_path / name)
    for name in ("funnel.png", "funnel.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    funnel_figure.draw({"again": []}, [], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def sheet(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_sheet_shows_posts_and_texts_and_nothing_of_their_origin(
    run: Path, tmp_path: Path
) -> None:
    done = invoke("curate", "audit", "export", run, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    rows = sheet(tmp_path / "out" / "written.csv")
    assert (len(rows), tuple(rows[0])) == (6, COLUMNS)
    assert {row["post"] for row in rows} == {"", *(f"post {n}" for n in range(4))}
    assert all(row["prompt"].startswith("'=") for row in rows)
    assert len({row["answer a"] for row in rows}) > 1
    assert not {"left", "ready"} & set((tmp_path / "out" / "written.csv").read_text().split(","))
    few = invoke("curate", "audit", "export", run, "--out", tmp_path / "few", "--n", 3)
    assert few.output.startswith("3 rows in")
    again = invoke("curate", "audit", "export", run, "--out", tmp_path / "few2", "--n", 3)
    assert again.exit_code == 0
    assert sheet(tmp_path / "few/written.csv") == sheet(tmp_path / "few2/written.csv")


def test_ratings_are_read_back_by_arm(run: Path, tmp_path: Path) -> None:
    invoke("curate", "audit", "export", run, "--out", tmp_path)
    rows = sheet(tmp_path / "written.csv")
    for row in rows:
        if row["post"]:
            better = row["answer a"].startswith("yes")
            row |= {"quality": "4", "shares leaning a": "5" if better else "1"}
            row |= {"shares leaning b": "1" if better else "5"}
    done = invoke("curate", "audit", "import", fill(tmp_path / "ann.csv", rows), "--run", run)
    assert done.exit_code == 0, done.output
    assert "left: 4; 4.00; 5.00, 1.00; 100%" in done.output
    assert "ready: 2; -; -, -; -" in done.output
    twice = invoke("curate", "audit", "import", tmp_path / "ann.csv", "--run", run)
    assert twice.output == done.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": "6"}, "row 2, quality: a rating is a whole number from 1 to 5, not '6'"),
        ({"id": "x"}, "row 2: id 'x' is not of this run"),
    ],
)
def test_a_wrong_sheet_is_one_line(
    run: Path, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    invoke("curate", "audit", "export", run, "--out", tmp_path)
    rows = sheet(tmp_path / "written.csv")
    rows[0] |= change
    done = invoke("curate", "audit", "import", fill(tmp_path / "ann.csv", rows), "--run", run)
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert message in done.output
    assert not (run / "written-ratings.jsonl").exists()


STUDY = """
labels: {ann: ann.jsonl, ben: ben.jsonl}
source: {use: csv, path: posts.csv, id: id}
annotators:
  long: {filter: {use: min-words, words: 3}}
classes: {much: [Much, kept], little: [little, under 3 words]}
"""


def test_annotators_stand_beside_people(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    labels = {"ann": ["much", "LITTLE", "much", "odd"], "ben": ["Much", "little", "little", "much"]}
    for name, given in labels.items():
        lines = [json.dumps({"id": f"p{n}", "label": label}) for n, label in enumerate(given)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    (tmp_path / "posts.csv").write_text("id,text\np0,a b c d\np1,a\np2,a b c\np3,a\n")
    done = invoke(
        "curate", "audit", "labels", tmp_path / "study.yaml", "--out", tmp_path / "out.json"
    )
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "out.json").read_text())
    found = {(each["a"], each["b"]): each for each in rows}
    assert (found["ann", "ben"]["n"], found["ann", "ben"]["missing"]) == (3, 1)
    assert found["ann", "ben"]["kappa"] == pytest.approx(0.4)
    assert found["ann", "long"]["kappa"] == 1
    assert found["ben", "long"]["confusion"] == [
        *(["little", "little", 1], ["little", "much", 1]),
        *(["much", "little", 1], ["much", "much", 1]),
    ]
    assert "ann and long: kappa 1.00, agreement 100%, n = 3, missing 1" in done.output


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("labels:", "lables:", "did you mean 'labels'?"),
        ("ben.jsonl", "no.jsonl", "no.jsonl: no lines of"),
        ("min-words", "min-word", "annotators.long.filter: no Filter is called 'min-word'"),
        ("source: {use: csv, path: posts.csv, id: id}", "", "the study has no `source`"),
    ],
)
def test_a_wrong_study_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace(old, new))
    for name in ("ann", "ben"):
        (tmp_path / f"{name}.jsonl").write_text('{"id": "p0", "label": "much"}\n')
    (tmp_path / "posts.csv").write_text("id,text\np0,a b c d\n")
    done = invoke("curate", "audit", "labels", tmp_path / "study.yaml")
    assert (done.exit_code, done.output.count("\n")) == (1, 1), done.output
    assert message in done.output


@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")
def test_the_people_of_the_labelled_comments_agree_and_the_model_does_not(tmp_path: Path) -> None:
    names = {"one": "annotator_1", "two": "annotator_2", "llama": "llama2"}
    lines = [f"  {name}: {SHARED / 'labels' / file}.jsonl" for name, file in names.items()]
    example = (Path(__file__).parents[1] / "docs/examples/audit.yaml").read_text()
    classes = example[example.index("classes:") :]
    (tmp_path / "study.yaml").write_text("labels:\n" + "\n".join(lines) + "\n" + classes)
    done = invoke("curate", "audit", "labels", tmp_path / "study.yaml")
    assert "one and two: kappa 0.80, agreement 88%, n = 150, missing 0" in done.output
    assert "one and llama: kappa 0.24, agreement 48%" in done.output
