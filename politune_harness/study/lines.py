"""The conditions of a study in rows: along an axis of numbers where there is one."""

from dataclasses import dataclass

from politune_harness.study.results import Condition, Gathered


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
