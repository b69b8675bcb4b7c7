"""Judges and people in the same tables, as Markdown."""

from collections.abc import Iterable, Sequence

import numpy as np

from politune_harness.panel.agreement import agreement, pairs
from politune_harness.panel.combining import Items, biases, by_judge, combined
from politune_harness.panel.correcting import corrected
from politune_harness.panel.directions import errors
from politune_harness.statistics import Array, Interval

LIMITS = (0.0, 20.0)
NONE = "n/a"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    >>> print(table(["a", "b"], [["x", "1"]]))
    | a | b |
    |---|---|
    | x | 1 |
    """
    lines = [header, *rows]
    cells = ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join([cells[0], "|" + "---|" * len(header), *cells[1:]])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def raters_table(
    names: Sequence[str],
    scores: Array,
    items: Items = None,
    limits: tuple[float, float] | None = None,
) -> str:
    """Return each rater's mean, and its bias against the mean of the others."""
    bias = biases(names, scores, items) if len(names) > 1 else []
    apart = {each.judge: shown(each.bias) for each in bias}
    rows = [
        [name, str(int((~np.isnan(row)).sum())), shown(mean), apart.get(name, NONE)]
        for (name, mean), row in zip(
            by_judge(names, scores, items, limits).items(), scores, strict=True
        )
    ]
    return table(["rater", "scored", "mean", "less the others' mean"], rows)


def pairs_table(names: Sequence[str], scores: Array) -> str:
    """Return how far each pair of raters agrees."""
    rows = [
        [p.a, p.b, str(p.n), *map(number, (p.pearson, p.spearman, p.mae, p.difference))]
        for p in pairs(names, scores)
    ]
    return table(["a", "b", "both", "Pearson", "Spearman", "MAE", "a less b"], rows)


def agreement_table(groups: Iterable[tuple[str, Array]]) -> str:
    """Return how far the raters of each group agree; groups of one are left out."""
    rows = []
    for name, scores in groups:
        if len(scores) > 1:
            found = agreement(scores)
            rows.append([name, str(len(scores)), *map(number, found[:3]), str(found.complete)])
    header = ["among", "raters", "alpha", "ICC(2,1)", "ICC(2,k)", "answers with all"]
    return table(header, rows)


def errors_table(names: Sequence[str], scores: Array, people: Array) -> str:
    """Return how often each judge errs to either side of what people said."""
    found = [(name, errors(row, people)) for name, row in zip(names, scores, strict=True)]
    rows = [
        [name, _of(e.false_left, e.not_left), _of(e.false_right, e.not_right)] for name, e in found
    ]
    return table(["judge", "false left", "false right"], rows)


def corrections_table(groups: Iterable[tuple[str, Array, Array, Items]]) -> str:
    """Return each group's mean by judges, by people, and by judges corrected by people."""
    rows = []
    for name, judged, people, items in groups:
        found = corrected(judged, people, items)
        means = map(shown, (found.uncorrected, found.people, found.corrected))
        rows.append([name, *means, number(found.power), f"{found.rated} of {len(judged)}"])
    return table(["arm", "judges", "people", "corrected", "power", "rated"], rows)


def people_and_judges(
    people: dict[str, Array],
    judges: dict[str, Array],
    items: Sequence[str],
    places: Sequence[str],
) -> str:
    """Return all tables of one task; every array has the shape (answers,)."""
    rated, judged = np.stack([*people.values()]), np.stack([*judges.values()])
    by_people = combined(rated, needed=1)
    both, names = np.concatenate([rated, judged]), [*people, *judges]
    of = np.array(places)
    arms = [
        (place, combined(judged)[of == place], by_people[of == place], np.array(items)[of == place])
        for place in dict.fromkeys(places)
    ]
    return "\n\n".join(
        [
            raters_table(names, both, items, LIMITS),
            pairs_table(names, both),
            agreement_table([("people", rated), ("judges", judged), ("all", both)]),
            errors_table([*judges], judged, by_people),
            corrections_table((name, a, b, list(i)) for name, a, b, i in arms),
        ]
    )


def number(value: float | None) -> str:
    """Return a number with two decimals, or that there is none.

    >>> number(0.456), number(None)
    ('0.46', 'n/a')
    """
    return NONE if value is None else f"{value:.2f}"


def shown(interval: Interval) -> str:
    """Return a mean with its interval.

    >>> shown(Interval(9.5, 8.0, 11.0)), shown(Interval(9.5, None, None))
    ('9.50 [8.00, 11.00]', '9.50')
    """
    if interval.low is None or interval.high is None:
        return number(interval.value)
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _of(share: float | None, count: int) -> str:
    return NONE if share is None else f"{share:.0%} of {count}"
