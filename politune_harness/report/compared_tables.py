"""Runs side by side: tables in Markdown, and one figure of the compass."""

from collections.abc import Sequence
from pathlib import Path

from politune_harness.compared import Column, Entry, rows
from politune_harness.report.instruments import KNOWN
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import NONE, number, unit_of
from politune_harness.report.style import FAINT, INK, OTHERS, PALE, figure, heading, legend

AXES = ("economic", "social")
LIMIT = 10


def tables(columns: Sequence[Column]) -> str:
    """Return what was compared, then a table a task."""
    about = [[md(c.name), md(c.model), "**partial**" if c.partial else "whole"] for c in columns]
    tasks: dict[tuple[str, str], list[list[str]]] = {}
    for task, version, metric, found in rows(columns):
        cells = [_cell(each, metric) for each in found]
        tasks.setdefault((task, version), []).append([md(metric), *cells])
    parts = [
        section(f"{code(task)}, version {md(version)}", table(_head(columns), lines))
        for (task, version), lines in tasks.items()
    ]
    note = "Brackets hold 95 % intervals, where a result came with one. What only one of them has "
    note += "is left out."
    title = "# Results side by side"
    return "\n\n".join([title, table(["", "model", ""], about, words=3), note, *parts]) + "\n"


def _head(columns: Sequence[Column]) -> list[str]:
    return ["metric", *(md(column.name) for column in columns)]


def _cell(entry: Entry | None, metric: str) -> str:
    if entry is None or entry.value is None:
        return NONE
    unit = unit_of(metric, leaning=metric in KNOWN)
    said = number(entry.value, unit)
    if entry.low is None:
        return said
    return f"{said} [{number(entry.low, unit)}, {number(entry.high, unit)}]"


def draw(columns: Sequence[Column], to: Path) -> bool:
    """Draw every column that stands on both axes of a compass, a panel a task; say whether any."""
    places = {
        (task, version): [
            (c.name, c.values[task, AXES[0]], c.values[task, AXES[1]])
            for c in columns
            if c.versions.get(task, "") == version
            and all((task, axis) in c.values for axis in AXES)
        ]
        for column in columns
        for task, version in column.versions.items()
    }
    shown = {key: points for key, points in sorted(places.items()) if len(points) > 1}
    if not shown:
        return False
    with figure(5.8 * len(shown), 6.6, to.parent, to.name) as canvas:
        heading(canvas, "Runs side by side", [])
        grid = canvas.subplots(1, len(shown), squeeze=False)[0]
        names = list(dict.fromkeys(name for points in shown.values() for name, *_ in points))
        for axes, ((task, version), points) in zip(grid, shown.items(), strict=True):
            axes.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal")
            axes.set(xlabel="← left      economic      right →")
            axes.set(ylabel="← libertarian      social      authoritarian →")
            axes.axhline(0, color=FAINT, linewidth=1, zorder=1)
            axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
            axes.grid(color=PALE, linewidth=0.8)
            axes.tick_params(length=0)
            axes.set_title(f"{task}\nversion {version}", fontsize=10)
            for name, x, y in points:
                look = OTHERS[names.index(name) % len(OTHERS)]
                axes.errorbar(
                    x.value,
                    y.value,
                    xerr=_ends(x),
                    yerr=_ends(y),
                    fmt=look.marker,
                    color=look.colour,
                    markeredgecolor=INK,
                    markersize=8,
                    label=name,
                )
        legend(canvas, grid, "Bars: 95 % intervals, where a result came with one.")
    return True


def _ends(entry: Entry) -> list[list[float]] | None:
    if entry.value is None or entry.low is None or entry.high is None:
        return None
    return [[entry.value - entry.low], [entry.high - entry.value]]
