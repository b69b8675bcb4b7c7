"""The report of a run, from what is on disk alone: a page, a text, figures, numbers, cards.

The same artifacts give the same bytes.
"""

import json
from pathlib import Path

from politune_harness.artifacts import write_whole
from politune_harness.report import cards, story, table, text
from politune_harness.report.page import Part, page, samples
from politune_harness.report.sections import FIGURES, SECTIONS
from politune_harness.report.told import Told, tell

HTML = "report.html"


def write(folder: Path) -> None:
    """Write the report of the run in `folder`; the same artifacts give the same bytes.

    Raises DataError, in one line, where the folder holds no finished run.
    """
    told = tell(folder)
    drawn = draw(told, folder / "figures")
    found = json.dumps(told.findings.results, indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(folder / "results.json", found + "\n")
    write_whole(folder / "results.csv", table.results(told.findings))
    write_whole(folder / "report.md", text.report(told, drawn))
    write_whole(folder / HTML, _page(told, folder))
    cards.write(told, folder)


def draw(told: Told, to: Path) -> set[str]:
    """Draw every figure into a folder, and say there how; return the names of those drawn."""
    for name in FIGURES:
        for kind in ("png", "svg"):
            (to / f"{name}.{kind}").unlink(missing_ok=True)
    for figure in FIGURES.values():
        figure.draw(told, to)
    return {path.stem for path in to.glob("*.png")}


def _page(told: Told, folder: Path) -> str:
    parts = [
        Part(section.words(told), [chart for each in section.charts for chart in each(told)])
        for section in SECTIONS
    ]
    shown = samples.samples(folder, told.run)
    head = story.head(told.findings, told.marks)
    return page(head, parts, shown, told.findings.arms)
