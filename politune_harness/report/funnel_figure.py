"""How many rows each stage lets through: one funnel an arm, all on one scale."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness.curated import Step
from politune_harness.report.escape import drawable
from politune_harness.report.numbers import MINUS
from politune_harness.report.style import FAINT, INK, PALE, figure, footing, heading, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 3
"""Funnels beside each other."""


def draw(arms: Mapping[str, Sequence[Step]], marks: Sequence[str], to: Path) -> None:
    """Draw what came in, and what each stage kept, dropped and why."""
    shown = {arm: steps for arm, steps in arms.items() if steps}
    if not shown:
        return
    columns = min(ACROSS, len(shown))
    lines = -(-len(shown) // columns)
    heights = [
        max(map(len, [*shown.values()][start : start + columns])) + 1
        for start in range(0, len(shown), columns)
    ]
    size = 4.2 * columns + 0.4, 0.62 * sum(heights) + 0.6 * lines + 1.1
    look = looks([*shown])
    with figure(*size, to, "funnel.png", "funnel.svg") as canvas:
        heading(canvas, "What became of the data", marks)
        grid = canvas.subplots(lines, columns, squeeze=False, height_ratios=heights).ravel()
        for place, (axes, (arm, steps)) in enumerate(zip(grid, shown.items(), strict=False)):
            _funnel(axes, steps, max(steps[0].came, 1), look[arm].colour)
            axes.set_ylim(-heights[place // columns] + 0.5, 0.75)
            axes.set_title(drawable(arm), fontsize=11.5)
        for axes in grid:
            axes.set_axis_off()
        footing(
            canvas,
            "Each bar is as wide as its rows' share of what the arm's first stage was given; the "
            "pale part is what the stage dropped, with the commonest reason.",
        )


def _funnel(axes: "Axes", steps: Sequence[Step], widest: int, colour: str) -> None:
    """Draw one arm's stages from top to bottom, each bar in the middle."""
    bars = [("came in", steps[0].came, steps[0].came, "")]
    bars += [(step.name, step.came, step.kept, _why(step)) for step in steps]
    for place, (name, came, kept, why) in enumerate(bars):
        for rows, fill in ((came, PALE), (kept, colour)):
            axes.barh(-place, rows / widest, height=0.42, left=-rows / widest / 2, color=fill)
        text = f"{drawable(name)}: {kept:,}"
        how: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 9}
        axes.text(0, 0.23 - place, text, color=INK, **how)
        axes.text(0, -0.22 - place, why, color=FAINT, **{**how, "va": "top", "fontsize": 7.5})
    axes.set_xlim(-0.75, 0.75)


def _why(step: Step) -> str:
    """Return how many were dropped, and mostly why."""
    if not step.dropped:
        return ""
    reason, number = max(step.dropped.items(), key=lambda each: (each[1], each[0]))
    all_ = sum(step.dropped.values())
    return f"{MINUS}{all_:,}: {drawable(reason)}" + (f" ({number:,})" if number < all_ else "")
