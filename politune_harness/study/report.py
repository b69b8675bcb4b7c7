"""The report of a study: its answer, what that rests on, and every number, from the cells on disk.

The same artifacts give the same bytes. What was frozen before the first result is confirmatory as
far as its seeds allow; everything else is called exploratory.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from politune_harness.artifacts import write_whole
from politune_harness.rating import as_text
from politune_harness.report.instruments import Key
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS, NONE, Unit, estimate, number, p_of, unit_of
from politune_harness.report.reading import BASE
from politune_harness.statistics import LEVEL, Array, Interval
from politune_harness.statistics.intervals import CONFIRMATORY
from politune_harness.study import DOSES, Grid, arms_of, figure, frozen
from politune_harness.study.curve import Saturating, saturating
from politune_harness.study.front import Point, points
from politune_harness.study.ranks import Ranks, ranks
from politune_harness.study.results import (
    Gathered,
    Outcome,
    Terms,
    gather,
    outcomes,
    placed,
    primary,
)
from politune_harness.study.training import Training, trainings

COLUMNS = (
    *("role", "of", "task", "metric", "a", "b", "value", "low", "high", "p", "p_holm"),
    *("detectable", "verdict", "claim", "items", "seeds"),
)
CORRECTED = "\\*"
"""Marks what differs from 0 after correction."""


@dataclass(frozen=True)
class Told:
    """A study and what it found."""

    grid: Grid
    found: Gathered
    frozen: Mapping[str, Any]
    primary: Sequence[Outcome]
    others: Sequence[Outcome]
    """By condition: every measure of leaning, and what each arm lost."""
    curves: Mapping[str, Saturating]
    """By the name of each line of conditions; see `figure.lines`."""
    front: Sequence[Point]
    trained: Sequence[Training]
    ranks: Sequence[Ranks] = ()
    """How alike the levels of an axis order arms and seeds, if the study asks that."""

    @property
    def unit(self) -> Unit:
        """How the primary measure is shown."""
        return self.unit_of(self.found.key)

    def unit_of(self, key: Key) -> Unit:
        """Return how a measure is shown."""
        return unit_of(key[1], leaning=key in self.found.scales)

    def estimate(self, each: Outcome) -> str:
        """Return a primary outcome with its interval."""
        return estimate(each, self.unit, sign=True)

    @property
    def amended(self) -> bool:
        """Whether what was decided changed after the first result."""
        return bool(self.frozen["amended"])

    def claim(self, each: Outcome) -> str:
        """Return how far a primary outcome may be claimed."""
        return "exploratory (amended)" if self.amended else str(each["claim"])


def tell(grid: Grid, out: Path) -> Told:
    """Read a study's cells, and compare them. Raises DataError where one is not finished."""
    held = frozen.checked(grid, out)
    found = gather(grid, out)
    others = outcomes(found)
    axis = grid.study.ranks
    return Told(
        grid,
        found,
        held,
        primary(found, grid),
        others,
        _curves(grid, found),
        points(found, others),
        trainings(grid, out, found.arms),
        [] if axis is None else [*ranks(found, axis)],
    )


def _curves(grid: Grid, found: Gathered) -> dict[str, Saturating]:
    """Return what is fitted to each line of conditions, if the study asks that."""
    (a, b), key = found.effect.contrast, found.moved
    lines = figure.lines(found) if grid.study.curve else []
    return {
        line.name: saturating(
            np.array([x for x, _ in line.points]),
            [_matrices(c.terms(key, a, b)) for _, c in line.points],
        )
        for line in lines
        if len(line.points) >= DOSES
    }


def _matrices(terms: Terms) -> tuple[Array, Array]:
    (_, a), (_, b) = terms
    return a.matrix, b.matrix


def write(grid: Grid, out: Path) -> None:
    """Write report.md, results.json, results.csv and figures/ into the folder of a study.

    Raises DataError, in one line, where a cell is not finished or the study is another than was
    frozen there, RecipeError where its primary outcome was not measured.
    """
    told = tell(grid, out)
    drawn = figure.draw(told.found, told.others, told.curves, out / "figures")
    results = json.dumps(_results(told), indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(out / "results.json", results + "\n")
    write_whole(out / "results.csv", _csv(told))
    write_whole(out / "report.md", text(told, drawn))


def _results(told: Told) -> dict[str, Any]:
    return {
        "question": told.grid.study.question,
        "frozen": dict(told.frozen),
        "models": list(told.found.models),
        "partial": told.found.partial,
        "primary": list(told.primary),
        "exploratory": list(told.others),
        "curves": [
            {"of": of, "top": fit.top._asdict(), "half": fit.half._asdict(), "bounded": fit.bounded}
            for of, fit in told.curves.items()
        ],
        "ranks": [
            {**each._asdict(), "tau": each.tau._asdict(), "rho": each.rho._asdict()}
            for each in told.ranks
        ],
        "front": [each.of for each in told.front if each.front],
        "trained": [asdict(each) for each in told.trained],
    }


def _csv(told: Told) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="", extrasaction="ignore")
    writer.writeheader()
    (a, b), (task, metric) = told.found.primary.contrast, told.found.key
    about = {"role": "primary", "task": task, "metric": metric, "a": a, "b": b}
    rows = [{**about, **each} for each in told.primary]
    for row in (*rows, *({"role": "exploratory", **each} for each in told.others)):
        writer.writerow({k: as_text(v) if isinstance(v, str) else v for k, v in row.items()})
    return out.getvalue()


def text(told: Told, drawn: Sequence[str]) -> str:
    """Return report.md."""
    shown = [f"![{alt}](figures/{name}.png)" for name, alt in figure.ALT.items() if name in drawn]
    parts = (
        f"# {md(told.grid.study.question)}",
        *_marks(told),
        " ".join(_answer(told)),
        *shown,
        _fitted(told),
        _primary(told),
        _ranks(told),
        _conditions(told),
        _front(told),
        _trained(told),
        _decided(told),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _marks(told: Told) -> Iterator[str]:
    if told.found.partial:
        yield "**PARTIAL**: only some documents of each task were asked."
    if told.amended:
        yield "**EXPLORATORY**: what the study decides was changed after its first result."


def _answer(told: Told) -> Iterator[str]:
    """Yield the answer in a sentence with intervals, and what cannot be answered."""
    a, b = told.found.primary.contrast
    measure = f"{_less(a, b)} on {code(told.found.key[0])} {md(told.found.key[1])}"
    measure = measure[0].upper() + measure[1:]
    known = [each for each in told.primary if each["value"] is not None]
    if told.grid.study.primary.between is not None:
        (only,) = told.primary
        change = f"{measure} changes by {told.estimate(only)} {_between(told, only)}"
        yield f"{change}: {_decision(told, only)}."
    elif known:
        least, most = (pick(known, key=lambda e: e["value"]) for pick in (min, max))
        sure = sum(_sure(each) for each in told.primary)
        yield (
            f"{measure} differs from 0 for sure in {sure} of {len(told.primary)} conditions; it is "
            f"{told.estimate(least)} at the least ({md(least['of'])}) and {told.estimate(most)} at "
            f"the most ({md(most['of'])}){_undetected(told)}."
        )
    if known_ranks := [each for each in told.ranks if each.tau.value is not None]:
        yield _order(told, known_ranks)
    yield from _best(told)
    yield from _remaining(told)
    yield from _spent(told)
    if told.grid.study.cannot_tell:
        yield told.grid.study.cannot_tell.strip()


def _undetected(told: Told) -> str:
    """Return, where some conditions are not told from 0, what would have been found in them."""
    nulls = [e["detectable"] for e in told.primary if not _sure(e) and e["detectable"] is not None]
    if not nulls:
        return ""
    least = number(max(nulls), Unit(told.unit.places + 1, told.unit.times))
    return f"; of those not told from 0, {least} or more would be found in four of five cases"


def _between(told: Told, only: Outcome) -> str:
    """Return which conditions the one outcome compares."""
    outcome = told.grid.study.primary
    if outcome.beyond is None:
        return f"({md(only['of'])})"
    names = [md(" + ".join(told.grid.matching(levels))) for _, levels in outcome.sets]
    return f"more from {names[1]} to {names[0]} than from {names[3]} to {names[2]}"


def _less(a: str, b: str) -> str:
    """Return a contrast in words: arms of one side as their mean."""
    sides = [[md(name) for name in arms_of(side)] for side in (a, b)]
    told = [f"the mean of {' and '.join(side)}" if side[1:] else side[0] for side in sides]
    return f" {MINUS} ".join(told)


def _best(told: Told) -> Iterator[str]:
    """Yield which conditions are on the front, where what moves is not what is primary."""
    if told.grid.study.effect is not None:
        names = ", ".join(md(each.of) for each in told.front if each.front)
        yield f"No other condition moves as far and costs no more than {names} (exploratory)."


def _remaining(told: Told) -> Iterator[str]:
    """Yield which conditions no measure of leaning tells from the base, where that is asked."""
    if BASE not in told.found.effect.contrast or len(told.found.conditions) == 1:
        return
    leaning = [each for each in told.others if (each["task"], each["metric"]) in told.found.scales]
    moved = {each["of"] for each in leaning if _sure(each)}
    still = [md(c.name) for c in told.found.conditions if c.name not in moved]
    count = len({(each["task"], each["metric"]) for each in leaning})
    on = f"of the {count} measures of leaning"
    told_of = f"On none {on} is it told from 0 in {', '.join(still)}"
    if not still:
        told_of = f"In every condition it is told from 0 on some {on}"
    yield f"{told_of} (exploratory)."


def _spent(told: Told) -> Iterator[str]:
    """Yield which conditions moved most for what their training took, where that differs."""
    if len({each.weights for each in told.trained}) < len(told.found.conditions):
        return
    moved = {of: abs(each["value"]) for of, each in _moved(told).items() if each["value"]}
    held = [each for each in told.trained if each.of in moved and each.weights and each.seconds]
    if held:
        cheap = max(held, key=lambda t: moved[t.of] / t.weights)
        fast = max(held, key=lambda t: moved[t.of] / (t.seconds or 1))
        yield (
            f"For each trained weight {md(cheap.of)} moves most, {_per_thousand(told, cheap)} a "
            f"thousand; for each second of training {md(fast.of)}, {_per_second(told, fast)} "
            "(exploratory)."
        )


def _moved(told: Told) -> dict[str, Outcome]:
    place = (*told.found.moved, *told.found.effect.contrast)
    return {of: each for (of, *where), each in placed(told.others).items() if (*where,) == place}


def _per_thousand(told: Told, each: Training) -> str:
    return _share(told, each, each.weights / 1000)


def _per_second(told: Told, each: Training) -> str:
    return _share(told, each, each.seconds)


def _share(told: Told, each: Training, of: float | None) -> str:
    """Return what a condition moves for one of `of`, with its interval."""
    moved = _moved(told).get(each.of)
    if not of or moved is None:
        return NONE
    parts = {k: None if moved[k] is None else moved[k] / of for k in ("value", "low", "high")}
    return estimate(parts, Unit(3, told.unit_of(told.found.moved).times), sign=True)


def _sure(each: Outcome) -> bool:
    return each["p_holm"] is not None and each["p_holm"] < 1 - LEVEL


def _decision(told: Told, each: Outcome) -> str:
    """Return what one primary outcome may be called; a null with what it could have found."""
    unit = Unit(told.unit.places + 1, told.unit.times)
    p, margin = p_of(each["p"]), number(told.grid.study.margin, told.unit)
    if _sure(each):
        return f"p {p}, {told.claim(each)}"
    if each["verdict"] == "equivalent":
        return f"p {p}, surely less than the {margin} that would matter"
    least = number(each["detectable"], unit)
    return f"p {p}, not told from 0, and only {least} or more would be found in four of five cases"


def _fitted(told: Told) -> str:
    if not told.curves:
        return ""
    axis = md(figure.numeric(told.found) or "")
    paragraphs = []
    for of, fit in told.curves.items():
        top = estimate(fit.top._asdict(), told.unit_of(told.found.moved), sign=True)
        half, low, high = (f"{end or 0:.3g}" for end in fit.half)
        said = f"{md(of)}: a" if of else "A"
        said += f" saturating curve through 0 ends at {top}, and is half way there at {axis} = "
        said += f"{half} [{low}, {high}]: percentiles over drawings of items and seeds, rather too "
        said += "narrow for few seeds."
        if not fit.bounded:
            said += " These data do not bound it: within them it may as well be a line."
        paragraphs.append(said)
    return section("The curve", *paragraphs)


def _primary(told: Told) -> str:
    rows = [
        [
            md(each["of"]),
            told.claim(each),
            told.estimate(each),
            p_of(each["p"]),
            p_of(each["p_holm"]),
            number(each["detectable"], Unit(2, told.unit.times)),
            each["verdict"] or "-",
            str(each["items"]),
            str(each["seeds"]),
        ]
        for each in told.primary
    ]
    note = "*p, Holm*: corrected for all of these together. *Detectable*: the smallest true value "
    note += "that a study like this one finds in four of five cases, with that correction. "
    note += "*Verdict*: against the margin, if one was declared; different only as corrected."
    head = ["of", "claim", "value", "p", "p, Holm", "detectable", "verdict", "items", "seeds"]
    return section("Primary outcome", note, table(head, rows, words=2))


def _order(told: Told, known: Sequence[Ranks]) -> str:
    """Return in a sentence how alike arms and seeds are ordered."""
    arms, task, metric = known[0].arms, code(told.found.key[0]), md(told.found.key[1])
    said = f"By {task} {metric}, {arms} arms and seeds are put in one order with Kendall's tau of "
    said += _range([(each.tau, f"{md(each.a)} and {md(each.b)}") for each in known])
    return f"{said}; agreement on the order of arms alone would give {known[0].apart:.2f}."


def _range(known: Sequence[tuple[Interval, str]]) -> str:
    """Return the least and the greatest of some values with their intervals, or the only one."""
    least, most = (pick(known, key=lambda each: each[0].value or 0) for pick in (min, max))
    told = [estimate(value._asdict(), Unit(2)) for value, _ in (least, most)]
    if len(known) == 1:
        return told[0]
    return f"{told[0]} at the least ({least[1]}) and {told[1]} at the most ({most[1]})"


def _ranks(told: Told) -> str:
    if not told.ranks:
        return ""
    rows = [
        [
            md(each.a),
            md(each.b),
            str(each.arms),
            estimate(each.tau._asdict(), Unit(2)),
            number(each.apart, Unit(2)),
            estimate(each.rho._asdict(), Unit(2)),
        ]
        for each in told.ranks
    ]
    note = "The means of all arms and seeds, the base among them, by the primary measure: 1 is one "
    note += "order, and -1 the reverse. *Of arms alone*: the tau of two that agree on the order of "
    note += "arms, and not at all on that of an arm's seeds. Intervals are over drawings of items, "
    note += "and of these arms and seeds alone. **Exploratory**."
    head = ["by", "and by", "arms and seeds", "Kendall's tau-b", "of arms alone", "Spearman's rho"]
    return section("In one order?", note, table(head, rows, words=2))


def _conditions(told: Told) -> str:
    """Return a table of all conditions, a column a measure."""
    by = placed(told.others)
    places = list(dict.fromkeys(place[1:] for place in by))
    rows = [
        [md(c.name), *(_shown(told, by.get((c.name, *place))) for place in places)]
        for c in told.found.conditions
    ]
    head = [f"{_less(a, b)}, {code(task)} {md(metric)}" for task, metric, a, b in places]
    note = "All but the primary outcome is **exploratory**. "
    note += f"{CORRECTED} differs from 0 after Holm's correction over the conditions of its column."
    return section("All conditions", note, table(["condition", *head], rows), *_missing(told))


def _missing(told: Told) -> Iterator[str]:
    """Yield how many answers have no value by the primary measure, where any has none."""
    key = told.found.key
    counts = {
        c.name: sum(arm[key].missing for arm in c.arms.values() if key in arm)
        for c in told.found.conditions
    }
    if any(counts.values()):
        listed = ", ".join(f"{md(name)} {count}" for name, count in counts.items())
        yield f"Left out, since they have no {code(key[0])} {md(key[1])}: {listed}."


def _front(told: Told) -> str:
    """Return what each condition moves and costs, and which of them no other beats."""
    if len(told.front) < 2 or not told.found.costs:  # noqa: PLR2004 - one cannot be compared
        return ""
    costs, shown = told.found.costs, told.unit_of(told.found.moved)
    rows = [
        [
            md(each.of),
            number(each.moved, shown, sign=True),
            *(number(each.costs[k], told.unit_of(k), sign=True) for k in costs),
            "yes" if each.front else "no",
        ]
        for each in told.front
    ]
    head = [
        "condition",
        _less(*told.found.effect.contrast),
        *(f"{md(k[1])}, mean of arms" for k in costs),
        "front",
    ]
    note = "On the *front* is what no other condition beats: none moves as far, either way, and "
    note += "costs no more by any measure. It is made of estimates; intervals stand above."
    return section("What moving costs", note, table(head, rows))


def _trained(told: Told) -> str:
    if not told.trained:
        return ""
    rows = [
        [
            md(each.of),
            f"{each.weights:,.0f}",
            f"{each.steps:,.0f}",
            NONE if each.tokens is None else f"{each.tokens:,.0f}",
            number(each.seconds, Unit(1)),
            _per_thousand(told, each),
            _per_second(told, each),
        ]
        for each in told.trained
    ]
    head = ["condition", "weights", "steps", "tokens", "seconds"]
    head += ["moved per 1,000 weights", "moved per second"]
    note = f"Means over seeds of {', '.join(map(md, told.found.arms))} where they were trained. "
    note += (
        "*Seconds* are those at work on the machine where it was trained: of its processors, or "
    )
    note += "by the clock of a GPU. They, and what is divided by them, differ from run to run."
    if missing := sum(each.trainings - each.timed for each in told.trained):
        note += (
            f" Of {missing} of {sum(t.trainings for t in told.trained)} trainings they are unknown."
        )
    return section("What training took", note, table(head, rows))


def _shown(told: Told, each: Outcome | None) -> str:
    if each is None:
        return "-"
    unit = told.unit_of((each["task"], each["metric"]))
    return estimate(each, unit, sign=True) + (f" {CORRECTED}" if _sure(each) else "")


def _levels(combination: Mapping[str, Any]) -> str:
    return ", ".join(f"{axis} {level}" for axis, level in combination.items())


def _decided(told: Told) -> str:
    decided, outcome = told.frozen["decided"], told.grid.study.primary
    margin = "none" if decided["margin"] is None else f"{decided['margin']:g}"
    between = " less ".join(map(_levels, outcome.between)) if outcome.between else "each condition"
    if outcome.beyond:
        between += ", beyond " + " less ".join(map(_levels, outcome.beyond))
    of = _less(*outcome.contrast)
    lines = [
        f"outcome: {code(outcome.task)} {md(outcome.metric)}, {of}, {md(between)}",
        f"margin: {margin}",
        f"seeds: {', '.join(map(str, decided['seeds']))}{_too_few(decided['seeds'])}",
        f"items that do not count: {', '.join(map(md, outcome.without)) or 'none'}",
        f"combinations left out: {len(decided['exclude'])}; cells: {len(decided['cells'])}",
        f"models: {', '.join(map(md, told.found.models))}",
        f"SHA-256 of all that, and of every recipe: `{told.frozen['sha256']}`",
    ]
    if told.grid.study.effect:
        moved = told.grid.study.effect
        what = f"{code(moved.task)} {md(moved.metric)}, {_less(*moved.contrast)}"
        lines.insert(1, f"what is to move: {what}")
    if told.amended:
        lines.append(f"amended since; before: {', '.join(map(md, told.frozen['amended']))}")
    return section("What was decided before anything ran", "\n".join(f"- {line}" for line in lines))


def _too_few(seeds: Sequence[int]) -> str:
    enough = len(seeds) >= CONFIRMATORY
    return "" if enough else f"; an outcome is confirmatory from {CONFIRMATORY} on"
