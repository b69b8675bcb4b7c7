"""What checkpoints gained and what that cost: strength against ability, and against coherence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness.report.style import (
    FAINT,
    INK,
    PALE,
    Look,
    figure,
    heading,
    legend,
    looks,
)
from politune_harness.report.tradeoff import mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = Mapping[str, Any]
Height = Callable[[Point], float | None]


def heights(found: Mapping[str, Any]) -> Iterator[tuple[str, Height]]:
    """Yield what strength is shown against, with how it is read from a point."""
    if found["abilities"]:
        tasks = ", ".join(task for task, _ in found["abilities"])
        yield f"change in ability, points ({tasks})", _kept
    if any(point["coherence"] is not None for point in found["points"][1:]):
        yield "coherence of answers", lambda point: point["coherence"]


def _kept(point: Point) -> float | None:
    found = mean([entry["value"] for entry in point["ability"].values()])
    return None if found is None else 100 * found


def trainings(found: Mapping[str, Any]) -> Iterator[list[Point]]:
    """Yield the points of each training, from the base on."""
    base, *points = found["points"]
    for _, line in groupby(points, key=lambda point: (point["arm"], point["seed"])):
        yield [base, *line]


def chosen(found: Mapping[str, Any], point: Point) -> bool:
    """Say whether a checkpoint is its training's result."""
    of = found["chosen"].get(point["arm"], {}).get(point["seed"])
    return bool(of and of["step"] == point["step"])


def draw(
    found: Mapping[str, Any] | None, arms: Sequence[str], marks: Sequence[str], to: Path
) -> None:
    """Draw strength against ability and coherence; `found` is of results.json.

    A line is a training; a filled marker is on the front, the large ring is what was chosen.
    """
    shown = list(heights(found)) if found else []
    if found is None or not shown or len(found["points"]) == 1:
        return
    look = looks(arms)
    with figure(5.2 * len(shown) + 0.4, 4.6, to, "front.png", "front.svg") as canvas:
        heading(canvas, "What checkpoints gained and cost", marks)
        panels = canvas.subplots(1, len(shown), squeeze=False)[0]
        for axes, (title, height) in zip(panels, shown, strict=True):
            for line in trainings(found):
                _line(axes, found, line, height, look)
            axes.plot(0, height(found["points"][0]), "+", color=INK, markersize=10)
            axes.set_title(title, fontsize=10)
            axes.set_xlabel("strength, %")
            axes.grid(color=PALE, linewidth=0.8)
            axes.tick_params(length=0)
            axes.spines["left"].set_color(FAINT)
            axes.margins(0.08)
        ring = " Rings: chosen." if found["chosen"] else ""
        legend(
            canvas,
            panels,
            "Up and to the right is better. +: the base. Numbers: steps. Filled: the front, which "
            f"no other checkpoint of the arm beats at strength, ability and coherence.{ring}",
        )


def _line(
    axes: "Axes",
    found: Mapping[str, Any],
    line: list[Point],
    height: Height,
    look: Mapping[str, Look],
) -> None:
    places = [(p, p["strength"], height(p)) for p in line]
    known = [(p, x, y) for p, x, y in places if x is not None and y is not None]
    own = look[line[-1]["arm"]]
    across, up = [x for _, x, _ in known], [y for _, _, y in known]
    axes.plot(across, up, color=own.colour, linewidth=0.9, alpha=0.55, zorder=2)
    for point, x, y in (each for each in known if each[0]["arm"]):
        axes.plot(
            x,
            y,
            own.marker,
            color=own.colour,
            markersize=7,
            markerfacecolor=own.colour if point["front"] else "white",
            markeredgewidth=1.4,
            label=point["arm"],
            zorder=3,
        )
        if chosen(found, point):
            axes.plot(x, y, "o", color=own.colour, markersize=15, fillstyle="none", zorder=4)
        if point["front"]:
            axes.annotate(
                str(point["step"]),
                (x, y),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=8,
                color=INK,
            )
