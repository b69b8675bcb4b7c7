"""What alignment cost: shift in leaning against change in ability, from the base."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from politune_harness.report.findings import Entry, Findings
from politune_harness.report.instruments import Key
from politune_harness.report.numbers import PLAIN, sure
from politune_harness.report.reading import BASE
from politune_harness.report.style import FAINT, INK, PALE, Look, figure, heading, key, looks

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTE = "Bars: 95 % intervals. Hollow: answers less fluent to the base, for sure."
MOST_TASKS = 4
"""How many capability tasks fit in one figure; the report's table holds them all."""


def draw(findings: Findings, marks: Sequence[str], to: Path) -> None:
    """Draw a panel for each measure of leaning that the report begins with, and capability task."""
    down, across = findings.abilities[:MOST_TASKS], findings.headline
    if not down or not across:
        return
    look = looks(findings.arms)
    with figure(
        4.1 * len(across) + 0.4, 3.9 * len(down) + 1, to, "tradeoff.png", "tradeoff.svg"
    ) as canvas:
        heading(canvas, "What moving cost", marks)
        grid = canvas.subplots(len(down), len(across), squeeze=False, sharex="col", sharey="row")
        for row, ability in zip(grid, down, strict=True):
            for axes, leaning in zip(row, across, strict=True):
                _panel(axes, findings, leaning, ability, look)
            row[0].set_ylabel(f"change in {ability[1]}\n(percentage points)")
            row[0].set_title(f"{ability[0]}\n", fontsize=10)
        for axes, (task, metric) in zip(grid[-1], across, strict=True):
            scale, mark = findings.scales[task, metric], findings.mark(task, metric)
            axes.set_xlabel(f"← {scale.low_name}   {metric}{mark}   {scale.high_name} →\n{task}")
        _legend(canvas, findings, look)


def _panel(
    axes: "Axes",
    findings: Findings,
    leaning: Key,
    ability: Key,
    look: Mapping[str, Look],
) -> None:
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
    axes.plot(0, 0, look[BASE].marker, color=look[BASE].colour, markersize=7, zorder=3)
    axes.grid(color=PALE, linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(y=0.1)
    far = 0.0
    for arm in findings.tuned:
        entries = findings.between(arm, BASE)
        x, y = entries.get(leaning), entries.get(ability)
        if x is None or y is None or x["low"] is None or y["low"] is None:
            continue
        far = max(far, abs(x["low"]), abs(x["high"]))
        colour, faded = look[arm].colour, coherence(findings.fluency(arm)) == "worse"
        axes.errorbar(
            x["value"],
            100 * y["value"],
            xerr=[[x["value"] - x["low"]], [x["high"] - x["value"]]],
            yerr=[[100 * (y["value"] - y["low"])], [100 * (y["high"] - y["value"])]],
            fmt=look[arm].marker,
            color=colour,
            markersize=10,
            markerfacecolor="white" if faded else colour,
            markeredgecolor=colour if faded else "white",
            markeredgewidth=2 if faded else 1.2,
            elinewidth=1.8,
            zorder=4,
        )
    # Never so close that noise looks like a shift.
    far = max(1.15 * far, 1)
    low, high = axes.get_ylim()
    axes.set(xlim=(-far, far), ylim=(min(low, -5), max(high, 5)))
    axes.locator_params(nbins=6)


def coherence(fluency: Entry | None) -> str:
    """Say whether answers became less fluent to the base: worse, kept, or unknown.

    Worse is an interval of bits per byte, arm minus base, wholly above 0 as it is shown.
    """
    if fluency is None or fluency["low"] is None:
        return "unknown"
    return "worse" if fluency["low"] > 0 and sure(fluency, PLAIN) else "kept"


def _legend(
    canvas: "Figure",
    findings: Findings,
    look: Mapping[str, Look],
) -> None:
    from matplotlib.lines import Line2D

    base = look[BASE].marker
    named: dict[str, Artist] = {
        BASE: Line2D([], [], linestyle="", marker=base, color=INK, markersize=7)
    }
    said = {
        "worse": "less fluent",
        "kept": "no less fluent for sure",
        "unknown": "fluency not measured",
    }
    for arm in findings.tuned:
        fluency = coherence(findings.fluency(arm))
        faded = fluency == "worse"
        named[f"{arm} ({said[fluency]})"] = Line2D(
            [],
            [],
            linestyle="",
            marker=look[arm].marker,
            markersize=9,
            color=look[arm].colour,
            markerfacecolor="white" if faded else look[arm].colour,
            markeredgewidth=2 if faded else 1,
        )
    key(canvas, named, NOTE)
