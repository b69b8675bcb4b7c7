"""Several judges on the same answers: what they say together, and how far they can be believed.

Scores are an array of shape (judges, answers), NaN where a judge gave none; nothing is filled in.
Answers to the same question are one cluster: `items` names the question of each answer, and where
it is left out every answer is its own. docs/judges.md has the measures and their papers.
"""

from politune_harness.panel.agreement import (
    Agreement,
    Pair,
    agreement,
    icc,
    krippendorff_alpha,
    pairs,
)
from politune_harness.panel.combining import Bias, Shares, biases, by_judge, combined, own, shares
from politune_harness.panel.correcting import Corrected, Drift, corrected, drift
from politune_harness.panel.directions import Errors, errors

__all__ = [
    "Agreement",
    "Bias",
    "Corrected",
    "Drift",
    "Errors",
    "Pair",
    "Shares",
    "agreement",
    "biases",
    "by_judge",
    "combined",
    "corrected",
    "drift",
    "errors",
    "icc",
    "krippendorff_alpha",
    "own",
    "pairs",
    "shares",
]
