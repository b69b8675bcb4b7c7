"""Places on the official compass: a point a responder, and where missing answers could move it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from politune_harness.compass.official import Place
from politune_harness.errors import DataError
from politune_harness.report.escape import drawable
from politune_harness.report.style import (
    FAINT,
    INK,
    OTHERS,
    PALE,
    figure,
    footing,
    heading,
    looks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIMIT = 10
KINDS = (".png", ".svg", ".pdf")
NAMED = 20
"""How many responders at most are named."""


def draw(places: Sequence[tuple[str, Place]], to: Path) -> None:
    """Draw each named place, with its bounds as a box where answers are missing.

    Raises DataError where `to` is not a kind of figure that can be written.
    """
    if to.suffix.lower() not in KINDS:
        message = f"{to}: write the figure to one of {', '.join(KINDS)}"
        raise DataError(message)
    with figure(7, 7.2, to.parent, to.name) as canvas:
        heading(canvas, "Political Compass, 62 items", [])
        axes = canvas.subplots()
        _frame(axes)
        _points(axes, places)
        footing(canvas, _explained(places))


def _explained(places: Sequence[tuple[str, Place]]) -> str:
    text = "Missing answers count 0, the centre."
    if any(place.coverage < 1 for _, place in places):
        text += " A box holds every place to which answers in their stead could lead."
    return text if len(places) <= NAMED else f"{len(places)} responders. {text}"


def _frame(axes: "Axes") -> None:
    axes.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal")
    ticks = range(-LIMIT, LIMIT + 1, LIMIT // 2)
    axes.set(xticks=ticks, yticks=ticks)
    axes.set(xlabel="← left      economic      right →")
    axes.set(ylabel="← libertarian      social      authoritarian →")
    axes.axhline(0, color=FAINT, linewidth=1, zorder=1)
    axes.axvline(0, color=FAINT, linewidth=1, zorder=1)
    axes.grid(color=PALE, linewidth=0.8)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _points(axes: "Axes", places: Sequence[tuple[str, Place]]) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    look = looks([name for name, _ in places])
    told_apart = len(places) <= len(OTHERS)
    for name, place in places:
        colour, marker = (look[name].colour, look[name].marker) if told_apart else (INK, "o")
        here = place.economic or 0.0, place.social or 0.0
        if place.coverage < 1:
            corner = place.economic_min, place.social_min
            size = place.economic_max - corner[0], place.social_max - corner[1]
            axes.add_patch(Rectangle(corner, *size, color=colour, alpha=0.12, zorder=2))
        axes.plot(*here, marker, color=colour, markersize=8, markeredgecolor="white", zorder=3)
        if len(places) <= NAMED:
            axes.annotate(
                drawable(name),
                here,
                (7, 5),
                textcoords="offset points",
                color=colour,
                fontweight="bold",
                path_effects=[withStroke(linewidth=3, foreground="white")],
                zorder=4,
            )
