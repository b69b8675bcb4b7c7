"""How much may be claimed of the differences that a report begins with.

One training seed speaks of one model; from five on, a claim confirms. All headline differences are
looked at together, so their p-values are corrected for one another. That no loss of ability is
sure does not mean that none is there: that takes an equivalence test with a declared margin.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key
from politune_harness.report.matrices import Cells
from politune_harness.report.reading import BASE, CONTROL, Run
from politune_harness.statistics import (
    benjamini_hochberg,
    claim,
    difference,
    difference_in_differences,
    effect_size,
    equivalence,
    holm,
    p_value,
    significant,
    smallest_detectable_shift,
)

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
    return {
        "claims": {arm: {"seeds": _seeds(found, arm), "claim": _claim(found, arm)} for arm in arms},
        "headline": corrected(list(_headline(findings.headline, found))),
        "margin": margin,
        "equivalence": {arm: _kept(findings.abilities, found, arm, margin / 100) for arm in arms},
    }


def _seeds(found: Cells, arm: str) -> int:
    return max(len(cell.seeds) for cell in found[arm].values())


def _claim(found: Cells, *arms: str) -> str:
    return claim(min(_seeds(found, arm) for arm in arms))


def _headline(keys: Iterable[Key], found: Cells) -> Iterator[dict[str, Any]]:
    """Yield each arm's shift from the base, and that shift minus the control arm's."""
    for key in keys:
        base = found[BASE][key].matrix
        for arm in found:
            if arm == BASE or key not in found[arm]:
                continue
            here, strata = found[arm][key].matrix, found[arm][key].strata
            yield {
                "arm": arm,
                "against": BASE,
                "task": key[0],
                "metric": key[1],
                **difference(here, base, strata)._asdict(),
                "p": p_value(here, base, strata=strata),
                "effect_size": effect_size(here, base),
                "detectable": smallest_detectable_shift(here, base),
                "claim": _claim(found, arm),
            }
            if arm == CONTROL or key not in found.get(CONTROL, {}):
                continue
            control = found[CONTROL][key].matrix
            yield {
                "arm": arm,
                "against": CONTROL,
                "task": key[0],
                "metric": key[1],
                **difference_in_differences(here, control, base, strata)._asdict(),
                "p": p_value(here, control, base, strata),
                "effect_size": effect_size(here, control),
                "detectable": smallest_detectable_shift(here, control),
                "claim": _claim(found, arm, CONTROL),
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
