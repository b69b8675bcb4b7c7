"""How sure a mean is: intervals over items and training seeds, and bounds over what is missing.

A value is the mean of item means; NaN is missing and is never filled in. Items and seeds are
crossed random effects: both are samples, and every seed answers every item. So the variance of
the mean is estimated from its components (items, seeds, rest), with Satterthwaite's degrees of
freedom, and the interval is t-based: it needs no random numbers. docs/statistics.md has the
formulae, their coverage and the references.
"""

from politune_harness.statistics.arrays import Array, Strata
from politune_harness.statistics.bootstrap import bootstrap
from politune_harness.statistics.decisions import (
    Equivalence,
    McNemar,
    Verdict,
    among,
    benjamini_hochberg,
    equivalence,
    holm,
    mcnemar,
    significant,
)
from politune_harness.statistics.intervals import (
    ALPHA,
    CONFIRMATORY,
    LEVEL,
    Claim,
    Interval,
    bounds,
    claim,
    difference,
    difference_in_differences,
    interval,
    item_means,
    mean,
    p_value,
)
from politune_harness.statistics.sizes import POWER, effect_size, smallest_detectable_shift

__all__ = [
    "ALPHA",
    "CONFIRMATORY",
    "LEVEL",
    "POWER",
    "Array",
    "Claim",
    "Equivalence",
    "Interval",
    "McNemar",
    "Strata",
    "Verdict",
    "among",
    "benjamini_hochberg",
    "bootstrap",
    "bounds",
    "claim",
    "difference",
    "difference_in_differences",
    "effect_size",
    "equivalence",
    "holm",
    "interval",
    "item_means",
    "mcnemar",
    "mean",
    "p_value",
    "significant",
    "smallest_detectable_shift",
]
