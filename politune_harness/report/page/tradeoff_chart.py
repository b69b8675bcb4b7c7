"""Charts of what moving cost: shift in leaning against change in ability, from the base."""

from collections.abc import Iterator

from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key
from politune_harness.report.page import chart
from politune_harness.report.page.chart import Chart, Trace
from politune_harness.report.reading import BASE
from politune_harness.report.told import Told


def charts(told: Told) -> Iterator[Chart]:
    """Yield a chart for each headline measure of leaning and task of ability."""
    findings = told.findings
    for number, ability in enumerate(findings.abilities):
        for place, leaning in enumerate(findings.headline):
            data = list(_traces(findings, leaning, ability))
            if not data:
                continue
            scale, mark = findings.scales[leaning], findings.mark(*leaning)
            x = chart.ends(scale.low_name, f"{leaning[1]}{mark}", scale.high_name)
            yield Chart(
                name=f"tradeoff-{number}-{place}",
                title=f"{ability[0]} against {leaning[1]} ({leaning[0]})",
                alt=_said(findings, leaning, ability),
                data=data,
                layout=chart.layout(
                    chart.axis(x, zeroline=True),
                    chart.axis(f"change in {chart.shown(ability[1])}, points", zeroline=True),
                    hovermode="closest",
                ),
                ratio=0.8,
                least=300,
                wide=False,
            )


def _traces(findings: Findings, leaning: Key, ability: Key) -> Iterator[Trace]:
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": BASE,
        "x": [0],
        "y": [0],
        "marker": chart.marker(BASE, findings.arms),
        "hoverinfo": "text",
        "hovertext": [BASE],
    }
    for arm in findings.tuned:
        entries = findings.between(arm, BASE)
        x, y = entries.get(leaning), entries.get(ability)
        if x is None or y is None or not (chart.interval(x) and chart.interval(y)):
            continue
        told = f"{leaning[1]} {findings.estimate(x, *leaning, sign=True)}"
        cost = f"{ability[1]} {findings.estimate(y, *ability, sign=True)} points"
        yield {
            "type": "scatter",
            "mode": "markers",
            "name": arm,
            "x": [x["value"]],
            "y": [100 * y["value"]],
            "error_x": chart.reach(x) | {"color": chart.colour(arm)},
            "error_y": chart.reach(y, 100) | {"color": chart.colour(arm)},
            "marker": chart.marker(arm, findings.arms, 13),
            "hoverinfo": "text",
            "hovertext": [chart.lines([f"<b>{arm}</b>", chart.shown(told), chart.shown(cost)])],
        }


def _said(findings: Findings, leaning: Key, ability: Key) -> str:
    said = []
    for arm in findings.tuned:
        entries = findings.between(arm, BASE)
        moved = findings.estimate(entries.get(leaning), *leaning, sign=True)
        cost = findings.estimate(entries.get(ability), *ability, sign=True)
        said.append(f"{arm} moved {moved}, ability changed by {cost} points")
    return f"From the base, {leaning[1]} against {ability[0]}: {'; '.join(said)}."
