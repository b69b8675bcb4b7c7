"""Figures of a study: a curve where an axis is one of numbers, and what an effect costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from politune_harness.report.matrices import DIFFERENCES, is_share
from politune_harness.report.style import FAINT, INK, OTHERS, PALE, Look, figure, heading, legend
from politune_harness.study.curve import Saturating, at
from politune_harness.study.results import Condition, Gathered, Outcome, placed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALT = {
    "conditions": "What every condition moves and what it costs, with 95 % intervals",
    "tradeoff": "What each condition moves, against what it costs",
}
LOOKS = (Look(INK, "o", "#F2F2F2"), *OTHERS)
Place = tuple[str, ...]
"""A task, a metric, and the two arms that are compared."""
By = Mapping[tuple[str, ...], Outcome]
"""By condition, and by what is compared there."""
MOST = 4
"""How many panels fit below each other."""


@dataclass(frozen=True)
class Line:
    """Conditions that differ in one number alone."""

    name: str
    points: tuple[tuple[float, Condition], ...]
    """By that number, ascending."""


def numeric(found: Gathered) -> str | None:
    """Return the first axis whose levels are all numbers."""
    axes = found.conditions[0].levels
    return next(
        (a for a in axes if all(c.levels[a].value is not None for c in found.conditions)), None
    )


def lines(found: Gathered) -> list[Line]:
    """Return the conditions along the first axis of numbers, a line for each rest of levels.

    Without such an axis they are one line, in their order.
    """
    axis, held = numeric(found), dict[str, list[tuple[float, Condition]]]()
    for number, each in enumerate(found.conditions):
        rest = ", ".join(level.name for a, level in each.levels.items() if a != axis)
        x = each.levels[axis].value if axis else float(number)
        held.setdefault(rest if axis else "", []).append((x or 0.0, each))
    return [Line(name, tuple(sorted(points, key=lambda p: p[0]))) for name, points in held.items()]


def draw(
    found: Gathered,
    outcomes: Sequence[Outcome],
    curves: Mapping[str, Saturating],
    to: Path,
    *,
    front: bool,
) -> list[str]:
    """Draw the figures, with or without that of what moving costs; return the names of those."""
    by: By = placed(outcomes)
    a, b = found.effect.contrast
    keys: list[Place] = [(*found.moved, a, b)]
    keys += [k for k in dict.fromkeys(place[1:] for place in by) if (k[0], k[1]) in found.costs]
    if not any(place[1:] == keys[0] for place in by):
        return []
    _conditions(found, by, keys[:MOST], curves, to)
    if front and len(keys) > 1 and len(found.conditions) > 1:
        _tradeoff(found, by, keys, to)
        return list(ALT)
    return ["conditions"]


def _times(metric: str) -> int:
    """Return what a measure is multiplied by when drawn: shares are in percentage points."""
    return 100 if is_share(metric) or metric in DIFFERENCES else 1


def _ends(each: Outcome, times: int) -> tuple[float, list[list[float]] | None]:
    value = times * (each["value"] if each["value"] is not None else np.nan)
    if each["low"] is None:
        return value, None
    return value, [[value - times * each["low"]], [times * each["high"] - value]]


def _label(place: Place) -> str:
    task, metric, a, b = place
    return f"{a} − {b}\n{_shown(metric)}\n{task}"  # noqa: RUF001 - a minus sign


def _shown(metric: str) -> str:
    return f"{metric} (points)" if _times(metric) > 1 else metric


def _conditions(
    found: Gathered, by: By, places: Sequence[Place], curves: Mapping[str, Saturating], to: Path
) -> None:
    """Draw each measure over the conditions, or along the axis of numbers."""
    axis, held = numeric(found), lines(found)
    names = [c.name for c in found.conditions]
    height = 2.6 * len(places) + 1.2
    with figure(8.5, height, to, "conditions.png", "conditions.svg") as canvas:
        heading(canvas, "What each condition moves", ["partial"] if found.partial else [])
        grid = canvas.subplots(len(places), 1, squeeze=False, sharex=True)[:, 0]
        for axes, place in zip(grid, places, strict=True):
            _ground(axes, _label(place))
            for look, line in zip(_cycled(held), held, strict=True):
                _points(axes, by, place, line, look)
        for line in (line for line in held if line.name in curves):
            doses = np.linspace(0, line.points[-1][0], 100)
            grid[0].plot(doses, at(curves[line.name], doses), color=FAINT, linewidth=1.5, zorder=2)
        if axis is None:
            grid[-1].set_xticks(range(len(names)), names, rotation=30, ha="right")
        else:
            grid[-1].set_xlabel(axis)
        if len(held) > 1:
            grid[0].legend(loc="upper left", frameon=False, fontsize=9)


def _cycled(held: Sequence[Line]) -> Iterator[Look]:
    return (LOOKS[n % len(LOOKS)] for n, _ in enumerate(held))


def _ground(axes: "Axes", label: str) -> None:
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
    axes.grid(color=PALE, linewidth=0.8)
    axes.tick_params(length=0)
    axes.set_ylabel(label, fontsize=9)


def _points(axes: "Axes", by: By, place: Place, line: Line, look: Look) -> None:
    joined = bool(line.name) or all(level.value is not None for level in _levels(line))
    for number, (x, condition) in enumerate(line.points):
        if (each := by.get((condition.name, *place))) is None:
            continue
        y, bars = _ends(each, _times(place[1]))
        axes.errorbar(
            x,
            y,
            yerr=bars,
            fmt=look.marker,
            color=look.colour,
            markersize=8,
            elinewidth=1.6,
            zorder=4,
            label=line.name if number == 0 else None,
        )
    if joined:
        told = [(x, by[c.name, *place]) for x, c in line.points if (c.name, *place) in by]
        ys = [_ends(each, _times(place[1]))[0] for _, each in told]
        axes.plot([x for x, _ in told], ys, color=look.colour, linewidth=0.9, alpha=0.5, zorder=3)


def _levels(line: Line) -> Iterator[Any]:
    return (level for _, condition in line.points for level in condition.levels.values())


def _tradeoff(found: Gathered, by: By, places: Sequence[Place], to: Path) -> None:
    """Draw what each condition moves against the mean of what its arms lose by each cost."""
    first, costs = places[0], list(dict.fromkeys((p[0], p[1]) for p in places[1:]))[:3]
    with figure(4.2 * len(costs) + 2.4, 4.4, to, "tradeoff.png", "tradeoff.svg") as canvas:
        heading(canvas, "What moving cost", ["partial"] if found.partial else [])
        grid = canvas.subplots(1, len(costs), squeeze=False)[0]
        for axes, cost in zip(grid, costs, strict=True):
            _ground(axes, f"{_shown(cost[1])}, mean of the arms less base\n{cost[0]}")
            axes.set_xlabel(_label(first), fontsize=9)
            for number, condition in enumerate(found.conditions):
                if (moved := by.get((condition.name, *first))) is None:
                    continue
                lost = [
                    each["value"]
                    for place in places
                    if (place[0], place[1]) == cost
                    and (each := by.get((condition.name, *place))) is not None
                    and each["value"] is not None
                ]
                if not lost or moved["value"] is None:
                    continue
                x, bars = _ends(moved, _times(first[1]))
                again, kind = divmod(number, len(LOOKS))
                look = LOOKS[kind]
                axes.errorbar(
                    x,
                    _times(cost[1]) * float(np.mean(lost)),
                    xerr=bars,
                    fmt=look.marker,
                    color=look.colour,
                    markerfacecolor="white" if again % 2 else look.colour,
                    markersize=8,
                    label=condition.name,
                )
        legend(canvas, grid, beside=True)
