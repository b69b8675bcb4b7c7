"""A chart of whether the channels agree: each one's shift, in shares of its persona range."""

from collections.abc import Iterator

from politune_harness.report.findings import Findings
from politune_harness.report.numbers import WHOLE_PERCENT, estimate
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.told import Told


def charts(told: Told) -> Iterator[Chart]:
    """Yield one chart: a row for each channel and axis, a point for each arm."""
    findings = told.findings
    shares = [each for each in findings.results["shares"] if chart.interval(each)]
    if not shares:
        return
    rows = list(dict.fromkeys(_row(each["task"], each["metric"]) for each in shares))
    yield Chart(
        name="channels",
        title="Shift from the base, in percent of what personas can do on each channel",
        alt=_said(findings),
        data=[_arm(findings, arm) for arm in findings.tuned],
        layout=chart.layout(
            chart.axis("% of the persona range", zeroline=True),
            chart.axis("", type="category", autorange="reversed", categoryarray=rows),
            hovermode="closest",
            scattermode="group",
        ),
        ratio=0.1 + 0.06 * len(rows),
        least=120 + 55 * len(rows),
    )


def _row(task: str, metric: str) -> str:
    return f"{chart.shown(metric)}<br>{chart.shown(task.removeprefix('politune_'))}"


def _arm(findings: Findings, arm: str) -> Trace:
    mine = [e for e in findings.results["shares"] if e["arm"] == arm and chart.interval(e)]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": arm,
        "x": [100 * each["value"] for each in mine],
        "y": [_row(each["task"], each["metric"]) for each in mine],
        "marker": chart.marker(arm, findings.arms),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (each["high"] - each["value"]) for each in mine],
            "arrayminus": [100 * (each["value"] - each["low"]) for each in mine],
            "color": chart.colour(arm),
            "thickness": 2,
            "width": 4,
        },
        "hoverinfo": "text",
        "hovertext": [
            chart.shown(
                f"{arm}, {each['metric']} by {each['task']}: "
                f"{estimate(each, WHOLE_PERCENT, sign=True)} %"
            )
            for each in mine
        ],
    }


def _said(findings: Findings) -> str:
    each = (
        f"{e['arm']}, {e['metric']} by {e['task']} {estimate(e, WHOLE_PERCENT, sign=True)}"
        for e in findings.results["shares"]
    )
    return f"Shifts from the base in percent of the persona range: {'; '.join(each)}."
