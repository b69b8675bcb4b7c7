"""Charts of how far judges agree: the correlation of each two, on the answers that both scored."""

from collections.abc import Iterator, Mapping
from typing import Any

from politune_harness.report.numbers import NONE, PLAIN, number
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart
from politune_harness.report.told import Told

LONGEST = 24
"""How many characters of a judge's name stand beside the cells."""


def charts(told: Told) -> Iterator[Chart]:
    """Yield a chart for each task that several judges scored."""
    for place, (task, found) in enumerate(told.findings.results["panel"].items()):
        if "pairs" not in found:
            continue
        pairs = {(each["a"], each["b"]): each for each in found["pairs"]}
        names = list(dict.fromkeys(name for pair in pairs for name in pair))
        cells = [[_pair(pairs, a, b) for b in names] for a in names]
        said = "; ".join(f"{a} and {b} {_number(each)}" for (a, b), each in pairs.items())
        labels = [f"{n}. {_short(name)}" for n, name in enumerate(names, 1)]
        yield Chart(
            name=f"judges-{place}",
            title=f"Agreement of judges ({task}): Pearson correlation",
            alt=f"Pearson correlations of judges on {task}: {said}.",
            data=[
                {
                    "type": "heatmap",
                    "x": [str(n) for n in range(1, len(names) + 1)],
                    "y": labels,
                    "z": [[each and each["pearson"] for each in row] for row in cells],
                    "zmin": -1,
                    "zmax": 1,
                    "colorscale": [[0, "@low"], [0.5, "@middle"], [1, "@high"]],
                    "text": [[_number(each) if each else "" for each in row] for row in cells],
                    "texttemplate": "%{text}",
                    "textfont": {"color": "@ink"},
                    "xgap": 2,
                    "ygap": 2,
                    "hoverinfo": "text",
                    "hovertext": [[_told(each) for each in row] for row in cells],
                    "showscale": False,
                }
            ],
            layout=chart.layout(
                chart.axis("", type="category", showgrid=False, side="top"),
                chart.axis("", type="category", autorange="reversed", showgrid=False),
            ),
            least=160 + 50 * len(names),
            wide=False,
        )


def _pair(pairs: Mapping[tuple[str, str], Any], a: str, b: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = pairs.get((a, b)) or pairs.get((b, a))
    return found


def _short(name: str) -> str:
    return chart.shown(name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…")


def _number(each: Mapping[str, Any] | None) -> str:
    return number(each["pearson"], PLAIN) if each else NONE


def _told(each: Mapping[str, Any] | None) -> str:
    if each is None:
        return ""
    return chart.lines(
        [
            chart.shown(f"{each['a']} and {each['b']}"),
            f"{each['n']} answers, Pearson {number(each['pearson'], PLAIN)}",
            f"mean difference {number(each['difference'], PLAIN, sign=True)}",
            f"mean absolute difference {number(each['mae'], PLAIN)}",
        ]
    )
