"""The report of a study: its answer, what that rests on, and every number, from the cells on disk.

The same artifacts give the same bytes. What was frozen before the first result is confirmatory as
far as its seeds allow; everything else is called exploratory.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from politune_harness.artifacts import write_whole
from politune_harness.rating import as_text
from politune_harness.report.claims import is_sure
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import NONE, Unit, estimate, number, p_of
from politune_harness.statistics.intervals import CONFIRMATORY
from politune_harness.study import Grid, figure
from politune_harness.study.answer import answer
from politune_harness.study.curve import at
from politune_harness.study.lines import lines, numeric
from politune_harness.study.results import PARTIAL, Outcome, placed
from politune_harness.study.told import Told, less, movements, per_second, per_thousand, tell

COLUMNS = (
    *("role", "of", "task", "metric", "a", "b", "value", "low", "high", "p", "p_holm"),
    *("detectable", "verdict", "claim", "items", "seeds"),
)
WHY = ": only some documents of each task were asked"
CORRECTED = "\\*"
"""Marks what differs from 0 after correction."""


def write(grid: Grid, out: Path) -> None:
    """Write report.md, results.json, results.csv and figures/ into the folder of a study.

    Raises DataError, in one line, where a cell is not finished or the study is another than was
    frozen there, RecipeError where its primary outcome was not measured.
    """
    told = tell(grid, out)
    drawn = figure.draw(told.found, told.others, told.curves, told.front, out / "figures")
    results = json.dumps(_results(told), indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(out / "results.json", results + "\n")
    write_whole(out / "results.csv", _csv(told))
    write_whole(out / "report.md", text(told, drawn))


def _results(told: Told) -> dict[str, Any]:
    return {
        "question": told.grid.study.question,
        "frozen": dict(told.frozen),
        "models": list(told.found.models),
        "marks": list(told.found.marks),
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
    shown = [
        f"![{alt if told.found.costs else figure.COSTLESS}](figures/{name}.png)"
        for name, alt in figure.ALT.items()
        if name in drawn
    ]
    parts = (
        f"# {md(told.grid.study.question)}",
        *_marks(told),
        " ".join(answer(told)),
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
    for mark in told.found.marks:
        yield f"> **{md(mark).upper()}**{WHY if mark == PARTIAL else ''}"
    if told.amended:
        yield "> **EXPLORATORY**: what the study decides was changed after its first result."


def _fitted(told: Told) -> str:
    if not told.curves:
        return ""
    axis = md(numeric(told.found) or "")
    paragraphs = []
    for of, fit in told.curves.items():
        top = estimate(fit.top._asdict(), told.unit_of(told.found.moved), sign=True)
        half, low, high = (f"{end or 0:.3g}" for end in fit.half)
        said = f"{md(of)}: a" if of else "A"
        said += " saturating curve through 0 "
        if fit.bounded:
            said += f"ends at {top}, and is half way there at {axis} = {half} [{low}, {high}]: "
            said += "percentiles over drawings of items and seeds, rather too narrow for few seeds."
        else:
            said += "is not bounded by these data: where it would end is unknown."
        paragraphs.append(said + _misfit(told, of))
    return section("The curve", *paragraphs)


def _misfit(told: Told, of: str) -> str:
    """Return where a curve leaves the intervals of the conditions that it is fitted to."""
    (line,) = (each for each in lines(told.found) if each.name == of)
    fitted = at(told.curves[of], np.array([x for x, _ in line.points]))
    moved = movements(told)
    outside = [
        f"{x:g}"
        for (x, condition), value in zip(line.points, fitted, strict=True)
        if (each := moved.get(condition.name)) is not None
        and each["low"] is not None
        and not each["low"] <= value <= each["high"]
    ]
    if not outside:
        return ""
    axis = md(numeric(told.found) or "")
    places = ", ".join(outside)
    return f" It does not fit: at {axis} = {places} it leaves the interval of what was measured."


def _primary(told: Told) -> str:
    rows = [
        [
            md(each["of"]),
            each["claim"],
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
    note += "*Verdict*: against the margin, if one was declared; different only as corrected, and "
    note += "equivalent each for itself."
    head = ["of", "claim", "value", "p", "p, Holm", "detectable", "verdict", "items", "seeds"]
    return section("Primary outcome", note, table(head, rows, words=2))


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
    note += "and of these arms and seeds alone; drawing adds noise, which brings both nearer to "
    note += "0, so that the truth may be 1 where they end below it. **Exploratory**."
    if told.found.people:
        note += " *people*: those who rated the same answers; both orders are then of these alone."
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
    head = [f"{less(a, b)}, {code(task)} {md(metric)}" for task, metric, a, b in places]
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
        yield f"Answers left out, since they have no {code(key[0])} {md(key[1])}: {listed}."


def _front(told: Told) -> str:
    """Return what each condition moves and costs, and which of them no other beats."""
    if len(told.front) < 2 or not told.found.costs:  # noqa: PLR2004 - one cannot be compared
        return ""
    costs, shown = told.found.costs, told.unit_of(told.found.moved)
    best = any(each.front for each in told.front)
    rows = [
        [
            md(each.of),
            number(each.moved, shown, sign=True),
            *(number(each.costs[k], told.unit_of(k), sign=True) for k in costs),
            *(["yes" if each.front else "no"] if best else []),
        ]
        for each in told.front
    ]
    head = [
        "condition",
        less(*told.found.effect.contrast),
        *(f"{md(k[1])}, mean of arms" for k in costs),
        *(["front"] if best else []),
    ]
    note = "On the *front* is what no other condition beats: none moves as far, either way, and "
    note += "costs no more by any measure. It is made of estimates, before they are rounded: "
    note += "what looks alike here may differ in a further digit, and by less than its intervals."
    if not best:
        ways = "conditions move to either side of the base, so that to move far is not one aim"
        whole = any(None not in (each.moved, *each.costs.values()) for each in told.front)
        why = ways if whole else "no condition has every value"
        note = f"There is no front: {why}. These are estimates; intervals stand above."
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
            per_thousand(told, each),
            per_second(told, each),
        ]
        for each in told.trained
    ]
    head = ["condition", "weights", "steps", "tokens", "seconds"]
    head += ["moved per 1,000 weights", "moved per second"]
    note = f"Means over seeds of {', '.join(map(md, told.found.arms))} where they were trained. "
    note += (
        "*Seconds* are those at work on the machine where it was trained: of its processors, or "
    )
    note += "by the clock of a GPU. They, and what is divided by them, differ from run to run. The "
    note += "distance between two arms is divided by what one of them took; its interval is that "
    note += "of the distance alone."
    if any(each.goes_on for each in told.trained):
        note += " What goes on from another arm is not divided by its own training alone."
    if missing := sum(each.trainings - each.timed for each in told.trained):
        note += (
            f" Of {missing} of {sum(t.trainings for t in told.trained)} trainings they are unknown."
        )
    return section("What training took", note, table(head, rows))


def _shown(told: Told, each: Outcome | None) -> str:
    if each is None:
        return "-"
    unit = told.unit_of((each["task"], each["metric"]))
    return estimate(each, unit, sign=True) + (f" {CORRECTED}" if is_sure(each) else "")


def _levels(combination: Mapping[str, Any]) -> str:
    return ", ".join(f"{axis} {level}" for axis, level in combination.items())


def _decided(told: Told) -> str:
    decided, outcome = told.frozen["decided"], told.grid.study.primary
    points = told.unit.times > 1
    margin = f"{told.unit.times * (decided['margin'] or 0):g}{' points' if points else ''}"
    margin = "none" if decided["margin"] is None else margin
    between = " less ".join(map(_levels, outcome.between)) if outcome.between else "each condition"
    if outcome.beyond:
        between += ", beyond " + " less ".join(map(_levels, outcome.beyond))
    of = less(*outcome.contrast)
    lines = [
        f"outcome: {code(outcome.task)} {md(outcome.metric)}, {of}, {md(between)}",
        f"margin: {margin}",
        f"seeds: {', '.join(map(str, decided['seeds']))}{_too_few(told.primary)}",
        f"items that do not count: {', '.join(map(md, outcome.without)) or 'none'}",
        f"combinations left out: {len(decided['exclude'])}; cells: {len(decided['cells'])}",
        f"models: {', '.join(map(md, told.found.models))}",
        f"SHA-256 of all that, and of every recipe: `{told.frozen['sha256']}`",
    ]
    if told.grid.study.effect:
        moved = told.grid.study.effect
        what = f"{code(moved.task)} {md(moved.metric)}, {less(*moved.contrast)}"
        lines.insert(1, f"what is to move: {what}")
    if told.amended:
        lines.append(f"amended since; before: {', '.join(map(md, told.frozen['amended']))}")
    return section("What was decided before anything ran", "\n".join(f"- {line}" for line in lines))


def _too_few(primary: Sequence[Outcome]) -> str:
    enough = all(each["seeds"] >= CONFIRMATORY for each in primary)
    return "" if enough else f"; an outcome is confirmatory from {CONFIRMATORY} on"
