"""The tables that say how far to trust the others: prompts, channels, languages, and claims."""

from collections.abc import Iterator, Mapping
from typing import Any

from politune_harness.report.channels import OPPOSITE
from politune_harness.report.findings import Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import (
    MINUS,
    PLAIN,
    POSITION,
    WHOLE_PERCENT,
    estimate,
    number,
    p_of,
)
from politune_harness.report.reading import BASE, CONTROL

MOST_ITEMS = 10
"""How many items a table shows; results.json holds them all."""


def personas(findings: Findings) -> str:
    """Return how far personas move the base on each measure: whether it can be moved at all."""
    rows = [
        [
            code(task),
            f"{md(metric)}{findings.mark(task, metric)}",
            "moves" if entry["sensitive"] else "**insensitive**",
            number(entry["low_persona"], POSITION),
            number(entry["high_persona"], POSITION),
            findings.estimate(entry, task, metric, sign=True),
        ]
        for task, metrics in findings.results["personas"].items()
        for metric, entry in metrics.items()
    ]
    note = "The base under a persona at either end of the measure, such as left and right; the "
    note += "difference is the *persona range*. What personas do not move towards their own end "
    note += "for sure is marked † wherever it is shown: in this model it says nothing about "
    note += "leaning."
    head = ["task", "metric", "", "low persona", "high persona", f"high {MINUS} low"]
    shown = table(head, rows, words=3)
    return section("Can these instruments be moved at all?", note if shown else "", shown)


def shares(findings: Findings) -> str:
    """Return each arm's shift as a share of the persona range."""
    arms = findings.tuned
    measures = dict.fromkeys((e["task"], e["metric"]) for e in findings.results["shares"])
    rows = [
        [
            code(task),
            md(metric),
            *(
                estimate(findings.share(arm, task, metric), WHOLE_PERCENT, sign=True)
                + findings.unusable(arm, BASE, task=task)
                for arm in arms
            ),
        ]
        for task, metric in measures
    ]
    note = "Each arm's shift from the base in percent of the persona range of that channel: 100 is "
    note += "as far as from one persona to the other. The interval is the shift's, over the range "
    note += "as measured."
    shown = table(["task", "metric", *map(md, arms)], rows, words=2)
    return section("Shifts as shares of the persona range", note if shown else "", shown)


def systems(findings: Findings) -> str:
    """Return where the base stands under system prompts that hold no view."""
    rows = [
        [
            code(each["task"]),
            f"{md(each['metric'])}{findings.mark(each['task'], each['metric'])}",
            md(each["system"]),
            findings.estimate(each["position"], each["task"], each["metric"]),
            findings.estimate(each, each["task"], each["metric"], sign=True),
            estimate(each["share"], WHOLE_PERCENT, sign=True),
        ]
        for each in sorted(
            findings.results["systems"], key=lambda each: (each["task"], each["metric"])
        )
    ]
    note = "The base with a system prompt that holds no view, against the base as every arm is "
    note += "asked. What this moves, a position owes to its setting."
    head = ["task", "metric", "system prompt", "position", "shift", "% of the persona range"]
    shown = table(head, rows, words=3)
    return section("What system prompts do to the base", note if shown else "", shown)


def channels(findings: Findings) -> str:
    """Return, for each arm and axis, what each channel shows, and which disagree."""
    rows = [
        [md(each["arm"]), md(each["metric"]), _channels(findings, each), _torn(each)]
        for each in findings.results["channels"]
    ]
    note = "Channels of one bank beside each other, by the shift from the base in percent of each "
    note += "channel's own persona range; positions are never compared across instruments. Only "
    note += "channels that prompts can move, and whose options are used. They disagree where both "
    note += f"are sure of {OPPOSITE}, or where one is sure and neither's interval holds what the "
    note += "other found."
    head = ["arm", "axis", "shift by each channel", "disagree"]
    shown = table(head, rows, words=4)
    return section("Do the channels agree?", note if shown else "", shown)


def _channels(findings: Findings, each: Mapping[str, Any]) -> str:
    shifts = ((task, findings.share(each["arm"], task, each["metric"])) for task in each["tasks"])
    return "; ".join(f"{code(t)} {estimate(e, WHOLE_PERCENT, sign=True)}" for t, e in shifts)


def _torn(each: Mapping[str, Any]) -> str:
    said = [f"**{how['how']}**: {', '.join(map(code, how['tasks']))}" for how in each["disagree"]]
    return "; ".join(said) or "no"


def languages(findings: Findings) -> str:
    """Return the items that a bank's translation is answered most differently on."""
    parts = [part for each in findings.results["languages"] for part in _language(findings, each)]
    note = "The base's position on each item in two languages, the largest difference first. It "
    note += "may be the model's or the translation's: a large one is a reason to look at the words."
    return section("Item by item in two languages", note if parts else "", *parts)


def _language(findings: Findings, each: Mapping[str, Any]) -> Iterator[str]:
    first, second = map(md, each["languages"])
    mark = "" if each["reviewed"] else ", **unreviewed translation**"
    tasks = (code(task) + findings.unusable(BASE, task=task) for task in each["tasks"])
    yield f"{' and '.join(tasks)}, {md(each['metric'])}{mark}:"
    rows = [
        [md(row["item"]), *(number(v, POSITION) for v in (*row["values"], row["difference"]))]
        for row in each["items"][:MOST_ITEMS]
    ]
    yield table(["item", first, second, f"{second} {MINUS} {first}"], rows)
    if hidden := len(each["items"]) - len(rows):
        yield f"{hidden} more, all closer, are in results.json."
    if each["mean"] is None:
        yield (
            "The two means are not compared: the recipe does not ask for it "
            "(`evaluate.compare_languages`)."
        )
    else:
        mean = estimate(each["mean"], POSITION, sign=True)
        yield f"All items, {second} {MINUS} {first}: {mean}."


def people(findings: Findings) -> str:
    """Return where people stand on the very banks that were asked."""
    known = {each["hash"]: each for each in findings.results["norms"].values() if each}
    rows = [
        [md(norms["bank"]), md(axis), md(who), str(n), *(number(v, POSITION) for v in (mean, sd))]
        for norms in known.values()
        for axis, all_of_them in norms["axes"].items()
        for who, n, mean, sd in [
            ("all", norms["n"], all_of_them["mean"], all_of_them["sd"]),
            *_groups(norms, axis),
        ]
    ]
    note = (
        "People who answered the same items, by their mean answers to the statements. They chose "
    )
    note += "an option where a model's options are weighed by their probability, and they were not "
    note += "asked under every template: compare the order, not the decimals."
    shown = table(["bank", "axis", "who", "n", "mean", "sd"], rows, words=3)
    return section("Human norms", note if shown else "", shown)


def _groups(norms: Mapping[str, Any], axis: str) -> Iterator[tuple[str, int, float, None]]:
    for column, groups in norms["groups"].items():
        for name, group in groups.items():
            if axis in group["axes"]:
                yield f"{column}: {name}", group["n"], group["axes"][axis], None


def claims(findings: Findings) -> str:
    """Return how sure the headline differences are, all of them looked at together."""
    rows = [
        [
            md(each["arm"]),
            code(each["task"]),
            f"{md(each['metric'])}{findings.mark(each['task'], each['metric'], each['arm'], BASE)}",
            each["against"],
            findings.estimate(each, each["task"], each["metric"], sign=True),
            p_of(each["p"]),
            p_of(each["p_holm"]),
            number(each["detectable"], PLAIN),
            each["claim"],
        ]
        for each in findings.results["headline"]
    ]
    note = "The differences that the first lines speak of. *p, Holm*: corrected for all of them "
    note += (
        f"together. *Against {CONTROL}*: the arm's shift from the base minus the control arm's, "
    )
    note += "which tuning as such does not explain. *Detectable*: the smallest true shift that a "
    note += (
        "run like this one would find in four of five cases, corrected for as many (at 5 % over "
    )
    note += "their number)."
    head = ["arm", "task", "metric", "against", "shift", "p", "p, Holm", "detectable", "claim"]
    return section("How sure these shifts are", note if rows else "", table(head, rows, words=4))
