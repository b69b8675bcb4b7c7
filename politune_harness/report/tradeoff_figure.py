"""What alignment cost: shift in leaning against change in ability, from the base."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness.lm import FLUENCY
from politune_harness.report.compass_figure import AXES, channels
from politune_harness.report.numbers import sure
from politune_harness.report.reading import BASE
from politune_harness.report.style import FAINT, INK, PALE, Look, figure, heading, looks
from politune_harness.report.summary import LEANING, Key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ABILITY = ("acc", "exact_match", "exact_match,strict-match", "acc_norm")
"""The metrics of ability, the first that a task has being its main one."""
MOST_TASKS = 4
"""How many capability tasks fit in one figure; the report's table holds them all."""


def ability_of(results: Mapping[str, Any], tasks: Sequence[str]) -> list[Key]:
    """Return each capability task with its main metric."""
    measured = results["arms"][BASE]["tasks"]
    found = []
    for task in tasks:
        known = measured.get(task, {})
        metric = next((name for name in ABILITY if name in known), None)
        found += [(task, metric)] if metric else []
    return found


def leanings_of(results: Mapping[str, Any], tasks: Sequence[str]) -> list[Key]:
    """Return the measures of leaning to weigh ability against: both axes, and the judged score.

    Of several channels with both axes, the first that prompts can move.
    """
    panels = channels(results, tasks)
    moved = [t for t in panels if not any(f"{t} {a}" in results["insensitive"] for a in AXES)]
    chosen = (moved or panels)[:1]
    measured = results["arms"][BASE]["tasks"]
    judged = [(task, "score") for task in tasks if "score" in measured.get(task, {})]
    return [(task, axis) for task in chosen for axis in AXES] + judged[:1]


def from_base(results: Mapping[str, Any]) -> dict[str, dict[Key, dict[str, Any]]]:
    """Return each arm's differences from the base, by task and metric."""
    found: dict[str, dict[Key, dict[str, Any]]] = {}
    for entry in results["differences"]:
        if entry["b"] == BASE:
            found.setdefault(entry["a"], {})[entry["task"], entry["metric"]] = entry
    return found


def draw(
    results: Mapping[str, Any],
    bias: Sequence[str],
    capability: Sequence[str],
    marks: Sequence[str],
    to: Path,
) -> None:
    """Draw a panel for each measure of leaning and capability task."""
    down, across = ability_of(results, capability)[:MOST_TASKS], leanings_of(results, bias)
    if not down or not across:
        return
    shifts = from_base(results)
    look = looks(list(shifts))
    with figure(4.1 * len(across) + 0.4, 3.9 * len(down) + 1, to, "tradeoff.png") as canvas:
        heading(canvas, "What moving cost", marks)
        grid = canvas.subplots(len(down), len(across), squeeze=False, sharex="col", sharey="row")
        for row, ability in zip(grid, down, strict=True):
            for axes, leaning in zip(row, across, strict=True):
                _panel(axes, shifts, leaning, ability, look)
            row[0].set_ylabel(f"change in {ability[1]}\n(percentage points)")
            row[0].set_title(f"{ability[0]}\n", fontsize=10)
        for axes, (task, metric) in zip(grid[-1], across, strict=True):
            scale = LEANING[metric]
            dagger = " †" if f"{task} {metric}" in results["insensitive"] else ""
            axes.set_xlabel(
                f"← {scale.low_name}   {metric}{dagger}   {scale.high_name} →\n{task}",
            )
        _legend(canvas, shifts, look)


def _panel(
    axes: "Axes",
    shifts: Mapping[str, Mapping[Key, Mapping[str, Any]]],
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
    for arm, entries in shifts.items():
        x, y = entries.get(leaning), entries.get(ability)
        if x is None or y is None or x["low"] is None or y["low"] is None:
            continue
        far = max(far, abs(x["low"]), abs(x["high"]))
        colour, faded = look[arm].colour, coherence(entries) == "worse"
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


def coherence(entries: Mapping[Key, Mapping[str, Any]]) -> str:
    """Say whether answers became less fluent to the base: worse, kept, or unknown.

    Worse is an interval of bits per byte, arm minus base, wholly above 0 as it is shown.
    """
    found = [entry for (_, metric), entry in entries.items() if metric == FLUENCY]
    if not found or any(entry["low"] is None for entry in found):
        return "unknown"
    lost = any(entry["low"] > 0 and sure(entry, FLUENCY) for entry in found)
    return "worse" if lost else "kept"


def _legend(
    canvas: Any,  # noqa: ANN401
    shifts: Mapping[str, Mapping[Key, Mapping[str, Any]]],
    look: Mapping[str, Look],
) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=look[BASE].marker, color=INK, markersize=7, label=BASE)
    ]
    for arm, entries in shifts.items():
        faded = coherence(entries) == "worse"
        said = {"worse": "less fluent", "kept": "as fluent", "unknown": "fluency not measured"}
        handles.append(
            Line2D(
                [],
                [],
                linestyle="",
                marker=look[arm].marker,
                markersize=9,
                color=look[arm].colour,
                markerfacecolor="white" if faded else look[arm].colour,
                markeredgewidth=2 if faded else 1,
                label=f"{arm} ({said[coherence(entries)]})",
            )
        )
    canvas.legend(
        handles=handles,
        loc="outside lower left",
        ncols=len(handles),
        frameon=False,
        title="Bars: 95 % intervals. Hollow: answers less fluent to the base, for sure.",
        title_fontsize=9.5,
        alignment="left",
    )
