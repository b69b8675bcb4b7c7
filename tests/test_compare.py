import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from politune_harness import report
from politune_harness.cli import main
from politune_harness.compared import read, rows
from tests.report_runs import build_run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    for name in ("one", "two"):
        build_run(folder / name)
        report.write(folder / name)
    plain(folder / "theirs" / "model", "1+abc")
    plain(folder / "older" / "model", "1+old", limit=5)
    return folder


def plain(folder: Path, version: str, **config: Any) -> None:  # noqa: ANN401
    """Write what plain lm_eval leaves."""
    folder.mkdir(parents=True)
    results = {
        "politune_compass": {"alias": "x", "economic,none": 1.5, "social,none": -0.5},
        "gsm8k": {"exact_match,strict-match": 0.1, "exact_match_stderr,strict-match": 0.01}
        | {"exact_match,flexible-extract": 0.3, "exact_match_stderr,flexible-extract": "N/A"},
    }
    told = {"results": results, "versions": {"politune_compass": version, "gsm8k": 3.0}}
    told |= {"model_name": "someone/model", "config": config}
    (folder / "results_2026-01-01T00-00-00.json").write_text(json.dumps(told))


def run(*words: object) -> Any:  # noqa: ANN401
    return CliRunner().invoke(main, ["compare", *map(str, words)])


def test_runs_and_plain_output_stand_side_by_side(place: Path, tmp_path: Path) -> None:
    done = run(place / "one", place / "two", place / "theirs", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "compare.md").read_text()
    assert (tmp_path / "out" / "compass.png").is_file()
    assert (
        "| metric | one\\: left |" in text.replace("one: left", "one\\: left")
        or "one: left" in text
    )
    line = next(x for x in text.splitlines() if x.startswith("| economic |"))
    assert line.endswith("| 1.5 |")
    assert "politune_capability" in text
    assert "gsm8k" not in text


def test_other_versions_are_refused_unless_asked_for(place: Path) -> None:
    done = run(place / "one", place / "older")
    assert done.exit_code == 1
    assert "1+old by older" in done.output
    assert "1+abc by one: base" in done.output
    mixed = run(place / "one", place / "older", place / "older", "--mix")
    assert mixed.exit_code == 0
    assert "version 1+old" in mixed.output
    assert "**partial**" in mixed.output


def test_what_is_read_of_plain_output(place: Path) -> None:
    (column,) = read(place / "theirs")
    strict = column.values["gsm8k", "exact_match,strict-match"]
    assert (strict.value, strict.low, strict.high) == pytest.approx((0.1, 0.0804, 0.1196))
    assert column.values["gsm8k", "exact_match,flexible-extract"].low is None
    assert (column.name, column.partial) == ("theirs", False)
    assert len(list(rows([column]))) == 4


def test_a_folder_without_results_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.exit_code == 1
    assert "holds no results" in done.output
