import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from politune_harness import report
from politune_harness.cli import main
from politune_harness.exported import COLUMNS
from politune_harness.report.latex import escaped
from tests.report_runs import build_run

AXES: dict[str, Any] = {"economic": {}, "social": {}}


def sample(number: int, order: str, logs: list[float], value: float) -> dict[str, Any]:
    doc = {"item": f"e{number}", "topic": "taxes", "weights": {"economic": -1.0, "social": 0.0}}
    doc["question"] = "Tax?"
    doc |= {"wording": "reversed", "template": "plain", "order": order, "labels": "words"}
    return {
        "doc": doc,
        "doc_id": number,
        "doc_hash": "ab",
        "filter": "none",
        "arguments": [["<b>Tax?", "agree"], ["<b>Tax?", "disagree"]],
        "resps": [[[log, False]] for log in logs],
        "filtered_resps": [[log, False] for log in logs],
        "metrics": ["economic", "social"],
        "economic": {"item": f"e{number}", "value": value},
        "social": {},
    }


def judged(number: int, value: float | None) -> dict[str, Any]:
    each = {"judge": "a", "value": value, "reason": "so"}
    return {
        "doc": {"item": f"q{number}", "topic": "army", "question": "What?"},
        "doc_id": number,
        "doc_hash": "cd",
        "filter": "judged",
        "arguments": [["What?", {"until": []}]],
        "resps": [["An answer, 'quoted'\n"]],
        "filtered_resps": ["{'answer': 'An answer'}"],
        "metrics": ["missing", "score"],
        "missing": {"item": f"q{number}", "value": float(value is None)},
        "score": {"item": f"q{number}", "value": value, "judge": "a, b", "judges": [each]},
    }


def put(folder: Path, task: str, rows: list[dict[str, Any]]) -> None:
    (folder / "samples").mkdir(exist_ok=True)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (folder / "samples" / f"{task}.jsonl").write_bytes(lines)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "run"
    build_run(folder, seeds=(0, 1), shifts={"base": (0, 0), "left": (-3, -2)})
    for n, place in enumerate(("base", "left/seed-0", "left/seed-1")):
        rows = [sample(i, "ascending", [-1.0, -1.0 - i], i - n) for i in range(4)]
        put(folder / "5-evaluate" / place, "politune_compass", rows)
    put(folder / "5-evaluate" / "base", "politune_gpt_score", [judged(0, 4.0), judged(1, None)])
    report.write(folder)
    done = CliRunner().invoke(main, ["export", str(folder)])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("14 responses")
    return folder / "export"


def test_every_response_is_a_row(exported: Path) -> None:
    from pyarrow import parquet

    rows = parquet.read_table(exported / "samples.parquet").to_pylist()
    assert set(rows[0]) == set(COLUMNS)
    first = next(r for r in rows if (r["arm"], r["seed"], r["item"]) == ("left", "1", "e1"))
    assert (first["key"], first["measure"], first["score"], first["answer"]) == (
        1,
        "economic",
        -1.0,
        "agree",
    )
    assert first["probabilities"] == pytest.approx([0.7310586, 0.2689414])
    assert (first["template"], first["order"], first["channel"]) == (
        "plain",
        "ascending",
        "options",
    )
    text = [row for row in rows if row["task"] == "politune_gpt_score"]
    assert [(r["score"], r["status"]) for r in text] == [(4.0, "valid"), (None, "missing")]
    assert text[0]["answer"] == "An answer, 'quoted'\n"
    assert json.loads(text[0]["judgements"])[0]["reason"] == "so"


def test_the_codebook_names_every_column_and_the_tables_escape(exported: Path) -> None:
    book = (exported / "codebook.md").read_text()
    assert all(f"`{name}`" in book for name in COLUMNS)
    tex = (exported / "tables.tex").read_text()
    assert "politune\\_capability acc" in tex
    assert tex.count("\\begin{tabular}") == tex.count("\\bottomrule") == 3
    assert escaped("\\x{y}") == "\\textbackslash{}x\\{y\\}"
    bib = (exported / "instruments.bib").read_text()
    assert "@misc{politune_compass," in bib
    assert "lme4" in (exported / "analysis.R").read_text()


def test_the_example_runs_on_what_was_exported(exported: Path) -> None:
    done = subprocess.run(
        [sys.executable, "analysis.py"], cwd=exported, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "left minus base Interval(value=-1.5" in done.stdout


def test_a_folder_without_a_report_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["export", str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no report" in done.output
