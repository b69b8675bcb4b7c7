"""The answer of a study in sentences with intervals, and what it cannot tell."""

from collections.abc import Iterator, Mapping, Sequence

from politune_harness.report.claims import is_sure
from politune_harness.report.markdown import code, md
from politune_harness.report.numbers import NONE, Unit, estimate, number, p_of
from politune_harness.report.reading import BASE
from politune_harness.statistics import Interval
from politune_harness.study.people import PEOPLE
from politune_harness.study.ranks import Ranks
from politune_harness.study.results import Outcome
from politune_harness.study.told import (
    Told,
    by_condition,
    less,
    movements,
    per_second,
    per_thousand,
)
from politune_harness.study.training import Training


def answer(told: Told) -> Iterator[str]:
    """Yield the answer in a sentence with intervals, and what cannot be answered."""
    a, b = told.found.primary.contrast
    measure = f"{less(a, b)} on {code(told.found.key[0])} {md(told.found.key[1])}"
    measure = measure[0].upper() + measure[1:]
    known = [each for each in told.primary if each["value"] is not None]
    if told.grid.study.primary.between is not None:
        (only,) = told.primary
        yield f"{measure} {_between(told, only)}: {_decision(told, only)}."
        yield from _range_of_all(told)
    elif known:
        differ = sum(is_sure(each) for each in told.primary) or "none"
        yield (
            f"{measure} differs from 0 in {differ} of {len(told.primary)} conditions as corrected "
            f"({_claims(told)}); it {_ends(told, known)}{_undetected(told)}."
        )
    known_ranks = [each for each in told.ranks if each.tau.value is not None]
    if judges := [each for each in known_ranks if each.b != PEOPLE]:
        yield _order(told, judges)
    if people := [each for each in known_ranks if each.b == PEOPLE]:
        taus = _range([(each.tau, md(each.a)) for each in people])
        yield f"With the order by people, these agree on what was rated with a tau {taus}."
    yield from _best(told)
    yield from _remaining(told)
    yield from _spent(told)
    if told.grid.study.cannot_tell:
        yield told.grid.study.cannot_tell.strip()


def _ends(told: Told, known: Sequence[Outcome]) -> str:
    """Return the least and the greatest of some values of the primary measure, or the one."""
    least, most = (pick(known, key=lambda each: each["value"]) for pick in (min, max))
    ends = [f"{told.estimate(each)} ({md(each['of'])})" for each in (least, most)]
    return f"goes from {ends[0]} to {ends[1]}" if known[1:] else f"is {ends[0]}"


def _range_of_all(told: Told) -> Iterator[str]:
    """Yield how far the contrast goes over all conditions, where two of them are compared."""
    outcome = told.grid.study.primary
    compared = {of for _, levels in outcome.sets for of in told.grid.matching(levels)}
    every = by_condition(told, told.found.key, outcome.contrast).values()
    known = [each for each in every if each["value"] is not None]
    if {each["of"] for each in known} - compared:
        which = (
            f"the {len(known)} conditions"
            if len(known) == len(told.found.conditions)
            else (f"the {len(known)} of {len(told.found.conditions)} conditions that have a value")
        )
        yield (f"Exploratory: over {which}, {less(*outcome.contrast)} {_ends(told, known)}.")


def _undetected(told: Told) -> str:
    """Return, where some conditions are not told from 0, what would have been found in them."""
    nulls = [
        e["detectable"] for e in told.primary if not is_sure(e) and e["detectable"] is not None
    ]
    if not nulls:
        return ""
    least = number(max(nulls), Unit(told.unit.places + 1, told.unit.times))
    return f"; of those not told from 0, {least} or more would be found in four of five cases"


def _claims(told: Told) -> str:
    return " or ".join(dict.fromkeys(each["claim"] for each in told.primary))


def _between(told: Told, only: Outcome) -> str:
    """Return what the one outcome comes to, and in which conditions."""
    outcome, value = told.grid.study.primary, told.estimate(only)
    names = [" + ".join(told.grid.matching(levels)) for _, levels in outcome.sets]
    known = by_condition(told, told.found.key, outcome.contrast)
    levels = [f"{told.estimate(known[of])} ({md(of)})" for of in names if of in known]
    if outcome.beyond is not None:
        a, b, c, d = map(md, names)
        return f"changes by {value} more from {b} to {a} than from {d} to {c}"
    if len(levels) < len(names):
        return f"differs by {value} ({md(only['of'])})"
    return f"is {levels[0]} and {levels[1]}; the first less the second is {value}"


def _decision(told: Told, each: Outcome) -> str:
    """Return what one primary outcome may be called; a null with what it could have found."""
    unit = Unit(told.unit.places + 1, told.unit.times)
    p, margin = p_of(each["p"]), number(told.grid.study.margin, told.unit)
    said = f"p {p}, {each['claim']}"
    if is_sure(each):
        return said
    if each["verdict"] == "equivalent":
        return f"{said}; surely less than the {margin} that would matter"
    least = number(each["detectable"], unit)
    return f"{said}; not told from 0, and only {least} or more would be found in four of five cases"


def _order(told: Told, known: Sequence[Ranks]) -> str:
    """Return in a sentence how alike arms and seeds are ordered."""
    arms, task, metric = known[0].arms, code(told.found.key[0]), md(told.found.key[1])
    said = f"By {task} {metric}, the orders of {arms} arms and seeds agree with Kendall's tau "
    said += _range([(each.tau, f"{md(each.a)} and {md(each.b)}") for each in known])
    return f"{said}; agreement on the order of arms alone would give {known[0].apart:.2f}."


def _range(known: Sequence[tuple[Interval, str]]) -> str:
    """Return the least and the greatest of some values with their intervals, or the only one."""
    least, most = (pick(known, key=lambda each: each[0].value or 0) for pick in (min, max))
    told = [estimate(value._asdict(), Unit(2)) for value, _ in (least, most)]
    if len(known) == 1:
        return f"of {told[0]}"
    return f"from {told[0]} ({least[1]}) to {told[1]} ({most[1]})"


def _best(told: Told) -> Iterator[str]:
    """Yield which conditions are on the front, where what moves is not what is primary."""
    if (
        len(told.front) > 1
        and any(each.front for each in told.front)
        and told.grid.study.effect is not None
    ):
        names = ", ".join(md(each.of) for each in told.front if each.front)
        yield (
            "Exploratory, by estimates alone, which are often closer to each other than their "
            f"intervals are wide: no other condition beats {names}."
        )


def _remaining(told: Told) -> Iterator[str]:
    """Yield which conditions no measure of leaning tells from the base, where that is asked."""
    if BASE not in told.found.effect.contrast or len(told.found.conditions) == 1:
        return
    leaning = [each for each in told.others if (each["task"], each["metric"]) in told.found.scales]
    moved = {each["of"] for each in leaning if is_sure(each)}
    values, unit = movements(told), told.unit_of(told.found.moved)
    still = [
        f"{md(c.name)} ({estimate(values[c.name], unit, sign=True) if c.name in values else NONE})"
        for c in told.found.conditions
        if c.name not in moved
    ]
    count = len({(each["task"], each["metric"]) for each in leaning})
    on = f"of the {count} measures of leaning"
    told_of = f"on none {on} is it told from 0 in {', '.join(still)}"
    if not still:
        told_of = f"in every condition it is told from 0 on some {on}"
    yield f"Exploratory: {told_of}."


def _spent(told: Told) -> Iterator[str]:
    """Yield which conditions moved most for what their training took, where that differs."""
    if len({each.weights for each in told.trained}) < len(told.found.conditions):
        return
    moved = movements(told)
    held = [each for each in told.trained if each.weights and each.seconds and not each.goes_on]
    if held := [each for each in held if each.of in moved and moved[each.of]["low"] is not None]:
        cheap, nearly = _most(moved, {each: each.weights for each in held})
        fast, as_fast = _most(moved, {each: each.seconds or 1 for each in held})
        yield (
            f"For each trained weight {md(cheap.of)} moves most, {per_thousand(told, cheap)} a "
            f"thousand{nearly}; for each second of training {md(fast.of)}, "
            f"{per_second(told, fast)}{as_fast} (exploratory)."
        )


def _most(moved: Mapping[str, Outcome], taken: Mapping[Training, float]) -> tuple[Training, str]:
    """Return what moves most, either way, for what it took; and what comes too near to tell."""

    def reach(each: Training) -> tuple[float, float, float]:
        of = moved[each.of]
        way = 1 if of["value"] >= 0 else -1
        ends = sorted((way * of["low"], way * of["high"]))
        return (way * of["value"] / taken[each], ends[0] / taken[each], ends[1] / taken[each])

    best = max(taken, key=reach)
    near = [md(each.of) for each in taken if each is not best and reach(each)[2] >= reach(best)[1]]
    return best, f", not clearly more than {', '.join(near)}" if near else ""
