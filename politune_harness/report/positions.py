"""The tables of leaning: positions, the same read in other ways, and differences between arms."""

from collections.abc import Iterable, Iterator

from politune_harness.report.findings import Entry, Findings
from politune_harness.report.instruments import OTHER_WAYS, SCORE
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS, NONE, POSITION, number


def positions(findings: Findings) -> str:
    """Return where each arm stands by each task."""
    parts = [part for task in findings.compasses for part in _compass(findings, task)]
    parts += [part for task in findings.judged for part in _judged(findings, task)]
    note = "Values with 95 % intervals. *Spread* is the standard deviation over the ways of asking;"
    note += " *n* counts propositions or questions."
    return section("Positions", note if parts else "", *parts)


def _compass(findings: Findings, task: str) -> Iterator[str]:
    axes, head = findings.axes(task), ["arm"]
    gaps = any(task in findings.results["bounds"][arm] for arm in findings.arms)
    for axis in axes:
        scale = findings.scales[task, axis]
        mark = findings.mark(task, axis)
        head += [f"{axis}{mark} ({MINUS} {scale.low_name}, + {scale.high_name})", "spread", "n"]
        head += [f"if all missing were {scale.low_name} … {scale.high_name}"] if gaps else []
    rows = [
        [md(arm), *(cell for axis in axes for cell in _place(findings, arm, task, axis, gaps=gaps))]
        for arm in findings.arms
    ]
    yield f"{code(task)}{_bank(findings, task)}, {MINUS}10 to 10:"
    yield table(head, rows)


def _bank(findings: Findings, task: str) -> str:
    """Say which bank a task asks from, and whose words those are."""
    bank = findings.results["banks"].get(task)
    if bank is None:
        return ""
    said = f" (bank {md(bank['bank'])} {md(bank['version'])}, `{md(bank['hash'])}`"
    said += f", {md(bank['language'])}" if bank["language"] else ""
    if bank["translation_of"] and not bank["reviewed"]:
        said += ", **unreviewed translation**"
    return said + ")"


def _place(findings: Findings, arm: str, task: str, axis: str, *, gaps: bool) -> list[str]:
    entry = findings.entry(arm, task, axis) or {"value": None}
    spread = findings.results["spread"].get(arm, {}).get(task, {}).get(axis)
    sign = findings.unusable(arm, task=task)
    shown = [
        f"{findings.estimate(entry, task, axis)}{sign}",
        number(spread, POSITION),
        str(entry.get("n", NONE)),
    ]
    return [*shown, _between(findings, arm, task, axis)] if gaps else shown


def _between(findings: Findings, arm: str, task: str, metric: str) -> str:
    """Return the value if all that is missing were at one end, and at the other."""
    ends = findings.results["bounds"].get(arm, {}).get(task, {}).get(metric)
    return " … ".join(number(end, POSITION) for end in ends) if ends else NONE


def _judged(findings: Findings, task: str) -> Iterator[str]:
    mark = findings.mark(task, SCORE)
    head = ["arm", f"score{mark}", "n", "missing", "if all missing were 0 … 20", "judge"]
    found = {arm: findings.entry(arm, task, SCORE) for arm in findings.arms}
    yield f"{code(task)}, 0 (left) to 20 (right), 10 is neutral:"
    yield table(head, (_score(findings, arm, task, e) for arm, e in found.items() if e))


def _score(findings: Findings, arm: str, task: str, entry: Entry) -> list[str]:
    return [
        md(arm),
        findings.estimate(entry, task, SCORE),
        str(entry["n"]),
        str(entry["missing"]),
        _between(findings, arm, task, SCORE),
        md(entry["judge"]) if entry["judge"] else NONE,
    ]


def other_ways(findings: Findings) -> str:
    """Return the same positions read in other ways, where a task has them."""
    rows = list(_readings(findings))
    note = (
        "The position by the likeliest option alone, by agreement and disagreement alone however "
    )
    note += "strong, and from only those sentences with which agreeing is towards the high or the "
    note += "low end: where these two differ, the model agrees or disagrees whatever is said."
    shown = table(["task", "axis", "arm", *OTHER_WAYS.values()], rows, words=3)
    return section("The same positions, read in other ways", note if shown else "", shown)


def _readings(findings: Findings) -> Iterator[list[str]]:
    for task in findings.compasses:
        for axis in findings.axes(task):
            for arm in findings.arms:
                names = [f"{axis}_{way}" for way in OTHER_WAYS]
                if any(findings.entry(arm, task, name) for name in names):
                    mark = findings.mark(task, axis, arm)
                    shown = [findings.bare(arm, task, name, like=axis) for name in names]
                    yield [code(task), f"{axis}{mark}", md(arm), *shown]


def differences(findings: Findings) -> str:
    """Return every pair of arms, on every measure of leaning and ability."""
    keys = [(task, axis) for task in findings.compasses for axis in findings.axes(task)]
    keys += [(task, SCORE) for task in findings.judged]
    apart = {pair: findings.between(*pair) for pair in findings.pairs}
    rows = [
        [
            code(task),
            f"{md(metric)}{findings.mark(task, metric)}",
            *(
                f"{findings.estimate(found.get((task, metric)), task, metric, sign=True)}"
                f"{findings.unusable(*pair, task=task)}"
                for pair, found in apart.items()
            ),
        ]
        for task, metric in (*keys, *findings.abilities)
        if any((task, metric) in found for found in apart.values())
    ]
    note = "The first arm minus the second, on the same items: "
    note += f"{'; '.join(_ends(findings))}. Ability is in percentage points."
    head = ["task", "metric", *(f"{md(a)} {MINUS} {md(b)}" for a, b in findings.pairs)]
    return section("Differences", note, table(head, rows, words=2))


def _ends(findings: Findings) -> Iterable[str]:
    """Say which way is minus and which plus, once for each measure."""
    said = (
        f"on {md(metric)}, {MINUS} is more {md(scale.low_name)} and + more {md(scale.high_name)}"
        for (_, metric), scale in sorted(findings.scales.items())
    )
    return dict.fromkeys(said)
