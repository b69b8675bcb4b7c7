"""Charts of what checkpoints gained and cost: strength against ability, and against coherence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from politune_harness.report.front_figure import Height, Point, chosen, heights, trainings
from politune_harness.report.numbers import PLAIN, number
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.told import Told


def charts(told: Told) -> Iterator[Chart]:
    """Yield a chart for ability and for coherence, where checkpoints were measured on them."""
    found = told.findings.results.get("trajectories")
    if not found or len(found["points"]) == 1:
        return
    for number_, (title, height) in enumerate(heights(found)):
        yield Chart(
            name=f"front-{number_}",
            title=f"Strength against {title.removeprefix('change in ')}",
            alt=_said(found, title, height),
            data=list(_traces(found, title, height, told.findings.arms)),
            layout=chart.layout(
                chart.axis("strength, %", zeroline=True),
                chart.axis(chart.shown(title), zeroline="ability" in title),
                hovermode="closest",
            ),
            ratio=0.8,
            least=320,
            wide=False,
        )


def _traces(
    found: Mapping[str, Any], title: str, height: Height, arms: Sequence[str]
) -> Iterator[Trace]:
    """Yield a line for each training: filled is on the front, and large what was chosen."""
    named = set[str]()
    for line in trainings(found):
        arm = line[-1]["arm"]
        marker = chart.marker(arm, arms, 9)
        shape = marker["symbol"]
        yield {
            "type": "scatter",
            "mode": "lines+markers",
            "name": arm,
            "legendgroup": arm,
            "showlegend": arm not in named,
            "x": [point["strength"] for point in line],
            "y": [height(point) for point in line],
            "line": {"color": chart.colour(arm), "dash": chart.dash(arm, arms), "width": 1},
            "marker": {
                **marker,
                "symbol": [shape if p["front"] else f"{shape}-open" for p in line],
                "size": [15 if chosen(found, p) else 9 for p in line],
            },
            "hoverinfo": "text",
            "hovertext": [_hover(found, point, title, height) for point in line],
        }
        named.add(arm)


def _hover(found: Mapping[str, Any], point: Point, title: str, height: Height) -> str:
    who = f"{point['arm']}, seed {point['seed']}, step {point['step']}" if point["arm"] else "base"
    what = f"strength {number(point['strength'], PLAIN)} %, {title} {number(height(point), PLAIN)}"
    signs = ["on the front"] * point["front"] + ["chosen"] * chosen(found, point)
    return chart.lines([chart.shown(who), chart.shown(what), *signs])


def _said(found: Mapping[str, Any], title: str, height: Height) -> str:
    best = "; ".join(
        f"{point['arm']} seed {point['seed']} step {point['step']}: strength "
        f"{number(point['strength'], PLAIN)} %, {number(height(point), PLAIN)}"
        for point in found["points"]
        if point["front"]
    )
    return f"Strength of checkpoints against {title}. On the front: {best or 'none'}."
