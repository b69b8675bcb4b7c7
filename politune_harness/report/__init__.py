"""The report of a run: results.json, report.md and figures, from what is on disk alone."""

import json
from pathlib import Path

from politune_harness.artifacts import write_whole
from politune_harness.report import (
    compass_figure,
    score_figure,
    text,
    tradeoff_figure,
    training_figure,
)
from politune_harness.report.reading import load
from politune_harness.report.summary import cells, results


def write(folder: Path) -> None:
    """Write the report of the run in `folder`; the same artifacts give the same bytes.

    Raises DataError, in one line, where the folder holds no finished run.
    """
    run = load(folder)
    found, measured = results(run), cells(run.arms)
    evaluated = run.recipe.evaluate
    bias, capability = run.tasks(evaluated.bias), run.tasks(evaluated.capability)
    marks = [
        *([str(found["stamp"])] if found["stamp"] else []),
        *(["partial"] if found["partial"] else []),
    ]
    to = folder / "figures"
    for name in text.FIGURES:
        for old in (to / name, (to / name).with_suffix(".svg")):
            old.unlink(missing_ok=True)
    if compass_figure.channels(found, bias):
        compass_figure.draw(found, bias, marks, to)
    for task in bias:
        if "score" in found["arms"]["base"]["tasks"][task]:
            score_figure.draw(found, measured, task, marks, to)
            break
    tradeoff_figure.draw(found, bias, capability, marks, to)
    training_figure.draw(run.losses, list(found["arms"]), marks, to)
    write_whole(
        folder / "results.json",
        json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
    )
    drawn = {path.name for path in to.glob("*.png")}
    write_whole(folder / "report.md", text.report(run, found, marks, drawn))
