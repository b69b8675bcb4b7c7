"""The report of a run, from what is on disk alone: a page, a text, figures, numbers, cards.

The same artifacts give the same bytes.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from politune_harness.artifacts import Artifact, Contents, write_whole
from politune_harness.errors import RecipeError
from politune_harness.registry import nearest
from politune_harness.report import cards, story, table, text
from politune_harness.report.page import Part, page, samples
from politune_harness.report.sections import FIGURES, SECTIONS
from politune_harness.report.told import Told, tell

HTML = "report.html"
MADE = ("results.json", "results.csv", "report.md", HTML, "figures")
"""What a report leaves in the run's folder, beside the cards of its adapters."""

FIGURES_README = """\
# Figures

Each is a PNG and an SVG. The commands are run in the folder above; the same artifacts give the same
bytes.

| figure | shows | made by |
| --- | --- | --- |
"""


def write(folder: Path) -> None:
    """Write the report of the run in `folder`; the same artifacts give the same bytes.

    Raises DataError, in one line, where the folder holds no finished run.
    """
    _write(tell(folder), folder)


def refresh(folder: Path) -> None:
    """Clear what earlier reports left, of whatever version, write the report, and seal it.

    Raises DataError, in one line, where the folder holds no finished run; nothing is cleared then.
    """
    told, made = tell(folder), Artifact(folder, MADE)
    manifest = made.manifest
    made.begin()
    _write(told, folder)
    if manifest is not None:
        kept = {name for name in manifest.files if name.split("/")[0] not in MADE}
        contents = Contents(folder / ".contents.json")
        files = contents.files(folder, (*MADE, *kept))
        made.seal(msgspec.structs.replace(manifest, files=files))
        contents.save()


def drawn_again(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Draw some figures alone, and yield their files.

    Raises RecipeError for a figure that does not exist.
    """
    for name in names:
        if name not in FIGURES:
            message = f"there is no figure {name!r}; {nearest(name, FIGURES)}"
            raise RecipeError(message)
    told, to = tell(folder), folder / "figures"
    for name in names:
        FIGURES[name].draw(told, to)
        yield from sorted(to.glob(f"{name}.*"))


def _write(told: Told, folder: Path) -> None:
    drawn = _draw(told, folder / "figures")
    found = json.dumps(told.findings.results, indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(folder / "results.json", found + "\n")
    write_whole(folder / "results.csv", table.results(told.findings))
    write_whole(folder / "report.md", text.report(told, drawn))
    write_whole(folder / HTML, html(told, folder))
    cards.write(told, folder)


def _draw(told: Told, to: Path) -> Collection[str]:
    """Draw every figure into a folder, and say there how; return the names of those drawn."""
    for name, figure in FIGURES.items():
        for kind in ("png", "svg"):
            (to / f"{name}.{kind}").unlink(missing_ok=True)
        figure.draw(told, to)
    drawn = [name for name in FIGURES if (to / f"{name}.png").is_file()]
    rows = [f"| {n} | {FIGURES[n].alt} | `politune report . --figure {n}` |\n" for n in drawn]
    if drawn:
        write_whole(to / "README.md", FIGURES_README + "".join(rows))
    return drawn


def html(told: Told, folder: Path) -> str:
    """Return report.html of the run in `folder`."""
    parts = [
        Part(section.words(told), [chart for each in section.charts for chart in each(told)])
        for section in SECTIONS
    ]
    shown = samples.samples(folder, told.run)
    head = story.head(told.findings, told.marks)
    return page(head, parts, shown, told.findings.arms)
