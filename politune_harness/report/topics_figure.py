"""A heat map of the arms' shifts, topic by topic; every cell says its number."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from politune_harness.report.escape import drawable
from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key
from politune_harness.report.numbers import NONE, number
from politune_harness.report.style import DIVERGING, INK, figure, footing, heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOTE = (
    "Mean shift from the base on the items of each topic, whose number stands behind its name: "
    "few items, so places to look, and no findings."
)

LEAST = 4.5, 3.0
"""Inches that heading and note take whatever is drawn."""


def draw(findings: Findings, marks: Sequence[str], to: Path) -> None:
    """Draw a panel a measure: a row a topic, a column an arm."""
    measures: dict[Key, list[Mapping[str, Any]]] = {}
    for each in findings.results["topics"]:
        measures.setdefault((each["task"], each["metric"]), []).append(each)
    if not measures:
        return
    rows, arms = max(map(len, measures.values())), len(findings.tuned)
    size = max(LEAST[0], (1.9 + 0.75 * arms) * len(measures)), max(LEAST[1], 1.9 + 0.26 * rows)
    with figure(*size, to, "topics.png", "topics.svg") as canvas:
        heading(canvas, "Where the arms moved, topic by topic", marks)
        grid = canvas.subplots(1, len(measures), squeeze=False)[0]
        for axes, (key, each) in zip(grid, measures.items(), strict=True):
            _panel(axes, findings, key, each)
            axes.set_ylim(rows - 0.5, -0.5)
        footing(canvas, NOTE)


def _panel(axes: "Axes", findings: Findings, key: Key, rows: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    arms, scale, unit = findings.tuned, findings.scales[key], findings.unit(*key)
    shifts = [[row["arms"].get(arm) for arm in arms] for row in rows]
    values = np.array(shifts, dtype=float)
    far = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    colours = LinearSegmentedColormap.from_list("sides", DIVERGING)
    axes.imshow(values, cmap=colours, vmin=-far, vmax=far, aspect="auto")
    for y, row in enumerate(shifts):
        for x, value in enumerate(row):
            shown = number(value, unit, sign=True)
            axes.text(
                x,
                y,
                "" if shown == NONE else shown,
                ha="center",
                va="center",
                fontsize=8.5,
                color=INK,
            )
    names = [f"{drawable(row['topic'])} ({row['n']})" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9, color=INK)
    axes.set_xticks(range(len(arms)), arms, fontsize=9.5, color=INK)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.set_title(f"{key[1]}{findings.mark(*key)}\n", fontsize=11)
    axes.set_xlabel(f"\N{MINUS SIGN} {scale.low_name}, + {scale.high_name}\n{key[0]}", fontsize=9)
    for spine in axes.spines.values():
        spine.set_visible(False)
