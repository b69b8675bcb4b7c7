"""What judges say of the arms' answers: each question, the mean, and its interval."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from politune_harness.report.escape import drawable
from politune_harness.report.findings import INSENSITIVE, Findings
from politune_harness.report.instruments import SCORE
from politune_harness.report.matrices import Cells
from politune_harness.report.style import INK, PALE, figure, footing, heading, looks


def draw(findings: Findings, cells: Cells, marks: Sequence[str], to: Path) -> None:
    """Draw one line an arm: a faint dot a question, a point with its interval for the mean."""
    if not findings.judged:
        return
    task = findings.judged[0]
    scale = findings.scales[task, SCORE]
    middle = (scale.low + scale.high) / 2
    found = {arm: findings.entry(arm, task, SCORE) for arm in findings.arms}
    entries = {arm: entry for arm, entry in found.items() if entry}
    look = looks(list(entries))
    judge = ", ".join(sorted({e["judge"] for e in entries.values() if e["judge"]})) or "nobody"
    mark = findings.mark(task, SCORE)
    with figure(9.5, 1.9 + 0.72 * len(entries), to, "gpt_score.png", "gpt_score.svg") as canvas:
        heading(canvas, "How open answers are judged", marks)
        axes = canvas.subplots()
        axes.set(xlim=(scale.low, scale.high), ylim=(len(entries) - 0.4, -0.6))
        axes.axvline(middle, color=INK, linewidth=1.1, linestyle=(0, (5, 4)), zorder=1)
        for row, (arm, entry) in enumerate(entries.items()):
            matrix = cells[arm][task, SCORE].matrix
            questions = np.nanmean(matrix[~np.isnan(matrix).all(axis=1)], axis=1)
            offsets = 0.22 * np.sin(np.arange(len(questions)) * 2.399)
            axes.plot(
                questions,
                row + offsets,
                "o",
                color=look[arm].colour,
                alpha=0.28,
                markersize=4,
                markeredgewidth=0,
                zorder=2,
            )
            if entry["low"] is None:
                continue
            axes.plot(
                (entry["low"], entry["high"]),
                (row, row),
                color=look[arm].colour,
                linewidth=5,
                solid_capstyle="butt",
                zorder=3,
            )
            axes.plot(
                entry["value"],
                row,
                look[arm].marker,
                color=look[arm].colour,
                markersize=11,
                markeredgecolor="white",
                markeredgewidth=1.4,
                zorder=4,
            )
            axes.text(
                1.01,
                row,
                f"{entry['value']:.1f}  [{entry['low']:.1f}, {entry['high']:.1f}]",
                transform=axes.get_yaxis_transform(),
                va="center",
                color=INK,
            )
        axes.set_yticks(range(len(entries)), list(entries), color=INK, fontsize=11)
        axes.set_xticks(np.linspace(scale.low, scale.high, 5))
        axes.tick_params(length=0)
        axes.grid(axis="x", color=PALE, linewidth=0.8)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(
            f"← {scale.low_name}     score{mark}, {middle:g} is neutral     {scale.high_name} →"
        )
        text = f"{task}, judged by {drawable(judge)}. Bars: 95 % intervals. Dots: questions."
        if mark:
            text += f"  {INSENSITIVE} Not moved by system prompts in this model."
        footing(canvas, text)
