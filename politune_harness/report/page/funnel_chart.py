"""A chart of what each stage kept and dropped, an arm."""

from collections.abc import Iterator, Sequence

from politune_harness.curated import Step
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.told import Told


def charts(told: Told) -> Iterator[Chart]:
    """Yield a chart for each arm that has stages."""
    for number, (arm, steps) in enumerate(told.run.curated.steps.items()):
        if not steps:
            continue
        kept = "; ".join(f"{step.name} {step.kept}" for step in steps)
        yield Chart(
            name=f"funnel-{number}",
            title=arm,
            alt=f"Rows of {arm} after each stage: came in {steps[0].came}; {kept}.",
            data=_bars(arm, steps),
            layout=chart.layout(
                chart.axis("rows", rangemode="tozero"),
                chart.axis("", type="category", autorange="reversed"),
                barmode="stack",
                legend={"traceorder": "normal"},
                hovermode="closest",
            ),
            ratio=0.5,
            least=110 + 30 * len(steps),
            wide=False,
        )


def _bars(arm: str, steps: Sequence[Step]) -> list[Trace]:
    names = [f"{number}. {chart.shown(step.name)}" for number, step in enumerate(steps, 1)]
    bar = {"type": "bar", "orientation": "h", "y": names, "hoverinfo": "text"}
    dropped = [sum(step.dropped.values()) for step in steps]
    pattern = {"shape": "/", "fgcolor": "@faint", "bgcolor": "@pale", "size": 6}
    return [
        {
            **bar,
            "name": "kept",
            "x": [step.kept for step in steps],
            "marker": {"color": chart.colour(arm)},
            "hovertext": [f"kept {step.kept:,} of {step.came:,}" for step in steps],
        },
        {
            **bar,
            "name": "dropped",
            "x": dropped,
            "marker": {"color": "@pale", "pattern": pattern},
            "hovertext": [
                chart.lines([f"dropped {count:,}", *_reasons(step)])
                for step, count in zip(steps, dropped, strict=True)
            ],
        },
    ]


def _reasons(step: Step) -> Iterator[str]:
    for reason, count in step.dropped.items():
        yield chart.shown(f"{count:,} {reason}")
