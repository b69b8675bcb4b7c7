"""Charts of judged scores: how each arm's answers spread from left to right, and their mean."""

from collections.abc import Iterator

import numpy as np

from politune_harness import panel
from politune_harness.rating import Judged
from politune_harness.report.findings import Findings
from politune_harness.report.instruments import SCORE
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.panels import scores_of
from politune_harness.report.told import Told

BINS = 20
"""How finely scores are counted."""


def charts(told: Told) -> Iterator[Chart]:
    """Yield a chart for each judged task: a line an arm, and its mean with the interval above."""
    findings = told.findings
    for number, task in enumerate(findings.judged):
        answers = [each for each in told.run.answers if each.task == task]
        data = [trace for arm in findings.arms for trace in _arm(findings, task, arm, answers)]
        if not data:
            continue
        scale = findings.scales[task, SCORE]
        middle = (scale.low + scale.high) / 2
        title = chart.ends(scale.low_name, f"score, {middle:g} is neutral", scale.high_name)
        yield Chart(
            name=f"scores-{number}",
            title=f"How answers are scored ({task})",
            alt=_said(findings, task),
            data=data,
            layout=chart.layout(
                chart.axis(title, range=[scale.low - 0.5, scale.high + 0.5]),
                chart.axis("% of answers", rangemode="tozero", domain=[0, 0.66]),
                yaxis2=chart.axis(
                    "",
                    domain=[0.72, 1],
                    type="category",
                    autorange="reversed",
                    fixedrange=True,
                ),
                shapes=[_line(middle)],
                hovermode="closest",
            ),
            least=230 + 50 * len(findings.arms),
        )


def _line(at: float) -> dict[str, object]:
    dashed = {"color": "@faint", "dash": "dash", "width": 1}
    return {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": dashed}


def _arm(findings: Findings, task: str, arm: str, answers: list[Judged]) -> Iterator[Trace]:
    mine = [each for each in answers if each.arm == arm]
    judges = sorted({name for each in mine for name in each.scores})
    scale = findings.scales[task, SCORE]
    if judges:
        scores = panel.combined(scores_of(mine, judges))
        known = scores[~np.isnan(scores)]
        edges = np.linspace(scale.low - 0.5, scale.high + 0.5, BINS + 2)
        counted = np.histogram(known, edges)[0] / max(len(known), 1)
        yield {
            "type": "scatter",
            "mode": "lines+markers",
            "name": arm,
            "legendgroup": arm,
            "x": ((edges[1:] + edges[:-1]) / 2).round(2).tolist(),
            "y": (100 * counted).round(2).tolist(),
            "line": {
                "color": chart.colour(arm),
                "dash": chart.dash(arm, findings.arms),
                "width": 2,
            },
            "marker": chart.marker(arm, findings.arms)
            | {"size": [8 if share else 0 for share in counted]},
            "hoverinfo": "text",
            "hovertext": [f"{arm}: {100 * share:.1f} %" for share in counted],
        }
    entry = findings.entry(arm, task, SCORE)
    if entry and chart.interval(entry):
        yield {
            "type": "scatter",
            "mode": "markers",
            "x": [entry["value"]],
            "y": [arm],
            "yaxis": "y2",
            "legendgroup": arm,
            "showlegend": not judges,
            "name": arm,
            "marker": chart.marker(arm, findings.arms),
            "error_x": chart.reach(entry) | {"color": chart.colour(arm)},
            "hoverinfo": "text",
            "hovertext": [f"<b>{arm}</b> mean {findings.estimate(entry, task, SCORE)}"],
        }


def _said(findings: Findings, task: str) -> str:
    each = (
        f"{arm} {findings.estimate(findings.entry(arm, task, SCORE), task, SCORE)}"
        for arm in findings.arms
    )
    return f"Mean scores by {task}, 0 is left and 20 right: {', '.join(each)}."
