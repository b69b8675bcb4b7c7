"""The compass: arms as points with their intervals, and arrows from the base."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from politune_harness.report.findings import INSENSITIVE, MEANING, UNUSABLE, Entry, Findings
from politune_harness.report.instruments import LIMIT
from politune_harness.report.reading import BASE
from politune_harness.report.style import (
    FAINT,
    INK,
    PALE,
    figure,
    footing,
    heading,
    looks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = {
    "options": "Agreement with propositions",
    "pairs": "Statement against its reversal",
    "text": "Agreement, answered in text",
    "open": "Open answers, read by judges",
}
"""What each channel asks, in a few words."""
ACROSS = 3
"""How many panels stand in a row; four make two rows of two."""

Point = tuple[Entry, Entry]
"""The entries of one arm, across and up: value, low, high."""
Panel = tuple[str, str, str | None]
"""A task, the axis across, and the axis up, or none where its bank has one axis alone."""

CENTRE: Entry = {"value": 0.0, "low": 0.0, "high": 0.0}


def panels(findings: Findings) -> list[Panel]:
    """Return each task with every pair of its axes, or with its one axis."""
    found: list[Panel] = []
    for task in findings.compasses:
        axes = findings.axes(task)
        found += [(task, *pair) for pair in combinations(axes, 2)] or [(task, axes[0], None)]
    return found


def draw(findings: Findings, marks: Sequence[str], to: Path) -> None:
    """Draw one panel a channel and pair of axes."""
    shown = panels(findings)
    if not shown:
        return
    places = {panel: places_of(findings, panel) for panel in shown}
    reach = reach_of([point for points in places.values() for point in points.values()])
    wide = 2 if len(shown) == ACROSS + 1 else min(len(shown), ACROSS)
    rows = -(-len(shown) // wide)
    with figure(5.6 * wide, 5.7 * rows + 1.2, to, "compass.png", "compass.svg") as canvas:
        heading(canvas, "Where the arms stand", marks)
        grid = canvas.subplots(rows, wide, squeeze=False).ravel()
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        for axes, panel in zip(grid, shown, strict=False):
            points = places[panel] if panel[2] else _stacked(places[panel], reach)
            names = {arm: arm + findings.unusable(arm, task=panel[0]) for arm in points}
            _frame(axes, findings, panel, reach)
            _arms(axes, points, reach, flat=panel[2] is None)
            _labels(axes, points, names, reach)
            if reach < LIMIT:
                _locator(axes, reach)
        _explain(canvas, findings, shown)


def _explain(canvas: "Figure", findings: Findings, shown: Sequence[Panel]) -> None:
    """Say below the figure how to read it."""
    text = "Shaded: 95 % interval on either axis. All arms answer the same items, so they can "
    text += "differ for sure where these overlap."
    signs = "".join(
        findings.mark(task, axis, *findings.arms) for task, *axes in shown for axis in axes if axis
    )
    for sign in (INSENSITIVE, UNUSABLE):
        text += f" {sign} {MEANING[sign]}" if sign in signs else ""
    footing(canvas, text)


def places_of(findings: Findings, panel: Panel) -> dict[str, Point]:
    """Return the arms that have a place and an interval on each axis of a panel."""
    task, *axes = panel
    points: dict[str, Point] = {}
    for arm in findings.arms:
        x, y = (findings.entry(arm, task, axis) if axis else CENTRE for axis in axes)
        if x and y and x["low"] is not None and y["low"] is not None:
            points[arm] = x, y
    return points


def _stacked(points: Mapping[str, Point], reach: float) -> dict[str, Point]:
    """Put arms that have one axis alone one above the other, at heights that mean nothing."""
    heights = np.linspace(0.6, -0.6, len(points)) * reach
    thick = reach / 40
    return {
        arm: (across, {"value": y, "low": y - thick, "high": y + thick})
        for (arm, (across, _)), y in zip(points.items(), heights.tolist(), strict=True)
    }


def reach_of(points: Sequence[Point]) -> float:
    """Return how far the axes go: the same for all panels, and round."""
    far = max((abs(e[k]) for p in points for e in p for k in ("low", "high")), default=10)
    return next((end for end in (2.0, 3.0, 4.0, 5.0, 6.0, 8.0) if far * 1.12 <= end), 10.0)


def _frame(axes: "Axes", findings: Findings, panel: Panel, reach: float) -> None:
    task, across, up = panel
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    ticks = np.linspace(-reach, reach, 5)
    axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
    axes.set(xticks=ticks, yticks=ticks if up else [])
    if up:
        axes.axhline(0, color=FAINT, linewidth=1, zorder=1)
    axes.grid(color=PALE, linewidth=0.8)
    axes.tick_params(length=0)
    instrument = findings.results["banks"].get(task, {})
    title = NAMES.get(instrument.get("channel", ""), task)
    if all(INSENSITIVE in findings.mark(task, axis) for axis in (across, up) if axis):
        axes.set_facecolor("#F1F1F1")
        title += f": insensitive {INSENSITIVE}"
    axes.set_title(f"{title}\n", pad=4)
    axes.text(0, 1.012, task, transform=axes.transAxes, fontsize=9, color=FAINT, va="bottom")
    axes.set_xlabel(_label(findings, task, across))
    if up:
        axes.set_ylabel(_label(findings, task, up))


def _label(findings: Findings, task: str, axis: str) -> str:
    scale, mark = findings.scales[task, axis], findings.mark(task, axis)
    return f"← {scale.low_name}      {axis}{mark}      {scale.high_name} →"


def _arms(axes: "Axes", points: Mapping[str, Point], reach: float, *, flat: bool) -> None:
    from matplotlib.patches import FancyArrowPatch, Polygon

    look, start = looks(list(points)), points.get(BASE)
    for arm, point in points.items():
        axes.add_patch(
            Polygon(
                outline(point),
                closed=True,
                facecolor=look[arm].colour,
                edgecolor=look[arm].colour,
                alpha=0.16,
                linewidth=0,
                zorder=2,
            )
        )
        axes.add_patch(
            Polygon(outline(point), closed=True, fill=False, edgecolor=look[arm].colour, zorder=2.5)
        )
        here = point[0]["value"], point[1]["value"]
        there = (start[0]["value"], here[1] if flat else start[1]["value"]) if start else here
        if math.dist(here, there) > reach / 15:
            axes.add_patch(
                FancyArrowPatch(
                    there,
                    here,
                    arrowstyle="-|>",
                    mutation_scale=13,
                    shrinkA=5,
                    shrinkB=6,
                    color=look[arm].colour,
                    linewidth=1.3,
                    zorder=3,
                )
            )
        axes.plot(
            *here,
            look[arm].marker,
            color=look[arm].colour,
            markersize=9,
            markeredgecolor="white",
            markeredgewidth=1.2,
            zorder=4,
        )


def outline(point: Point) -> list[tuple[float, float]]:
    """Return an ellipse whose every quarter reaches as far as the interval does on its side."""
    across, up = point
    outline = []
    for angle in np.linspace(0, 2 * math.pi, 121):
        x, y = math.cos(angle), math.sin(angle)
        width = across["high"] - across["value"] if x > 0 else across["value"] - across["low"]
        height = up["high"] - up["value"] if y > 0 else up["value"] - up["low"]
        outline.append((across["value"] + x * width, up["value"] + y * height))
    return outline


def _labels(
    axes: "Axes", points: Mapping[str, Point], names: Mapping[str, str], reach: float
) -> None:
    """Name each arm just outside its interval, on the side where there is most room."""
    from matplotlib.patheffects import withStroke

    look, outlines = looks(list(points)), {arm: outline(point) for arm, point in points.items()}
    start = points.get(BASE)
    labels: list[tuple[float, float]] = []
    for arm in points:
        wide, high = (0.035 + 0.017 * len(names[arm])) * reach, 0.055 * reach
        spots = [
            (x + wide * math.cos(a), y + high * math.sin(a))
            for (x, y), a in zip(outlines[arm], np.linspace(0, 2 * math.pi, 121), strict=True)
        ]
        others = [spot for name, line in outlines.items() if name != arm for spot in line]
        others += [*labels, *(p for each in points.values() for p in _way(start, each))]
        room = [
            min(math.hypot((x - u) / 2, y - v) for u, v in [*others, (reach * 3, 0)])
            - 10 * (max(abs(x) + wide, abs(y) + high) > reach)
            for x, y in spots
        ]
        best = max(
            range(0, 121, 5), key=lambda i: (round(min(room[i], 0.12 * reach), 6), -abs(i - 30))
        )
        axes.text(
            *spots[best],
            names[arm],
            ha="center",
            va="center",
            color=look[arm].colour,
            fontweight="bold",
            path_effects=[withStroke(linewidth=3, foreground="white")],
            zorder=5,
        )
        labels.append(spots[best])


def _way(start: Point | None, end: Point) -> list[tuple[float, float]]:
    """Return places on the arrow from one point to another."""
    if start is None:
        return []
    (x, y), (u, v) = ((p[0]["value"], p[1]["value"]) for p in (start, end))
    return [(x + (u - x) * t, y + (v - y) * t) for t in np.linspace(0, 1, 12)]


def _locator(axes: "Axes", reach: float) -> None:
    """Show which part of the whole compass the panel is."""
    from matplotlib.patches import Rectangle

    end = LIMIT
    inset = axes.inset_axes((0.845, 0.0, 0.15, 0.15))
    inset.set(xlim=(-end, end), ylim=(-end, end), xticks=[], yticks=[], aspect="equal")
    for spine in inset.spines.values():
        spine.set_visible(True)
    inset.axhline(0, color=PALE, linewidth=0.6)
    inset.axvline(0, color=PALE, linewidth=0.6)
    inset.add_patch(
        Rectangle((-reach, -reach), 2 * reach, 2 * reach, facecolor=PALE, edgecolor=INK, lw=0.8)
    )
    inset.set_title(f"shown, of ±{end:g}", fontsize=7.5, color=FAINT, pad=2, loc="center")
