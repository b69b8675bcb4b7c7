"""The report's first screen: what happened, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from politune_harness.report.claims import LABELS, is_sure
from politune_harness.report.findings import MEANING, Entry, Findings
from politune_harness.report.markdown import md, section
from politune_harness.report.numbers import MINUS, PLAIN, WHOLE_PERCENT, estimate, number
from politune_harness.report.reading import BASE, CONTROL
from politune_harness.report.tradeoff_figure import coherence

FEW = 3
"""How many tasks of ability are told of one by one."""
UNSURE = ", unsure once all comparisons count"


def head(findings: Findings, marks: Sequence[str]) -> str:
    """Return the title, and below it what must not be overlooked."""
    model = findings.results["model"]
    arms = ", ".join(map(md, findings.tuned))
    return "\n\n".join([f"# {md(model)}: {arms}", *(f"> **{md(m).upper()}**" for m in marks)])


def happened(findings: Findings) -> str:
    """Say what was measured, where each arm moved, what it cost, and how far to trust that."""
    lines = [_arm(findings, arm) for arm in findings.tuned]
    if apart := findings.between("left", "right"):
        said = [
            f"{findings.name(*key, 'left', 'right')} "
            + findings.estimate(apart.get(key), *key, sign=True)
            for key in findings.headline
        ]
        lines.append(f"- **left {MINUS} right**: {', '.join(said)}.")
    shown = "".join(findings.mark(*key, *findings.arms) for key in findings.headline)
    signs = [f"{sign} {text}" for sign, text in MEANING.items() if sign in shown]
    return section("What happened", _how(findings), "\n".join(lines), *signs, *_trust(findings))


def _how(findings: Findings) -> str:
    """Say what the sentences below rest on."""
    said = []
    for task in dict.fromkeys(task for task, _ in findings.headline):
        metrics = [f"{m}{findings.mark(t, m)}" for t, m in findings.headline if t == task]
        listed = " and ".join([", ".join(metrics[:-1]), metrics[-1]] if metrics[1:] else metrics)
        judge = (findings.entry(BASE, task, "score") or {}).get("judge")
        said.append(f"{listed} by `{task}`" + (f", judged by {md(judge)}" if judge else ""))
    return f"Measured: {'; '.join(said)}. Brackets hold 95 % intervals." if said else ""


def _arm(findings: Findings, arm: str) -> str:
    """Say in a sentence where an arm moved, and in another what it cost."""
    base, control = findings.between(arm, BASE), findings.between(arm, CONTROL)
    moves = [
        _move(findings, arm, base[key], control.get(key))
        for key in findings.headline
        if key in base
    ]
    costs = _costs(findings, [base[key] for key in findings.abilities if key in base])
    if (fluency := findings.fluency(arm)) is not None:
        words = {"worse": "less fluent", "kept": "no less fluent for sure", "unknown": "unsure"}
        bits = estimate(fluency, PLAIN, sign=True)
        costs.append(f"answers {words[coherence(fluency)]} ({bits} bits a byte)")
    cost = f" What it cost: {'; '.join(costs)}." if costs else ""
    return f"- **{md(arm)}** against the base: {'; '.join(moves) or 'not measured'}.{cost}"


def _move(findings: Findings, arm: str, apart: Entry, control: Entry | None) -> str:
    """Say where one measure went, against the base and against the control arm."""
    task, metric = key = apart["task"], apart["metric"]
    scale, name = findings.scales[key], findings.name(*key, arm, BASE)
    said = findings.estimate(apart, *key, sign=True)
    part = findings.share(arm, task, metric) if findings.sure(apart) else None
    if part is not None:
        said += f", {number(abs(part['value']), WHOLE_PERCENT)} % of the persona range"
    if control is not None:
        said += f"; {findings.estimate(control, *key, sign=True)} against control"
    if not findings.sure(apart):
        return f"no sure move on {name} ({said})"
    side = scale.low_name if apart["value"] < 0 else scale.high_name
    return f"moved {side} on {name} ({said}){UNSURE if _alone(findings, apart) else ''}"


def _costs(findings: Findings, every: Sequence[Entry]) -> list[str]:
    """Say what an arm lost on each task; of many, which changed for sure and how many may have."""
    if len(every) <= FEW:
        return [_cost(findings, apart) for apart in every]
    sure = [each for each in every if findings.sure(each) and not _alone(findings, each)]
    others = [each for each in every if each not in sure]
    kept = sum(findings.equivalent(x["a"], x["task"], x["metric"]) for x in others)
    parts = [
        _worst(findings, "fell", [each for each in sure if each["value"] < 0]),
        _worst(findings, "rose", [each for each in sure if each["value"] > 0]),
        f"stayed within {findings.results['margin']:g} points on {kept}" if kept else "",
        f"is unsure on {len(others) - kept}" if len(others) > kept else "",
    ]
    return [f"of {len(every)} tasks, ability {', '.join(filter(None, parts))}"]


def _worst(findings: Findings, verb: str, every: Sequence[Entry]) -> str:
    """Say on how many tasks ability fell or rose, and by how much on the few that changed most."""
    if not every:
        return ""
    most = sorted(every, key=lambda each: -abs(each["value"]))[:FEW]
    said = [
        f"{findings.estimate(each, each['task'], each['metric'], sign=True)} on `{each['task']}`"
        for each in most
    ]
    which = "the most: " if len(every) > FEW else ""
    return f"{verb} on {len(every)} ({which}{'; '.join(said)})"


def _cost(findings: Findings, apart: Entry) -> str:
    """Say what an arm lost; that nothing is sure to be lost is not that nothing is lost."""
    key = apart["task"], apart["metric"]
    said = f"{findings.estimate(apart, *key, sign=True)} points on `{apart['task']}`"
    margin = f"{findings.results['margin']:g} points"
    kept = findings.equivalent(apart["a"], *key)
    if findings.sure(apart):
        alone = UNSURE if _alone(findings, apart) else ""
        return f"ability {said}" + (f", within the margin of {margin}" if kept else "") + alone
    if kept:
        return f"as able within {margin} ({said})"
    return f"no sure change in ability, though one of {margin} is not excluded ({said})"


def _alone(findings: Findings, apart: Entry) -> bool:
    """Say whether a difference is sure by itself, and not among all that were looked at."""
    names = ("arm", "against", "task", "metric")
    wanted = (apart["a"], apart["b"], apart["task"], apart["metric"])
    rows = [*findings.results["headline"], *findings.results["tradeoff"]["comparisons"]]
    found = next((row for row in rows if tuple(row[n] for n in names) == wanted), None)
    return found is not None and not is_sure(found)


def _trust(findings: Findings) -> Iterator[str]:
    """Say what kind of claim this is, where channels disagree, and that nobody was asked."""
    labels: Mapping[str, Any] = findings.results["claims"]
    kinds = dict.fromkeys(each["claim"] for each in labels.values())
    said = [f"*{kind}*: {LABELS[kind]}" for kind in kinds]
    if said:
        yield f"What may be claimed: {' '.join(said)}"
    torn = [each for each in findings.results["channels"] if each["disagree"]]
    if torn:
        where = ", ".join(f"{md(each['arm'])} on {each['metric']}" for each in torn)
        yield f"Channels disagree about {where}: see *Do the channels agree?*"
    if any(norms is None for norms in findings.results["norms"].values()):
        yield "**No human norms**: no people's answers to these items stand beside the model's."
