"""How much may be claimed of the differences that a report begins with.

One training seed speaks of one model; from five on, a claim confirms. All headline differences are
looked at together, so their p-values are corrected for one another. That no loss of ability is
sure does not mean that none is there: that takes an equivalence test with a declared margin.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key
from politune_harness.report.matrices import Cell, Cells
from politune_harness.report.reading import BASE, CONTROL, Run
from politune_harness.statistics import (
    benjamini_hochberg,
    claim,
    effect_size,
    equivalence,
    holm,
    significant,
)
from politune_harness.statistics.crossed import contrast
from politune_harness.statistics.intervals import around, known, two_sided
from politune_harness.statistics.sizes import detectable

LABELS = {
    "this model only": "one training seed, so intervals cover the items and speak of these very "
    "models; another seed may land elsewhere.",
    "exploratory": "two to four training seeds, enough to see how much training varies, and too "
    "few to confirm anything.",
    "confirmatory": "five training seeds or more, so what is found holds for more of the kind.",
}
"""By the name of a claim, why it goes no further."""


def claims(findings: Findings, found: Cells, run: Run) -> dict[str, Any]:
    """Return what results.json says of how sure its differences are; its margin is in points."""
    arms, margin = findings.tuned, run.recipe.evaluate.margin
    seeds = {arm: _seeds(findings.headline, found[arm]) for arm in arms}
    return {
        "claims": {arm: {"seeds": count, "claim": claim(count)} for arm, count in seeds.items()},
        "headline": headline(findings.headline, found),
        "margin": margin,
        "equivalence": {arm: _kept(findings.abilities, found, arm, margin / 100) for arm in arms},
    }


def _seeds(keys: Iterable[Key], cells: Mapping[Key, Cell]) -> int:
    """Return how many seeds an arm has: on the headline measure that has values of the fewest."""
    told = [cells[key] for key in keys if key in cells] or cells.values()
    return min(filter(None, (cell.answering for cell in told)), default=0)


def headline(keys: Iterable[Key], found: Cells) -> list[dict[str, Any]]:
    """Return each arm's shift from the base, and that shift minus the control arm's."""
    arms = [arm for arm in found if arm != BASE]
    pairs = [
        (key, arm, against)
        for key in keys
        for arm in arms
        for against in (BASE, CONTROL)
        if arm != against and key in found[arm] and key in found.get(against, {})
    ]
    rows = [
        {
            "arm": arm,
            "against": against,
            "task": key[0],
            "metric": key[1],
            **_compared(key, found, arm, against, tests=len(pairs)),
            "claim": claim(min(found[each][key].answering for each in {arm, against} - {BASE})),
        }
        for key, arm, against in pairs
    ]
    return corrected(rows)


def _compared(key: Key, found: Cells, arm: str, against: str, tests: int) -> dict[str, Any]:
    """Return a difference on the items that the base has, too, as one of so many tests."""
    here, there, base = (found[name][key].matrix for name in (arm, against, BASE))
    terms = [(1.0, here), (-1.0, there), *([] if against == BASE else [(0.0, base)])]
    spread = contrast(terms, found[arm][key].strata)
    return {
        **around(spread)._asdict(),
        "p": two_sided(spread) if known(spread) else None,
        "effect_size": effect_size(here, there),
        "detectable": detectable(spread, tests),
    }


def corrected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each row its p-value as corrected for all rows, by Holm.

    >>> [row["p_holm"] for row in corrected([{"p": 0.01}, {"p": 0.04}, {"p": None}])]
    [0.02, 0.04, None]
    """
    ps = holm([row["p"] for row in rows])
    return [{**row, "p_holm": p} for row, p in zip(rows, ps, strict=True)]


def is_sure(row: Mapping[str, Any]) -> bool:
    """Say whether a difference is significant once corrected for all others."""
    return significant(row["p_holm"])


def screened(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each row its p-value as corrected for false discoveries, by Benjamini and Hochberg."""
    qs = benjamini_hochberg([row["p"] for row in rows])
    return [{**row, "q": q} for row, q in zip(rows, qs, strict=True)]


def _kept(
    keys: Iterable[Key], found: Cells, arm: str, margin: float
) -> Mapping[str, Mapping[str, Any]]:
    """Return, by task and main metric, whether an arm is as able as the base within the margin."""
    return {
        task: {
            metric: equivalence(
                found[arm][task, metric].matrix, found[BASE][task, metric].matrix, margin
            )._asdict()
        }
        for task, metric in keys
        if (task, metric) in found[arm]
    }
