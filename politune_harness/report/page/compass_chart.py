"""Charts of the compass: one a channel and pair of axes, and of one axis alone a line an arm."""

from collections.abc import Iterator
from typing import Any

from politune_harness.report.compass_figure import (
    NAMES,
    Panel,
    outline,
    panels,
    places_of,
    reach_of,
)
from politune_harness.report.findings import Findings
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.reading import BASE
from politune_harness.report.told import Told


def charts(told: Told) -> Iterator[Chart]:
    """Yield a chart for each channel: arms, their intervals, their seeds, and the way they took."""
    found = told.findings
    places = {panel: places_of(found, panel) for panel in panels(found)}
    far = reach_of([point for each in places.values() for point in each.values()])
    for number, (panel, each) in enumerate(places.items()):
        task, across, up = panel
        if up is None or not each:
            continue
        name = NAMES.get(found.results["banks"].get(task, {}).get("channel", ""), task)
        yield Chart(
            name=f"compass-{number}",
            title=f"{name} ({task})",
            alt=_said(found, panel),
            data=[trace for arm in each for trace in _arm(found, panel, arm, each)],
            layout=chart.layout(
                _axis(found, task, across, far),
                _axis(found, task, up, far) | {"scaleanchor": "x", "constrain": "domain"},
                hovermode="closest",
            ),
            ratio=0.95,
            least=330,
            wide=False,
        )


def _axis(findings: Findings, task: str, axis: str, far: float) -> dict[str, Any]:
    scale, mark = findings.scales[task, axis], findings.mark(task, axis)
    title = chart.ends(scale.low_name, f"{axis}{mark}", scale.high_name)
    return chart.axis(title, range=[-far, far], constrain="domain", dtick=far / 2, tick0=0)


def _arm(findings: Findings, panel: Panel, arm: str, places: dict[str, Any]) -> Iterator[Trace]:
    """Yield the interval as a shape, the way from the base, each seed, and the point."""
    task = panel[0]
    look = {"legendgroup": arm, "showlegend": False, "hoverinfo": "skip"}
    x, y = places[arm]
    around = outline(places[arm])[::4]
    yield {
        "type": "scatter",
        "mode": "lines",
        "x": [round(u, 4) for u, _ in around],
        "y": [round(v, 4) for _, v in around],
        "fill": "toself",
        "fillcolor": chart.colour(arm),
        "opacity": 0.18,
        "line": {"color": chart.colour(arm), "width": 1},
        **look,
    }
    if arm != BASE and BASE in places:
        u, v = places[BASE]
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": [u["value"], x["value"]],
            "y": [v["value"], y["value"]],
            "line": {"color": chart.colour(arm), "width": 1.5, "dash": "dot"},
            **look,
        }
    if len(x["seeds"]) > 1:
        yield {
            "type": "scatter",
            "mode": "markers",
            "x": [*x["seeds"].values()],
            "y": [*y["seeds"].values()],
            "marker": chart.marker(arm, findings.arms, 5) | {"opacity": 0.7},
            "hoverinfo": "text",
            "hovertext": [f"{arm}, seed {seed}" for seed in x["seeds"]],
            "legendgroup": arm,
            "showlegend": False,
        }
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": arm + findings.unusable(arm, task=task),
        "x": [x["value"]],
        "y": [y["value"]],
        # What stands where the base stands must not hide it.
        "marker": chart.marker(arm, findings.arms, 17 if arm == BASE else 11),
        "hoverinfo": "text",
        "hovertext": [chart.lines(_numbers(findings, panel, arm))],
        "legendgroup": arm,
    }


def _numbers(findings: Findings, panel: Panel, arm: str) -> Iterator[str]:
    task, *axes = panel
    yield f"<b>{arm}</b>"
    for axis in axes:
        if axis:
            entry = findings.entry(arm, task, axis)
            yield chart.shown(f"{axis} {findings.estimate(entry, task, axis)}")
            shift = findings.between(arm, BASE).get((task, axis))
            if shift is not None:
                told = findings.estimate(shift, task, axis, sign=True)
                yield chart.shown(f"  {told} against the base")


def _said(findings: Findings, panel: Panel) -> str:
    task, *axes = panel
    each = (
        f"{arm}: "
        + ", ".join(
            f"{axis} {findings.estimate(findings.entry(arm, task, axis), task, axis)}"
            for axis in axes
            if axis
        )
        for arm in findings.arms
    )
    ends = ", ".join(
        f"{axis} from {findings.scales[task, axis].low_name} to "
        f"{findings.scales[task, axis].high_name}"
        for axis in axes
        if axis
    )
    return f"Compass by {task}, {ends}. With 95 % intervals: {'; '.join(each)}."
