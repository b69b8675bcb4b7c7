"""How training went: the loss of each arm and seed over the steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from politune_harness.report.style import FAINT, PALE, figure, heading, legend, looks
from politune_harness.report.training import CURVES


def draw(
    losses: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]],
    arms: Sequence[str],
    marks: Sequence[str],
    to: Path,
) -> None:
    """Draw a panel for each logged figure, a line an arm and seed."""
    logs = [(arm, log) for arm, seeds in losses.items() for log in seeds.values() if log]
    panels = [name for name in CURVES if any(name in log[0] for _, log in logs)]
    if not panels:
        return
    look = looks(arms)
    with figure(4.1 * len(panels) + 0.4, 3.9, to, "training.png", "training.svg") as canvas:
        heading(canvas, "How training went", marks)
        grid = canvas.subplots(1, len(panels), squeeze=False)[0]
        for axes, name in zip(grid, panels, strict=True):
            for arm, log in logs:
                steps = [line["step"] for line in log if name in line]
                values = [line[name] for line in log if name in line]
                axes.plot(steps, values, color=look[arm].colour, linewidth=1.4, alpha=0.85)
                if steps:
                    axes.plot(
                        steps[-1], values[-1], look[arm].marker, color=look[arm].colour, label=arm
                    )
            axes.set_title(CURVES[name], fontsize=10.5)
            axes.set_xlabel("step")
            axes.grid(color=PALE, linewidth=0.8)
            axes.tick_params(length=0)
            axes.spines["left"].set_color(FAINT)
        legend(canvas, grid)
