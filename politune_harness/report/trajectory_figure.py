"""The paper's trajectories: where each arm stands, and how coherent it is, over the steps."""

from collections.abc import Iterator, Mapping, Sequence
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 4
"""How many measures fit beside coherence; the report's table holds them all."""
Point = Mapping[str, Any]


def draw(
    found: Mapping[str, Any] | None, arms: Sequence[str], marks: Sequence[str], to: Path
) -> None:
    """Draw a panel a measure and one of coherence, a line a training; `found` is of results.json.

    A ring is the checkpoint that was chosen, the dashed line how coherent it had to be.
    """
    if found is None or len(found["points"]) == 1:
        return
    measures, look = found["measures"][:MOST], looks(arms)
    with figure(
        4.1 * (len(measures) + 1) + 0.4, 4.3, to, "trajectory.png", "trajectory.svg"
    ) as canvas:
        heading(canvas, "Along the training", marks)
        *panels, last = canvas.subplots(1, len(measures) + 1, squeeze=False)[0]
        for axes, (task, metric, _, _, low, high) in zip(panels, measures, strict=True):
            for line in _lines(found):
                _position(axes, line, (task, metric), look)
            _ring(axes, found, lambda p, t=task, m=metric: p["tasks"][t][m]["value"], look)
            axes.set_ylabel(f"← {low}   {metric}   {high} →")
            axes.set_title(task, fontsize=10)
        for line in _lines(found):
            arm = line[-1]["arm"]
            values = [p["coherence"] for p in line if p["coherence"] is not None]
            steps = [p["step"] for p in line if p["coherence"] is not None]
            last.plot(steps, values, color=look[arm].colour, linewidth=1.6, label=arm)
        _ring(last, found, lambda p: p["coherence"], look)
        if (floor := (found["select"] or {}).get("coherence_at_least")) is not None:
            last.axhline(floor, color=INK, linewidth=1, linestyle=(0, (5, 4)))
        last.set(ylim=(0, 1.05))
        last.set_title("coherence of answers", fontsize=10)
        for axes in (*panels, last):
            axes.set_xlabel("step")
            axes.grid(color=PALE, linewidth=0.8)
            axes.tick_params(length=0)
            axes.spines["left"].set_color(FAINT)
        half = " Only the selection half of the topics was asked." if found["half"] else ""
        ring = " Rings: the checkpoints that were chosen." if found["chosen"] else ""
        legend(canvas, [last], f"Step 0 is the base. Bands: 95 % intervals over items.{ring}{half}")


def _lines(found: Mapping[str, Any]) -> Iterator[list[Point]]:
    """Yield the points of each training, from the base on."""
    base, *points = found["points"]
    for _, line in groupby(points, key=lambda point: (point["arm"], point["seed"])):
        yield [base, *line]


def _position(
    axes: "Axes", line: list[Point], key: tuple[str, str], look: Mapping[str, Look]
) -> None:
    entries = [(p["step"], p["tasks"].get(key[0], {}).get(key[1])) for p in line]
    known = [(step, entry) for step, entry in entries if entry and entry["low"] is not None]
    steps = [step for step, _ in known]
    low, value, high = ([entry[n] for _, entry in known] for n in ("low", "value", "high"))
    colour = look[line[-1]["arm"]].colour
    axes.plot(steps, value, color=colour, linewidth=1.6)
    axes.fill_between(steps, low, high, color=colour, alpha=0.13, linewidth=0)


def _ring(axes: "Axes", found: Mapping[str, Any], value: Any, look: Mapping[str, Look]) -> None:  # noqa: ANN401
    for point in found["points"][1:]:
        of = found["chosen"].get(point["arm"], {}).get(point["seed"])
        if of and of["step"] == point["step"] and (height := value(point)) is not None:
            own = look[point["arm"]]
            axes.plot(
                point["step"],
                height,
                own.marker,
                color=own.colour,
                markersize=11,
                markerfacecolor="white",
                markeredgewidth=2.2,
            )
