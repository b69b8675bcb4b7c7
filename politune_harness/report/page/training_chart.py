"""Charts of how training went: what the trainer logged, a line an arm and seed."""

from collections.abc import Iterator, Mapping, Sequence

from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.told import Told
from politune_harness.report.training import CURVES

MOST_POINTS = 400
"""How many steps of one line are drawn; of more, evenly spaced ones."""


def charts(told: Told) -> Iterator[Chart]:
    """Yield a chart for each logged figure."""
    logs = [(a, s, log) for a, each in told.run.losses.items() for s, log in each.items() if log]
    for name, title in CURVES.items():
        having = [(arm, seed, log) for arm, seed, log in logs if any(name in row for row in log)]
        if not having:
            continue
        ends = "; ".join(f"{arm} seed {seed} {_last(log, name):.3g}" for arm, seed, log in having)
        yield Chart(
            name=f"training-{name}",
            title=title.capitalize(),
            alt=f"The {title} over training steps; at the end {ends}.",
            data=list(_lines(having, name, told.findings.arms)),
            layout=chart.layout(chart.axis("step"), chart.axis(""), hovermode="closest"),
            ratio=0.7,
            wide=False,
        )


def _last(log: Sequence[Mapping[str, float]], name: str) -> float:
    return next(row[name] for row in reversed(log) if name in row)


def _lines(
    logs: Sequence[tuple[str, str, Sequence[Mapping[str, float]]]], name: str, arms: Sequence[str]
) -> Iterator[Trace]:
    seen: set[str] = set()
    for arm, seed, log in logs:
        rows = [row for row in log if name in row]
        rows = rows[:: -(-len(rows) // MOST_POINTS)]
        yield {
            "type": "scatter",
            "mode": "lines",
            "name": arm,
            "legendgroup": arm,
            "showlegend": arm not in seen,
            "x": [row["step"] for row in rows],
            "y": [float(f"{row[name]:.5g}") for row in rows],
            "line": {"color": chart.colour(arm), "dash": chart.dash(arm, arms), "width": 1.5},
            "hoverinfo": "text",
            "hovertext": [
                f"{arm}, seed {seed}, step {row['step']:g}: {row[name]:.3g}" for row in rows
            ],
        }
        seen.add(arm)
