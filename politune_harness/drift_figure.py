"""The control charts of a history in one figure: every measure over time, with its limits."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from politune_harness.drift import ALARMS, Chart, chart
from politune_harness.report.escape import drawable
from politune_harness.report.style import FAINT, INK, OTHERS, PALE, figure, footing, heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 12
"""How many measures are drawn: those that drift first."""
ACROSS = 3
ALARM = OTHERS[2]


def alarms(of: Chart, baseline: int) -> list[int]:
    """Return the places of the evaluations after the baseline that raised an alarm.

    >>> values = (*[1.0, 1.2] * 5, 1.1, 3.0)
    >>> alarms(Chart("t", "1", "m", values, 1.1, 0.5, 1.7, "beyond the limits"), 10)
    [11]
    """
    told = range(baseline, len(of.values))
    return [n for n in told if chart(of, of.values[: n + 1], baseline).state in ALARMS]


def draw(charts: Sequence[Chart], baseline: int, to: Path) -> None:
    """Draw the charts of measures that vary, those with an alarm first."""
    varied = [each for each in charts if np.ptp(each.values) > 0]
    shown = sorted(varied, key=lambda each: not alarms(each, baseline))[:MOST]
    rows = max(1, -(-len(shown) // ACROSS))
    with figure(11, 2.4 * rows + 1.2, to.parent, to.name) as canvas:
        heading(canvas, "Each evaluation", [])
        grid = canvas.subplots(rows, ACROSS, squeeze=False, sharex=True).ravel()
        for axes, each in zip(grid, shown, strict=False):
            _panel(axes, each, baseline)
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        footing(
            canvas,
            f"The first {baseline} evaluations, on grey, set the centre and the limits. A "
            f"triangle is an alarm. {len(charts) - len(shown)} measures are not shown.",
        )


def _panel(axes: "Axes", each: Chart, baseline: int) -> None:
    axes.set_title(f"{drawable(each.metric)}\n{drawable(each.task)}", fontsize=9)
    axes.tick_params(length=0)
    axes.axvspan(0.5, baseline + 0.5, color=PALE, linewidth=0, zorder=0)
    places = np.arange(1, len(each.values) + 1)
    axes.plot(places, each.values, color=INK, linewidth=0.8, marker="o", markersize=3, zorder=3)
    for level, width in ((each.centre, 1.0), (each.low, 0.8), (each.high, 0.8)):
        if level is not None:
            axes.axhline(level, color=FAINT, linewidth=width, dashes=(4, 3), zorder=2)
    raised = alarms(each, baseline)
    axes.scatter(
        [n + 1 for n in raised],
        [each.values[n] for n in raised],
        color=ALARM.colour,
        marker=ALARM.marker,
        s=46,
        zorder=4,
    )
