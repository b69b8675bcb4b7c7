"""Figures of a study: what each condition moves and costs, and the one against the other.

Conditions along an axis of numbers stand along it; others stand below each other, by name. What
left and what right lose by one measure is drawn side by side, or in panels of one range.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from politune_harness.report.matrices import DIFFERENCES, is_share
from politune_harness.report.numbers import MINUS
from politune_harness.report.reading import BASE
from politune_harness.report.style import (
    FAINT,
    INK,
    KNOWN,
    OTHERS,
    PALE,
    Look,
    columns,
    figure,
    heading,
    legend,
)
from politune_harness.study import arms_of
from politune_harness.study.curve import Saturating, at
from politune_harness.study.front import Point
from politune_harness.study.lines import Line, lines, numeric
from politune_harness.study.results import Condition, Gathered, Outcome, placed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALT = {
    "conditions": "What every condition moves and what it costs, with 95 % intervals",
    "tradeoff": "What each condition moves, against what it costs",
}
COSTLESS = "What every condition moves, with 95 % intervals"
LOOKS = (Look(INK, "o", "#F2F2F2"), *OTHERS)
Place = tuple[str, ...]
"""A task, a metric, and the two arms that are compared."""
By = Mapping[tuple[str, ...], Outcome]
"""By condition, and by what is compared there."""
MOST = 4
"""How many measures are drawn; the report's table holds them all."""


@dataclass(frozen=True)
class Series:
    """What one contrast of one measure comes to in a line of conditions."""

    place: Place
    line: Line
    look: Look
    label: str


def draw(
    found: Gathered,
    outcomes: Sequence[Outcome],
    curves: Mapping[str, Saturating],
    front: Sequence[Point],
    to: Path,
) -> list[str]:
    """Draw the figures, that of what moving costs where there are points; return their names."""
    by: By = placed(outcomes)
    shown = panels(found, outcomes)
    first = (*found.moved, *found.effect.contrast)
    moved = {of: each for (of, *place), each in by.items() if (*place,) == first}
    if not moved:
        return []
    if axis := numeric(found):
        _along(found, by, shown, axis, curves, to)
    else:
        _by_name(found, by, shown, to)
    if len(front) > 1 and set(found.costs) - {found.moved}:
        _tradeoff(found, moved, [point for point in front if point.of in moved], to)
        return list(ALT)
    return ["conditions"]


def panels(found: Gathered, outcomes: Sequence[Outcome]) -> list[list[Series]]:
    """Return what each panel shows: a measure, or one contrast of it where lines differ."""
    measures, held = _measures(found, placed(outcomes)), lines(found)
    if len(held) == 1:
        look = _by_contrast(measures)
        return [[Series(p, held[0], look[p[2:]], _contrast(p)) for p in each] for each in measures]
    looks = [LOOKS[n % len(LOOKS)] for n in range(len(held))]
    return [
        [Series(place, line, look, line.name) for line, look in zip(held, looks, strict=True)]
        for each in measures
        for place in each
    ]


def _measures(found: Gathered, by: By) -> list[list[Place]]:
    """Return the contrasts of each measure that is drawn: of what is to move, then of costs."""
    places: list[Place] = [(*found.moved, *found.effect.contrast)]
    places += [p for p in dict.fromkeys(key[1:] for key in by) if (p[0], p[1]) in found.costs]
    kept = list(dict.fromkeys(place[:2] for place in places))[:MOST]
    return [[p for p in dict.fromkeys(places) if p[:2] == measure] for measure in kept]


def _by_contrast(measures: Sequence[Sequence[Place]]) -> dict[Place, Look]:
    """Return how each contrast looks: where an arm with a look of its own is one, as it does."""
    contrasts = dict.fromkeys(place[2:] for places in measures for place in places)
    own = {each: KNOWN[each[0]] for each in contrasts if each[1] == BASE and each[0] in KNOWN}
    rest = [each for each in contrasts if each not in own]
    return own | {each: LOOKS[n % len(LOOKS)] for n, each in enumerate(rest)}


def _along(
    found: Gathered,
    by: By,
    shown: Sequence[Sequence[Series]],
    axis: str,
    curves: Mapping[str, Saturating],
    to: Path,
) -> None:
    """Draw each measure along the axis of numbers."""
    with figure(8.5, 2.3 * len(shown) + 1.6, to, "conditions.png", "conditions.svg") as canvas:
        heading(canvas, "What each condition moves", found.marks)
        grid = canvas.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
        for axes, panel in zip(grid, shown, strict=True):
            axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
            _ground(axes)
            axes.set_ylabel(_measure(panel[0].place), fontsize=9)
            if len(lines(found)) > 1:
                axes.set_title(_contrast(panel[0].place), fontsize=10)
            _draw(axes, by, panel)
        for line in (line for line in lines(found) if line.name in curves):
            doses = np.linspace(0, line.points[-1][0], 100)
            grid[0].plot(
                doses, at(curves[line.name], doses), "--", color=FAINT, linewidth=1.5, zorder=2
            )
        _alike(grid, shown)
        grid[-1].set_xlabel(axis)
        many = any(panel[1:] for panel in shown)
        beside = " Marks of one level stand side by side." if many else ""
        fitted = " Dashed: the fitted curve." if curves else ""
        legend(canvas, grid, f"Bars: 95 % intervals, uncorrected.{beside}{fitted}")


def _by_name(found: Gathered, by: By, shown: Sequence[Sequence[Series]], to: Path) -> None:
    """Draw each measure, with the conditions below each other."""
    names = [told(c) for c in found.conditions]
    across, down = max(3.3 * len(shown) + 1.8, 8.0), 0.5 * len(names) + 2.4
    with figure(across, down, to, "conditions.png", "conditions.svg") as canvas:
        heading(canvas, "What each condition moves", found.marks)
        grid = canvas.subplots(1, len(shown), squeeze=False, sharey=True)[0]
        for axes, panel in zip(grid, shown, strict=True):
            axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
            _ground(axes)
            axes.set_xlabel(_measure(panel[0].place), fontsize=9)
            axes.locator_params(axis="x", nbins=6)
            _draw(axes, by, panel, flat=True)
        grid[0].set_yticks(range(len(names)), names)
        grid[0].set_ylim(len(names) - 0.4, -0.6)
        grid[0].set_ylabel(", ".join(found.conditions[0].levels))
        legend(canvas, grid, "Bars: 95 % intervals, uncorrected.")


def told(condition: Condition) -> str:
    """Return a condition by its levels, without the axes."""
    return ", ".join(level.name for level in condition.levels.values()) or condition.name


def _times(metric: str) -> int:
    """Return what a measure is multiplied by when drawn: shares are in percentage points."""
    return 100 if is_share(metric) or metric in DIFFERENCES else 1


def _ends(each: Outcome, times: int) -> tuple[float, list[list[float]] | None]:
    value = times * (each["value"] if each["value"] is not None else np.nan)
    if each["low"] is None:
        return value, None
    return value, [[value - times * each["low"]], [times * each["high"] - value]]


def _contrast(place: Place) -> str:
    return f" {MINUS} ".join(map(_mean, place[2:]))


def _mean(side: str) -> str:
    arms = arms_of(side)
    return f"({' + '.join(arms)}) / {len(arms)}" if arms[1:] else side


def _measure(place: Place) -> str:
    task, metric, *_ = place
    return f"{metric}{' (points)' if _times(metric) > 1 else ''}\n{task}"


def _ground(axes: "Axes") -> None:
    axes.grid(color=PALE, linewidth=0.8)
    axes.tick_params(length=0)


def _alike(grid: Iterable["Axes"], shown: Sequence[Sequence[Series]]) -> None:
    """Let panels of one measure have one range, so that arms compare by eye."""
    held: dict[Place, list[Axes]] = {}
    for axes, panel in zip(grid, shown, strict=True):
        held.setdefault(panel[0].place[:2], []).append(axes)
    for group in held.values():
        ends = [axes.get_ylim() for axes in group]
        for axes in group:
            axes.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))


def _draw(axes: "Axes", by: By, panel: Sequence[Series], *, flat: bool = False) -> None:
    """Draw series beside each other, so that none hides another."""
    places = [x for each in panel for x, _ in each.line.points]
    span = (max(places) - min(places)) or abs(max(places)) or 1
    apart = 0.24 if flat else 0.012 * span
    for number, series in enumerate(panel):
        shift = apart * (number - (len(panel) - 1) / 2)
        known = [
            (x + shift, *_ends(by[condition.name, *series.place], _times(series.place[1])))
            for x, condition in series.line.points
            if (condition.name, *series.place) in by
        ]
        for count, (x, y, bars) in enumerate(known):
            axes.errorbar(
                *((y, x) if flat else (x, y)),
                xerr=bars if flat else None,
                yerr=None if flat else bars,
                fmt=series.look.marker,
                color=series.look.colour,
                markersize=7,
                elinewidth=1.6,
                zorder=4,
                label=None if count else series.label,
            )
        if not flat:
            across, up = [x for x, *_ in known], [y for _, y, _ in known]
            axes.plot(across, up, color=series.look.colour, linewidth=0.9, alpha=0.5, zorder=3)


def _tradeoff(
    found: Gathered, moved: Mapping[str, Outcome], points: Sequence[Point], to: Path
) -> None:
    """Draw what each condition moves against what its arms lose on the mean, by each cost."""
    costs = [key for key in found.costs if key != found.moved][: MOST - 1]
    names = {c.name: told(c) for c in found.conditions}
    width = max(4.2 * len(costs), 8.0)
    height = 4.5 + 0.24 * -(-len(names) // columns(width, names.values()))
    with figure(width, height, to, "tradeoff.png", "tradeoff.svg") as canvas:
        heading(canvas, "What moving cost", found.marks)
        grid = canvas.subplots(1, len(costs), squeeze=False)[0]
        for axes, cost in zip(grid, costs, strict=True):
            axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
            _ground(axes)
            first = (*found.moved, *found.effect.contrast)
            axes.set_ylabel(_measure(cost), fontsize=9)
            axes.set_xlabel(f"{_contrast(first)}\n{_measure(first)}", fontsize=9)
            for number, point in enumerate(points):
                lost, x = point.costs[cost], moved[point.of]
                if lost is not None and x["value"] is not None:
                    at = _times(cost[1]) * lost
                    _marked(axes, *_ends(x, _times(first[1])), at, number, names[point.of])
        legend(
            canvas,
            grid,
            f"Marks: {', '.join(found.conditions[0].levels)}. Costs: means of the arms less base. "
            "Bars: 95 % intervals, uncorrected.",
        )


def _marked(
    axes: "Axes", x: float, bars: list[list[float]] | None, y: float, number: int, name: str
) -> None:
    again, kind = divmod(number, len(LOOKS))
    look = LOOKS[kind]
    axes.errorbar(
        x,
        y,
        xerr=bars,
        fmt=look.marker,
        color=look.colour,
        markerfacecolor="white" if again % 2 else look.colour,
        markersize=8,
        label=name,
    )
