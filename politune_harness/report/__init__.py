"""The report of a run: results.json, report.md and figures, from what is on disk alone."""

import json
from pathlib import Path

from politune_harness.artifacts import write_whole
from politune_harness.report import (
    compass_figure,
    funnel_figure,
    score_figure,
    text,
    tradeoff_figure,
    training_figure,
)
from politune_harness.report.reading import load
from politune_harness.report.summary import summarise


def write(folder: Path) -> None:
    """Write the report of the run in `folder`; the same artifacts give the same bytes.

    Raises DataError, in one line, where the folder holds no finished run.
    """
    run = load(folder)
    findings, measured = summarise(run)
    found = findings.results
    marks = [
        *([str(found["stamp"])] if found["stamp"] else []),
        *(["partial"] if found["partial"] else []),
    ]
    to = folder / "figures"
    for name in text.FIGURES:
        for old in (to / name, (to / name).with_suffix(".svg")):
            old.unlink(missing_ok=True)
    compass_figure.draw(findings, marks, to)
    score_figure.draw(findings, measured, marks, to)
    tradeoff_figure.draw(findings, marks, to)
    funnel_figure.draw(run.curated.steps, marks, to)
    training_figure.draw(run.losses, findings.arms, marks, to)
    write_whole(
        folder / "results.json",
        json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
    )
    drawn = {path.name for path in to.glob("*.png")}
    write_whole(folder / "report.md", text.report(run, findings, marks, drawn))
