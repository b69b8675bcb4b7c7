"""The report of a study: its answer, what that rests on, and every number, from the cells on disk.

The same artifacts give the same bytes. What was frozen before the first result is confirmatory as
far as its seeds allow; everything else is called exploratory.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from politune_harness.artifacts import write_whole
from politune_harness.rating import as_text
from politune_harness.report.instruments import Key
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS, Unit, estimate, number, p_of, unit_of
from politune_harness.statistics import LEVEL, Interval
from politune_harness.study import Grid, figure, frozen
from politune_harness.study.curve import Saturating, saturating
from politune_harness.study.ranks import Ranks, ranks
from politune_harness.study.results import Gathered, Outcome, gather, outcomes, primary

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
    curve: Saturating | None
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
    axis = grid.study.ranks
    alike = [] if axis is None else [*ranks(found, axis)]
    return Told(
        grid, found, held, primary(found, grid), outcomes(found), _curve(grid, found), alike
    )


def _curve(grid: Grid, found: Gathered) -> Saturating | None:
    if grid.study.curve is None:
        return None
    (a, b), points = found.primary.contrast, figure.lines(found)[0].points
    effects = [(c.arms[a][found.key].matrix, c.arms[b][found.key].matrix) for _, c in points]
    return saturating(np.array([x for x, _ in points]), effects)


def write(grid: Grid, out: Path) -> None:
    """Write report.md, results.json, results.csv and figures/ into the folder of a study.

    Raises DataError, in one line, where a cell is not finished or the study is another than was
    frozen there, RecipeError where its primary outcome was not measured.
    """
    told = tell(grid, out)
    drawn = figure.draw(told.found, told.others, told.curve, out / "figures")
    results = json.dumps(_results(told), indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(out / "results.json", results + "\n")
    write_whole(out / "results.csv", _csv(told))
    write_whole(out / "report.md", text(told, drawn))


def _results(told: Told) -> dict[str, Any]:
    fit = told.curve
    return {
        "question": told.grid.study.question,
        "frozen": dict(told.frozen),
        "models": list(told.found.models),
        "partial": told.found.partial,
        "primary": list(told.primary),
        "exploratory": list(told.others),
        "curve": fit
        and {"top": fit.top._asdict(), "half": fit.half._asdict(), "bounded": fit.bounded},
        "ranks": [
            {**each._asdict(), "tau": each.tau._asdict(), "rho": each.rho._asdict()}
            for each in told.ranks
        ],
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
    measure = f"{md(a)} {MINUS} {md(b)} on {code(told.found.key[0])} {md(told.found.key[1])}"
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
    if (fit := told.curve) is None:
        return ""
    axis = md(figure.numeric(told.found) or "")
    top = estimate(fit.top._asdict(), told.unit, sign=True)
    said = f"A saturating curve through 0 ends at {top}, and is half way there at {axis} = "
    said += f"{estimate(fit.half._asdict(), Unit(0))}: 95 % intervals over drawings of items and "
    said += "seeds."
    if not fit.bounded:
        said += " These data do not bound it: within them it may as well be a line."
    return section("The curve", said)


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
    note += "that a study like this one finds in four of five cases: of a null, nothing smaller is "
    note += "ruled out. *Verdict*: against the margin, if one was declared."
    head = ["of", "claim", "value", "p", "p, Holm", "detectable", "verdict", "items", "seeds"]
    return section("Primary outcome", note, table(head, rows, words=2))


def _order(told: Told, known: Sequence[Ranks]) -> str:
    """Return in a sentence how alike arms and seeds are ordered."""
    arms, task, metric = known[0].arms, code(told.found.key[0]), md(told.found.key[1])
    said = f"By {task} {metric}, {arms} arms and seeds are put in one order with Kendall's tau of "
    return said + _range([(each.tau, f"{md(each.a)} and {md(each.b)}") for each in known]) + "."


def _range(known: Sequence[tuple[Interval, str]]) -> str:
    """Return the least and the greatest of some values with their intervals, or the only one."""
    least, most = (pick(known, key=lambda each: each[0].value or 0) for pick in (min, max))
    told = [f"{estimate(value._asdict(), Unit(2))}" for value, _ in (least, most)]
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
            estimate(each.rho._asdict(), Unit(2)),
        ]
        for each in told.ranks
    ]
    note = "The means of all arms and seeds, the base among them, by the primary measure: 1 is one "
    note += "order, 0 none, and -1 the reverse. Intervals are over drawings of items, and of these "
    note += "arms and seeds alone. **Exploratory**."
    head = ["by", "and by", "arms and seeds", "Kendall's tau-b", "Spearman's rho"]
    return section("In one order?", note, table(head, rows, words=2))


def _conditions(told: Told) -> str:
    """Return a table of all conditions, a column a measure."""
    by = {(e["of"], e["task"], e["metric"], e["a"], e["b"]): e for e in told.others}
    places = list(dict.fromkeys(place[1:] for place in by))
    rows = [
        [md(c.name), *(_shown(told, by.get((c.name, *place))) for place in places)]
        for c in told.found.conditions
    ]
    head = [f"{md(a)} {MINUS} {md(b)}, {code(task)} {md(metric)}" for task, metric, a, b in places]
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
    a, b = map(md, outcome.contrast)
    lines = [
        f"outcome: {code(outcome.task)} {md(outcome.metric)}, {a} {MINUS} {b}, {md(between)}",
        f"margin: {margin}",
        f"seeds: {', '.join(map(str, decided['seeds']))}",
        f"items that do not count: {', '.join(map(md, outcome.without)) or 'none'}",
        f"combinations left out: {len(decided['exclude'])}; cells: {len(decided['cells'])}",
        f"models: {', '.join(map(md, told.found.models))}",
        f"SHA-256 of all that, and of every recipe: `{told.frozen['sha256']}`",
    ]
    if told.amended:
        lines.append(f"amended since; before: {', '.join(map(md, told.frozen['amended']))}")
    return section("What was decided before anything ran", "\n".join(f"- {line}" for line in lines))
