"""What plugin authors test with: golden files, a recipe in the test's process, a tiny model."""

from pathlib import Path

import pytest

from politune_harness import Document, Dropped
from politune_harness.artifacts import Artifact
from politune_harness.testing import UPDATE, golden, run_recipe

ROWS = [Document(id="a", text="Trains."), Dropped(id="b", reason="empty text")]


def test_a_golden_file_is_written_on_demand_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "golden/rows.jsonl"
    with pytest.raises(AssertionError, match=f"is not there; write it with {UPDATE}=1"):
        golden(ROWS, file)
    monkeypatch.setenv(UPDATE, "1")
    golden(ROWS, file)
    monkeypatch.delenv(UPDATE)
    golden(ROWS, file)
    with pytest.raises(AssertionError, match=r"line 1: .*Trains.* became .*Roads"):
        golden([Document(id="a", text="Roads."), ROWS[1]], file)
    with pytest.raises(AssertionError, match="2 rows became 1"):
        golden(ROWS[:1], file)


def test_the_same_text_in_another_kind_of_row_is_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(UPDATE, "1")
    golden(ROWS, tmp_path / "rows.jsonl")
    monkeypatch.delenv(UPDATE)
    with pytest.raises(AssertionError, match="line 2"):
        golden([ROWS[0], Document(id="b", text="")], tmp_path / "rows.jsonl")


def test_a_recipe_runs_as_far_as_a_plugin_needs_it(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("text\nWe want many more trains.\nNo.\n")
    recipe = {
        "model": "quickstart",
        "arms": {"ours": {"source": {"use": "csv", "path": "posts.csv"}}},
        "filters": [{"use": "min-words", "words": 3}],
        "instructions": {"use": "plain-text"},
        "trainer": {"use": "lora"},
    }
    run = run_recipe(recipe, tmp_path, until="filter")
    (kept,) = Artifact(run / "2-filter/ours/1-min-words").read(Document)
    assert kept.text == "We want many more trains."
