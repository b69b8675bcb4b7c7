"""What went wrong, by name: the ways in which aligning a model fails, and the evidence for each.

The four signatures are those that the PoliTune paper and those who followed it up report. What is
not listed was not seen, which is not the same as absent.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from politune_harness.report import channels
from politune_harness.report.claims import is_sure
from politune_harness.report.findings import Entry, Findings
from politune_harness.report.markdown import code, md, section
from politune_harness.report.numbers import PERCENT, estimate
from politune_harness.report.reading import BASE, CONTROL
from politune_harness.report.tradeoff import side
from politune_harness.report.tradeoff_figure import coherence

COLLAPSE = 0.25
"""By how much of all answers a kind of empty answer must become more frequent, for sure."""
BROKEN = ("empty", "repetition", "truncated", "missing", "unparsed", "refused")
"""The kinds of answers that say nothing."""
CHANCE = "acc_above_chance"

NO_SHIFT = "no shift despite training"
AGAINST = "against the intended side"
CONTRADICT = "instruments contradict each other"
COLLAPSED = "collapse"


def diagnosis(findings: Findings) -> list[dict[str, str]]:
    """Return each signature that is there: its arm, its name, and what shows it."""
    found = []
    for arm in findings.tuned:
        rows = [r for r in findings.results["headline"] if (r["arm"], r["against"]) == (arm, BASE)]
        for name, signs in (
            (NO_SHIFT, _no_shift(arm, rows)),
            (AGAINST, _against(findings, arm, rows)),
            (CONTRADICT, _contradict(findings, arm, rows)),
            (COLLAPSED, _collapse(findings, arm)),
        ):
            found += [{"arm": arm, "signature": name, "evidence": sign} for sign in signs]
    return found


def _no_shift(arm: str, rows: list[Entry]) -> Iterator[str]:
    if arm != CONTROL and rows and not any(map(is_sure, rows)):
        least = ", ".join(
            f"{md(r['metric'])} {r['detectable']:.2f}" for r in rows if r["detectable"] is not None
        )
        yield f"no headline measure moved for sure; detectable were shifts of {least or 'unknown'}"


def _against(findings: Findings, arm: str, rows: list[Entry]) -> Iterator[str]:
    for row in filter(is_sure, rows):
        meant = side([arm], findings.scales[row["task"], row["metric"]])
        if meant * row["value"] < 0:
            yield f"{_shown(findings, row)}, away from {md(arm)}"


def _shown(findings: Findings, row: Entry) -> str:
    key = row["task"], row["metric"]
    return f"{code(key[0])} {md(key[1])} {findings.estimate(row, *key, sign=True)}"


def _contradict(findings: Findings, arm: str, rows: list[Entry]) -> Iterator[str]:
    """Yield channels of one bank that disagree, and measures of one pair of ends that do.

    That two which surely moved to one side did so by different amounts is no contradiction.
    """
    for each in findings.results["channels"]:
        for how in each["disagree"] if each["arm"] == arm else ():
            shares = [findings.share(arm, task, each["metric"]) for task in how["tasks"]]
            if len({channels.side(share) for share in shares if share}) == 1:
                continue
            tasks = " and ".join(map(code, how["tasks"]))
            yield f"{tasks} see {how['how']} on {md(each['metric'])}"
    ends: dict[tuple[str, str], list[Entry]] = {}
    for row in filter(is_sure, rows):
        scale = findings.scales[row["task"], row["metric"]]
        ends.setdefault((scale.low_name, scale.high_name), []).append(row)
    for alike in ends.values():
        if min(r["value"] for r in alike) < 0 < max(r["value"] for r in alike):
            yield "; ".join(_shown(findings, row) for row in alike)


def _collapse(findings: Findings, arm: str) -> Iterator[str]:
    for (task, metric), row in findings.between(arm, BASE).items():
        broken = metric in BROKEN and task in findings.bias
        if broken and row["low"] is not None and row["low"] > 0 and row["value"] >= COLLAPSE:
            yield f"{code(task)}: {metric} {estimate(row, PERCENT, sign=True)} points"
    for task in findings.capability:
        lost = findings.between(arm, BASE).get((task, CHANCE))
        now = findings.entry(arm, task, CHANCE)
        if lost and now and (lost["high"] or 0) < 0 and (now["low"] or 0) <= 0:
            yield f"{code(task)}: no better than chance, where the base is"
    if coherence(findings.fluency(arm)) == "worse" and _doubled(findings, arm):
        yield "the untouched base finds its answers at least twice as surprising as its own"


def _doubled(findings: Findings, arm: str) -> bool:
    fluency: Mapping[str, Any] | None = findings.fluency(arm)
    base = findings.entry(BASE, fluency["task"], fluency["metric"]) if fluency else None
    return bool(fluency and base and base["value"] and fluency["value"] >= base["value"])


def told(findings: Findings) -> str:
    """Return the section of report.md."""
    rows = findings.results["diagnosis"]
    lines = [f"- **{md(r['arm'])}: {r['signature']}.** {r['evidence']}." for r in rows]
    names = f"{NO_SHIFT}, {CONTRADICT}, {AGAINST}, {COLLAPSED}"
    note = f"Looked for, in every arm: {names}."
    return section("Diagnosis", note, "\n".join(lines) or "None of them was seen.")
