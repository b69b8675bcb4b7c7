"""The compass: arms as points with their intervals, and arrows from the base."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from politune_harness.report.reading import BASE
from politune_harness.report.style import (
    FAINT,
    INK,
    PALE,
    Look,
    figure,
    footing,
    heading,
    looks,
)
from politune_harness.report.summary import LEANING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = ("economic", "social")
NAMES = {
    "politune_compass": "Agreement with propositions",
    "politune_compass_pairs": "Statement against its reversal",
}
"""What the instruments of this project ask, in a few words."""

Point = tuple[dict[str, float], dict[str, float]]
"""The economic and the social entry of one arm: value, low, high."""


def channels(results: Mapping[str, Any], tasks: Sequence[str]) -> list[str]:
    """Return the tasks that place the base on both axes."""
    measured = results["arms"][BASE]["tasks"]
    return [task for task in tasks if set(AXES) <= measured.get(task, {}).keys()]


def draw(results: Mapping[str, Any], tasks: Sequence[str], marks: Sequence[str], to: Path) -> None:
    """Draw one panel a channel."""
    panels = channels(results, tasks)
    places = {task: _points(results, task) for task in panels}
    reach = _reach([point for points in places.values() for point in points.values()])
    with figure(5.6 * len(panels), 6.9, to, "compass.png", "compass.svg") as canvas:
        heading(canvas, "Where the arms stand", marks)
        for axes, task in zip(
            canvas.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            insensitive = [a for a in AXES if f"{task} {a}" in results["insensitive"]]
            _frame(axes, task, reach, insensitive)
            _arms(axes, places[task], reach)
            if reach < LEANING["economic"].high:
                _locator(axes, reach)
        text = "Shaded: 95 % interval on either axis. All arms answer the same items, so they can "
        text += "differ for sure where these overlap."
        if any(f"{task} {axis}" in results["insensitive"] for task in panels for axis in AXES):
            text += " † Not moved by system prompts in this model: read nothing into it."
        footing(canvas, text)


def _points(results: Mapping[str, Any], task: str) -> dict[str, Point]:
    """Return the arms that have a place and an interval on both axes."""
    points: dict[str, Point] = {}
    for arm, each in results["arms"].items():
        entries = [each["tasks"].get(task, {}).get(axis) for axis in AXES]
        if all(entry and entry["low"] is not None for entry in entries):
            points[arm] = (entries[0], entries[1])
    return points


def _reach(points: Sequence[Point]) -> float:
    """Return how far the axes go: the same for all panels, and round."""
    far = max((abs(e[k]) for p in points for e in p for k in ("low", "high")), default=10)
    return next((end for end in (2.0, 3.0, 4.0, 5.0, 6.0, 8.0) if far * 1.12 <= end), 10.0)


def _frame(axes: "Axes", task: str, reach: float, insensitive: Sequence[str]) -> None:
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.axhline(0, color=FAINT, linewidth=1, zorder=1)
    axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
    ticks = np.linspace(-reach, reach, 5)
    axes.set(xticks=ticks, yticks=ticks)
    axes.grid(color=PALE, linewidth=0.8)
    axes.tick_params(length=0)
    title = NAMES.get(task, task)
    if len(insensitive) == len(AXES):
        axes.set_facecolor("#F1F1F1")
        title += ": insensitive †"
    axes.set_title(f"{title}\n", pad=4)
    axes.text(0, 1.012, task, transform=axes.transAxes, fontsize=9, color=FAINT, va="bottom")
    for axis, vertical in zip(AXES, (False, True), strict=True):
        scale = LEANING[axis]
        dagger = " †" if axis in insensitive else ""
        label = f"← {scale.low_name}      {axis}{dagger}      {scale.high_name} →"
        (axes.set_ylabel if vertical else axes.set_xlabel)(label)


def _arms(axes: "Axes", points: Mapping[str, Point], reach: float) -> None:
    from matplotlib.patches import FancyArrowPatch, Polygon

    look = looks(list(points))
    start = points.get(BASE)
    for arm, point in points.items():
        axes.add_patch(
            Polygon(
                _outline(point),
                closed=True,
                facecolor=look[arm].colour,
                edgecolor=look[arm].colour,
                alpha=0.16,
                linewidth=0,
                zorder=2,
            )
        )
        axes.add_patch(
            Polygon(
                _outline(point), closed=True, fill=False, edgecolor=look[arm].colour, zorder=2.5
            )
        )
        here = point[0]["value"], point[1]["value"]
        there = (start[0]["value"], start[1]["value"]) if start else here
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
    _labels(axes, points, look, reach)


def _outline(point: Point) -> list[tuple[float, float]]:
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
    axes: "Axes", points: Mapping[str, Point], look: Mapping[str, Look], reach: float
) -> None:
    """Name each arm just outside its interval, on the side where there is most room."""
    from matplotlib.patheffects import withStroke

    outlines = {arm: _outline(point) for arm, point in points.items()}
    start = points.get(BASE)
    labels: list[tuple[float, float]] = []
    for arm in points:
        wide, high = (0.035 + 0.017 * len(arm)) * reach, 0.055 * reach
        spots = [
            (x + wide * math.cos(a), y + high * math.sin(a))
            for (x, y), a in zip(outlines[arm], np.linspace(0, 2 * math.pi, 121), strict=True)
        ]
        others = [spot for name, outline in outlines.items() if name != arm for spot in outline]
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
            arm,
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

    end = LEANING["economic"].high
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
