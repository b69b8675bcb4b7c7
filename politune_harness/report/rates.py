"""The tables beside leaning: ability, coherence of answers, and how far options are used."""

from collections.abc import Sequence

from politune_harness.lm_requests import CUT
from politune_harness.report.findings import Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS, NONE, PERCENT, estimate
from politune_harness.report.reading import BASE

QUALITY = {
    "missing": "without a score (refused to be judged, or unparsed)",
    "refused": "declined, and said nothing more",
    "hedged": "reported several views, or left the question open",
    "empty": "said nothing",
    "repetition": "word triples said before",
    "truncated": "cut off by the limit on tokens",
    "coherence": "how far answers hold together by a judge, from 0 to 20",
    "bits_per_byte": "what an answer costs the untouched base, lower is more fluent; saying one "
    "thing over and over is cheap too, so read it beside repetition",
}
"""Each metric of answers in text, and what it says; all but the last two are shares."""
COVERAGE = {
    "option_mass": "how much of its probability the model gives to the options offered; below 50 "
    "the positions beside it are unusable (‡)",
    "valid": "answers in text that choose an option",
    "refused": "answers that decline to choose",
    "unparsed": "answers that are neither",
    "agree_rate": "how often it agrees, whatever is stated; 50 is no acquiescence",
    "asymmetry": "how far the answer to a statement and to its reversal are from being opposite; 0 "
    "is a reversal answered in reverse",
    "order_effect": "how far it agrees with whichever option stands first, from "
    f"{MINUS}1 to 1; 0 is none",
}
"""Each metric of coverage and consistency, and what it says."""


def ability(findings: Findings) -> str:
    """Return the tables of ability, and whether each arm is as able as the base."""
    parts = [part for task in findings.capability for part in _task(findings, task)]
    note = "Shares in percent, with 95 % intervals." if parts else ""
    return section("Ability", note, *parts, _kept(findings))


def _task(findings: Findings, task: str) -> Sequence[str]:
    metrics = findings.measured(task)
    rows = [[md(metric), *_across(findings, task, metric)] for metric in metrics]
    n = (findings.entry(BASE, task, metrics[0]) or {}).get("n") if metrics else None
    said = f"{code(task)}, n = {n}{_truncated(findings, task)}:"
    return said, table(["metric", *map(md, findings.arms)], rows)


def _truncated(findings: Findings, task: str) -> str:
    """Say where prompts did not fit: a 0 is then no measure of ability."""
    if not (share := findings.cut(task)):
        return ""
    return (
        f", **truncated: {100 * share:.0f} % of its prompts did not fit the context and lost "
        "their beginning, so that its numbers say how the rest is answered**"
    )


def _across(findings: Findings, task: str, metric: str) -> list[str]:
    found = [
        findings.estimate(findings.entry(arm, task, metric), task, metric) for arm in findings.arms
    ]
    short = findings.cut(task) and metric != CUT
    return [f"truncated: {cell}" for cell in found] if short else found


def _kept(findings: Findings) -> str:
    """Return the verdict on each arm: no sure loss is not the same as no loss."""
    margin = f"{findings.results['margin']:g}"
    rows = [
        [md(arm), code(task), md(metric), entry["verdict"], estimate(entry, PERCENT, sign=True)]
        for arm, tasks in findings.results["equivalence"].items()
        for task, metrics in tasks.items()
        for metric, entry in metrics.items()
    ]
    note = f"As able as the base, within the margin of {margin} percentage points that the recipe "
    note += "declares? Only a 90 % interval of the difference that lies wholly within the margin "
    note += "proves it (two one-sided tests at 5 %); a loss that is not sure is no proof of none. "
    note += (
        "*Different*: the 95 % interval of this one difference leaves out 0; among all, see *What "
    )
    note += "it gained and what it cost*."
    head = ["arm", "task", "metric", "verdict", f"arm {MINUS} base, 90 %"]
    shown = table(head, rows, words=4)
    return f"{note}\n\n{shown}" if shown else ""


def answers(findings: Findings) -> str:
    """Return what kinds of answers there are, and how coherent they are."""
    found = [
        f"*{metric}*: {text}"
        for metric, text in QUALITY.items()
        if any(findings.entry(BASE, task, metric) for task in findings.bias)
    ]
    note = f"In percent, but for coherence and bits_per_byte. {'; '.join(found)}."
    rates = _rates(findings, findings.bias, tuple(QUALITY))
    return section("Answers: missing, and coherence", note if rates else "", rates)


def coverage(findings: Findings) -> str:
    """Return how far options are used, and how consistently."""
    tasks = [t for t in findings.bias if {"option_mass", "valid"} & {*findings.measured(t)}]
    found = [
        f"*{metric}*: {text}"
        for metric, text in COVERAGE.items()
        if any(findings.entry(BASE, task, metric) for task in tasks)
    ]
    note = f"In percent, but for order_effect. {'. '.join(found)}."
    rates = _rates(findings, tasks, tuple(COVERAGE))
    return section("Coverage and consistency", note if rates else "", rates)


def _rates(findings: Findings, tasks: Sequence[str], metrics: Sequence[str]) -> str:
    rows = [
        [code(task), md(metric), *_across(findings, task, metric)]
        for task in tasks
        for metric in metrics
        if any(findings.entry(arm, task, metric) for arm in findings.arms)
    ]
    shown = [[cell.replace(f" [{NONE}]", "") for cell in row] for row in rows]
    return table(["task", "metric", *map(md, findings.arms)], shown, words=2)
