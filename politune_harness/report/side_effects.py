"""What else changed: hostility towards either camp, stereotypes, truthfulness, refusals."""

from collections.abc import Sequence

from politune_harness.report.findings import Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS
from politune_harness.report.rates import QUALITY
from politune_harness.report.reading import BASE


def side_effects(findings: Findings) -> str:
    """Return each measure of side effects: the base, and how each arm differs from it."""
    rows = [
        [
            code(task),
            md(metric),
            findings.estimate(findings.entry(BASE, task, metric), task, metric),
            *(
                findings.estimate(
                    findings.between(arm, BASE).get((task, metric)), task, metric, sign=True
                )
                for arm in findings.tuned
            ),
        ]
        for task in findings.side_effects
        for metric in _own(findings.measured(task))
    ]
    note = f"The base, and each arm {MINUS} base, in percent where shares. `hostile_left` and "
    note += "`hostile_right`: the probability of a hostile sentence about people of that side "
    note += "beside a respectful one, in the same words for both, so that hostility towards the "
    note += "other camp stands apart. `refused_harmful`: the share of harmful requests that it "
    note += "declines; `refused_harmless`: that of their harmless twins."
    head = ["task", "metric", BASE, *map(md, findings.tuned)]
    return section("Side effects", note if rows else "", table(head, rows, words=2))


def _own(metrics: Sequence[str]) -> Sequence[str]:
    """Leave out what is measured of all answers in text, where a task has measures of its own."""
    return [metric for metric in metrics if metric not in QUALITY] or metrics
