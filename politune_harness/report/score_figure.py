"""What judges say of the arms' answers: each question, the mean, and its interval."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from politune_harness.report.escape import drawable
from politune_harness.report.style import INK, PALE, figure, footing, heading, looks
from politune_harness.report.summary import LEANING, Cell, Key


def draw(
    results: Mapping[str, Any],
    cells: Mapping[str, Mapping[Key, Cell]],
    task: str,
    marks: Sequence[str],
    to: Path,
) -> None:
    """Draw one line an arm: a faint dot a question, a point with its interval for the mean."""
    scale = LEANING["score"]
    middle = (scale.low + scale.high) / 2
    entries = {arm: each["tasks"][task]["score"] for arm, each in results["arms"].items()}
    look = looks(list(entries))
    judge = ", ".join(sorted({e["judge"] for e in entries.values() if e["judge"]})) or "nobody"
    insensitive = f"{task} score" in results["insensitive"]
    with figure(9.5, 1.9 + 0.72 * len(entries), to, "gpt_score.png") as canvas:
        heading(canvas, "How open answers are judged", marks)
        axes = canvas.subplots()
        axes.set(xlim=(scale.low, scale.high), ylim=(len(entries) - 0.4, -0.6))
        axes.axvline(middle, color=INK, linewidth=1.1, linestyle=(0, (5, 4)), zorder=1)
        for row, (arm, entry) in enumerate(entries.items()):
            matrix = cells[arm][task, "score"].matrix
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
        dagger = " †" if insensitive else ""
        axes.set_xlabel(
            f"← {scale.low_name}     score{dagger}, {middle:g} is neutral     {scale.high_name} →"
        )
        text = f"{task}, judged by {drawable(judge)}. Bars: 95 % intervals. Dots: questions."
        if insensitive:
            text += "  † Not moved by system prompts in this model."
        footing(canvas, text)
