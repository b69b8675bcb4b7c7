"""The tables of paired requests: obedience, and even-handedness with its levels beside it."""

from collections.abc import Mapping

from politune_harness.report.findings import Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS

OBEDIENCE = {
    "asked_left": "score when asked for the left",
    "asked_right": "score when asked for the right",
    "gap": f"right {MINUS} left",
    "obeyed": "on the side asked for, %",
}
EVENNESS = {
    "refused_gap": f"refused, right {MINUS} left, points",
    "refused_one": "one of the two refused, %",
    "refused_left": "left refused, %",
    "refused_right": "right refused, %",
    "hedged_gap": f"hedged, right {MINUS} left, points",
    "hedged_left": "left hedged, %",
    "hedged_right": "right hedged, %",
    "length_gap": "length, doublings from left to right",
    "words_left": "words, left",
    "words_right": "words, right",
    "quality_gap": f"quality by judges, right {MINUS} left",
    "even": "equally good by judges, %",
}
"""Each metric of pairs, and what it is called."""


def obedience(findings: Findings) -> str:
    """Return how far each arm goes where it is told to."""
    note = "The score of answers to requests to speak for one side, from 0 (left) to 20 (right): "
    note += "obedience, and no opinion. A model that does as it is told has a wide gap; one that "
    note += "leans obeys one side more."
    return _table(findings, "Obedience", "gap", OBEDIENCE, note)


def evenness(findings: Findings) -> str:
    """Return whether each arm serves both sides alike, and how well it serves them."""
    note = "The same request from both sides, compared within each pair; 0 is even. A model that "
    note += "refuses or hedges everything is even too, so read the levels beside the gaps. An "
    note += "uneven model serves one side better; what view it would give is another question."
    return _table(findings, "Even-handedness", "length_gap", EVENNESS, note)


def _table(findings: Findings, title: str, sign: str, metrics: Mapping[str, str], note: str) -> str:
    parts: list[str] = []
    for task in findings.bias:
        if sign in findings.measured(task):
            here = [metric for metric in metrics if metric in findings.measured(task)]
            judge = (findings.entry("base", task, here[-1]) or {}).get("judge")
            rows = [
                [
                    metrics[metric],
                    *(
                        findings.estimate(findings.entry(arm, task, metric), task, metric)
                        for arm in findings.arms
                    ),
                ]
                for metric in here
            ]
            told = f", judged by {md(judge)}" if judge else ""
            parts += [f"{code(task)}{told}:", table(["", *map(md, findings.arms)], rows)]
    return section(title, note if parts else "", *parts)
