"""Charts of the way that arms took while they were trained: where each checkpoint stood.

They are drawn where results.json has `trajectories`: `measures`, and `points` with arm, seed, step,
coherence, and by task and metric a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from politune_harness.report.numbers import POSITION, number
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.told import Told

Point = Mapping[str, Any]
Line = tuple[str, str, list[Point]]
"""An arm, a seed, and its points from the base on."""


def charts(told: Told) -> Iterator[Chart]:
    """Yield a compass for each task with two axes, and how coherent answers were over the steps."""
    found = told.findings.results.get("trajectories")
    if not found:
        return
    arms = told.findings.arms
    lines = list(_lines(found["points"]))
    by_task: dict[str, list[Sequence[Any]]] = {}
    for measure in found["measures"]:
        by_task.setdefault(measure[0], []).append(measure)
    for place, (task, measures) in enumerate(by_task.items()):
        if len(measures) > 1:
            yield _compass(place, task, measures[:2], lines, arms)
    if any(point["coherence"] is not None for point in found["points"]):
        yield _coherence(lines, arms)


def _lines(points: Sequence[Point]) -> Iterator[Line]:
    start = [point for point in points if point["arm"] is None]
    named = dict.fromkeys((p["arm"], p["seed"]) for p in points if p["arm"] is not None)
    for arm, seed in named:
        mine = [p for p in points if (p["arm"], p["seed"]) == (arm, seed)]
        yield arm, seed, [*start, *sorted(mine, key=lambda point: int(point["step"]))]


def _compass(
    place: int, task: str, axes: Sequence[Sequence[Any]], lines: list[Line], arms: Sequence[str]
) -> Chart:
    (_, across, *_), (_, up, *_) = axes
    data = []
    for arm, seed, points in lines:
        xs, ys = (_values(points, task, axis) for axis in (across, up))
        data.append(_line(arm, seed, points, xs, ys, arms, chart.shown(f"{across}, {up}")))
    titles = [chart.ends(low, name, high) for _, name, _, _, low, high in axes]
    last = "; ".join(
        f"{arm} seed {seed} from {_said(points[0], task, axes)} to {_said(points[-1], task, axes)}"
        for arm, seed, points in lines
    )
    return Chart(
        name=f"trajectory-{place}",
        title=f"The way over the steps ({task})",
        alt=f"Positions of checkpoints by {task}, {across} and {up}: {last}.",
        data=_once(data),
        layout=chart.layout(
            chart.axis(titles[0], zeroline=True, constrain="domain"),
            chart.axis(titles[1], zeroline=True, scaleanchor="x", constrain="domain"),
            hovermode="closest",
        ),
        ratio=0.95,
        least=330,
        wide=False,
    )


def _coherence(lines: list[Line], arms: Sequence[str]) -> Chart:
    data = [
        _line(arm, seed, points, [p["step"] for p in points], ys, arms, "coherence")
        for arm, seed, points in lines
        for ys in ([p["coherence"] for p in points],)
    ]
    ends = "; ".join(
        f"{arm} seed {seed} {number(points[-1]['coherence'], POSITION._replace(places=2))}"
        for arm, seed, points in lines
    )
    return Chart(
        name="trajectory-coherence",
        title="Coherence over the steps",
        alt=f"Coherence of answers at the last checkpoint: {ends}.",
        data=_once(data),
        layout=chart.layout(chart.axis("step"), chart.axis("coherence"), hovermode="closest"),
        ratio=0.8,
        least=300,
        wide=False,
    )


def _line(
    arm: str,
    seed: str,
    points: Sequence[Point],
    xs: Sequence[float | None],
    ys: Sequence[float | None],
    arms: Sequence[str],
    what: str,
) -> Trace:
    """Return one training's line; `what` says what the numbers beside the pointer are."""
    unit = POSITION._replace(places=2)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": arm,
        "legendgroup": arm,
        "x": list(xs),
        "y": list(ys),
        "marker": chart.marker(arm, arms, 7),
        "line": {"color": chart.colour(arm), "dash": chart.dash(arm, arms), "width": 1.5},
        "hoverinfo": "text",
        "hovertext": [
            f"{arm}, seed {seed}, step {p['step']}: {what} {number(x, unit)}, {number(y, unit)}"
            for p, x, y in zip(points, xs, ys, strict=True)
        ],
    }


def _once(data: Sequence[Trace]) -> list[Trace]:
    """Return lines of which each arm's first alone stands in the legend."""
    names = [trace["name"] for trace in data]
    return [{**t, "showlegend": names.index(t["name"]) == n} for n, t in enumerate(data)]


def _values(points: Sequence[Point], task: str, metric: str) -> list[float | None]:
    return [p["tasks"].get(task, {}).get(metric, {}).get("value") for p in points]


def _said(point: Point, task: str, axes: Sequence[Sequence[Any]]) -> str:
    return " and ".join(number(_values([point], task, each[1])[0], POSITION) for each in axes)
