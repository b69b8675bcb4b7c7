"""Heat maps of the arms' shifts on each topic; every cell says its number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key
from politune_harness.report.numbers import MINUS, NONE, number
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart
from politune_harness.report.told import Told


def charts(told: Told) -> Iterator[Chart]:
    """Yield a heat map for each measure."""
    findings = told.findings
    measures: dict[Key, list[Mapping[str, Any]]] = {}
    for each in findings.results["topics"]:
        measures.setdefault((each["task"], each["metric"]), []).append(each)
    for number_, (key, rows) in enumerate(measures.items()):
        yield _chart(findings, key, rows, number_)


def _chart(findings: Findings, key: Key, rows: Sequence[Mapping[str, Any]], place: int) -> Chart:
    task, metric = key
    arms, scale, unit = findings.tuned, findings.scales[key], findings.unit(*key)
    values = [[row["arms"].get(arm) for arm in arms] for row in rows]
    far = max((abs(v) for row in values for v in row if v is not None), default=1) or 1
    texts = [[number(v, unit, sign=True) for v in row] for row in values]
    names = [f"{chart.shown(row['topic'])} ({row['n']})" for row in rows]
    said = "; ".join(
        f"{row['topic']} " + ", ".join(f"{a} {t}" for a, t in zip(arms, each, strict=True))
        for row, each in zip(rows, texts, strict=True)
    )
    hover = [
        [
            chart.shown(f"{arm}, {row['topic']}: {text} from the base, {row['n']} items")
            for arm, text in zip(arms, each, strict=True)
        ]
        for row, each in zip(rows, texts, strict=True)
    ]
    return Chart(
        name=f"topics-{place}",
        title=f"{metric}, by {task}: {MINUS} is more {scale.low_name}, + more {scale.high_name}",
        alt=f"Shift on {metric} by {task} from the base, by topic: {said}.",
        data=[
            {
                "type": "heatmap",
                "x": [chart.shown(arm) for arm in arms],
                "y": names,
                "z": values,
                "zmin": -far,
                "zmax": far,
                "colorscale": [[0, "@low"], [0.5, "@middle"], [1, "@high"]],
                "text": [[t if t != NONE else "" for t in each] for each in texts],
                "texttemplate": "%{text}",
                "textfont": {"color": "@ink"},
                "hoverinfo": "text",
                "hovertext": hover,
                "xgap": 2,
                "ygap": 2,
                "showscale": False,
            }
        ],
        layout=chart.layout(
            chart.axis("", type="category", side="top", showgrid=False),
            chart.axis("", type="category", autorange="reversed", showgrid=False),
        ),
        ratio=0,
        least=70 + 26 * len(rows),
        wide=False,
    )
