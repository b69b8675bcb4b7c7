"""The trade-off in report.md: a sentence an arm, and the tables behind it."""

from collections.abc import Mapping
from typing import Any

from politune_harness.report.claims import is_sure
from politune_harness.report.findings import Entry, Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import (
    MINUS,
    PERCENT,
    PLAIN,
    Unit,
    estimate,
    number,
    p_of,
    sure,
)
from politune_harness.report.reading import BASE
from politune_harness.report.tradeoff import ways
from politune_harness.report.tradeoff_figure import coherence

HUNDREDTHS = Unit(1)
FLUENT = {
    "worse": "less fluent",
    "kept": "no less fluent for sure",
    "unknown": "of unknown fluency",
}


def tradeoff(findings: Findings) -> str:
    """Return the section: what each arm gained, what it cost, and how sure that is."""
    told = "\n".join(f"- {sentence(findings, arm)}" for arm in findings.tuned)
    note = (
        "*Strength*: how far an arm moved, in percent of the way from the centre of a measure to "
    )
    note += "its end; towards its own end where its name is one, such as left, else either way. "
    note += f"*Cost*: points of ability lost against the {BASE}, the mean over the tasks. *Front*: "
    note += "no other seed of the arm, nor the base, moved as far for less."
    tests = (
        f"Each arm {MINUS} base, and {MINUS} control, on the same items. Intervals by a bootstrap "
    )
    tests += (
        "of items and seeds; McNemar's test where both are one model, else a t-test over items "
    )
    tests += "and seeds; *Holm*: corrected for all rows of this table. *Equivalent*: surely within "
    tests += f"{findings.results['margin']:g} points (two one-sided tests); "
    tests += "*different*: sure once all rows count, and not surely within the margin."
    shown, compared = _points(findings), _comparisons(findings)
    return section(
        "What it gained and what it cost",
        told if compared else "",
        f"{note}\n\n{shown}" if shown else "",
        f"{tests}\n\n{compared}" if compared else "",
    )


def sentence(findings: Findings, arm: str) -> str:
    """Say what an arm gained, what it cost, and how sure we are."""
    whole = next(
        p for p in findings.results["tradeoff"]["points"] if (p["arm"], p["seed"]) == (arm, "")
    )
    rows = [
        row
        for row in findings.results["tradeoff"]["comparisons"]
        if (row["arm"], row["against"]) == (arm, BASE)
    ]
    gained = [
        row for row in findings.results["headline"] if (row["arm"], row["against"]) == (arm, BASE)
    ]
    meant = ways([arm], {key: findings.scales[key] for key in findings.headline})
    moved = [row for row in gained if is_sure(row) and (row["task"], row["metric"]) in meant]
    places = ", ".join(
        f"{md(row['metric'])} {findings.estimate(row, row['task'], row['metric'], sign=True)}"
        for row in moved
    )
    strength = number(whole["strength"], Unit(0))
    gain = (
        f"moved {strength} % of the way to the ends ({places})"
        if moved
        else "moved for sure on none of its measures"
    )
    costs = "; ".join(_cost(row) for row in rows) or "its ability was not measured"
    fluent = FLUENT[coherence(findings.fluency(arm))]
    claim = findings.results["claims"][arm]
    seeds = f"{claim['seeds']} seed{'s' if claim['seeds'] != 1 else ''}"
    return f"**{md(arm)}** {gain}; {costs}; its answers are {fluent}. {seeds}: {claim['claim']}."


def _cost(row: Entry) -> str:
    """Say what an arm lost on one task."""
    points = estimate(row, PERCENT, sign=True)
    said = f"{points} points on {code(row['task'])}, p {p_of(row['p_holm'])}"
    if row["equivalence"]["verdict"] == "equivalent":
        return f"as able within the margin ({said})"
    way = "lost" if row["value"] < 0 else "won"
    if is_sure(row):
        return f"{way} ability ({said})"
    if sure(row, PERCENT):
        return f"{way} ability by its own interval, unsure once all comparisons count ({said})"
    return f"neither a loss nor its absence is sure ({said})"


def _points(findings: Findings) -> str:
    rows = [
        [
            md(each["arm"]),
            md(each["seed"] or "all"),
            number(each["strength"], HUNDREDTHS, sign=True),
            number(each["cost"] and -each["cost"], HUNDREDTHS, sign=True),
            number(each["coherence"], PLAIN, sign=True),
            "yes" if each["front"] else "",
        ]
        for each in findings.results["tradeoff"]["points"]
    ]
    head = ["arm", "seed", "strength, %", "ability, points", "bits a byte", "front"]
    return table(head, rows, words=2)


def _comparisons(findings: Findings) -> str:
    rows = [
        [
            md(row["arm"]),
            md(row["against"]),
            code(row["task"]),
            estimate(row, PERCENT, sign=True),
            f"{row['test']}{_only(row)}",
            p_of(row["p"]),
            p_of(row["p_holm"]),
            row["equivalence"]["verdict"],
        ]
        for row in findings.results["tradeoff"]["comparisons"]
    ]
    head = ["arm", "against", "task", "difference", "test", "p", "p, Holm", "within the margin"]
    return table(head, rows, words=3)


def _only(row: Mapping[str, Any]) -> str:
    """Return how many items only one of the two gets right."""
    return f" ({row['only'][0]} : {row['only'][1]})" if row["only"] else ""
