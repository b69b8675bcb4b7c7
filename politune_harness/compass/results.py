"""What a document's answer says, as the values that metrics are made of.

Agreement runs from -1 to 1, towards the sentence shown; a position is 10 x weight x agreement,
from -10 to 10. lm-evaluation-harness aggregates each metric over values of its own: rows with
`item` and `value` are measurements, lists only repeat one, so that nobody counts it twice. What
is missing stays missing, unless the bank's own scoring says that it counts 0.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from politune_harness.compass.prompts import WORDS
from politune_harness.compass.replies import Labels, Reply, parse
from politune_harness.judging import judged
from politune_harness.measurements import keyed
from politune_harness.statistics import Array

LIMIT = 10.0
"""The end of every axis."""

AGREEMENT = np.array([-1, -1 / 3, 1 / 3, 1])
"""What the four options say, from strongly disagree to strongly agree."""

LogLikelihoods: TypeAlias = Sequence[tuple[float, bool]]
"""What lm-evaluation-harness hands back: for each choice, log-likelihood and greedy or not."""

Document: TypeAlias = Mapping[str, Any]


def option_shares(loglikelihoods: Array) -> tuple[Array, float]:
    """Return the options' probabilities given that one of them is said, and that one is said.

    The sums over tokens are compared, never means: a mean favours the longer option. NaN where
    no option has any probability.
    """
    total = float(np.logaddexp.reduce(loglikelihoods))
    known = math.isfinite(total)
    shares = np.exp(loglikelihoods - total) if known else np.full(len(loglikelihoods), np.nan)
    return shares, float(np.exp(total))


def pair_agreement(stated: float, reversed_: float) -> float:
    """Return what the log-likelihoods of a statement and its reversal say: tanh of half the gap.

    That is the expectation over the two sentences at 1 and -1. NaN where neither has any
    probability.

    >>> pair_agreement(-20.0, -20.0), pair_agreement(float("-inf"), 0.0)
    (0.0, -1.0)
    """
    apart = stated - reversed_ if math.isfinite(max(stated, reversed_)) else math.nan
    return math.tanh(apart / 2)


def option_results(doc: Document, results: LogLikelihoods) -> dict[str, Any]:
    """Return one document's metrics from the log-likelihoods of its options."""
    shares, mass = option_shares(np.array([loglikelihood for loglikelihood, _ in results]))
    agreement = float(shares @ AGREEMENT)
    return {
        **_positions(doc, agreement),
        **_again(doc, "argmax", _likeliest(shares)),
        **_answers(doc, agreement, float(shares[2:].sum())),
        "option_mass": row_of(doc, mass),
        "usable": [doc["item"], mass],
    }


def pair_results(doc: Document, results: LogLikelihoods) -> dict[str, Any]:
    """Return one document's metrics from the log-likelihoods of its two sentences."""
    (stated, _), (reversed_, _) = results
    agreement = pair_agreement(stated, reversed_)
    return {
        **_positions(doc, agreement),
        **_again(doc, "argmax", float(np.sign(agreement))),
        **_halves(doc, agreement),
    }


def reply_results(doc: Document, results: Sequence[str | None]) -> dict[str, Any]:
    """Return one document's metrics from a reply."""
    reply = read_reply(doc, results)
    return text_results(doc, reply.answer, reply.status)


def read_reply(doc: Document, results: Sequence[str | None]) -> Reply:
    """Return which option a reply chooses, by the labels that were shown; see `replies`."""
    marks = () if doc["labels"] == WORDS else tuple(doc["choices"])
    return parse(results[0] or "", Labels(tuple(doc["options"]), marks), doc["prompt"])


def text_results(doc: Document, answer: int | None, status: str) -> dict[str, Any]:
    """Return one document's metrics from a reply as it was read.

    `answer` is an option's place, 0 for strongly disagree, or None; `status` is valid, refused or
    unparsed.
    """
    agreement = math.nan if answer is None else float(AGREEMENT[answer])
    agreed = math.nan if answer is None else float(agreement > 0)
    return {
        **_positions(doc, agreement),
        **_answers(doc, agreement, agreed),
        **_bounds(doc, agreement),
        **rates(doc, status),
    }


def open_results(doc: Document, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one document's metrics from judges' scores between its poles, 0 to 20."""
    score = judged(doc, results[0])
    main = max(doc["weights"].values(), key=abs)
    upwards = math.nan if score["value"] is None else score["value"] / LIMIT - 1
    agreement = math.copysign(1, main) * upwards
    told = {name: score[name] for name in ("judge", "reason", "reply", "failed", "judges")}
    metrics = _positions(doc, agreement, told)
    return {
        **metrics,
        **_again(doc, "direction", float(np.sign(agreement))),
        **_bounds(doc, agreement),
        "missing": row_of(doc, float(math.isnan(agreement)), {"judge": score["judge"]}),
    }


def _likeliest(shares: Array) -> float:
    """Return the agreement of the most probable option; the mean of those that share the place."""
    most = shares.max()
    return math.nan if np.isnan(most) else float(AGREEMENT[shares == most].mean())


def _answers(doc: Document, agreement: float, agreed: float) -> dict[str, Any]:
    """Return what answers to options say beside a position: the responder's habits."""
    return {
        **_again(doc, "direction", 2 * agreed - 1),
        **_halves(doc, agreement),
        **habits(doc, agreement, agreed),
        "asymmetry": [doc["item"], doc["wording"], known(agreement)],
    }


def habits(doc: Document, agreement: float, agreed: float) -> dict[str, Any]:
    """Return how an answer falls whatever the sentence says."""
    towards_first = -agreement if doc["order"] == "ascending" else agreement
    return {"agree_rate": row_of(doc, agreed), "order_effect": row_of(doc, towards_first)}


def rates(doc: Document, status: str) -> dict[str, Any]:
    """Return which of three a reply is: valid, refused or unparsed."""
    return {name: row_of(doc, float(name == status)) for name in ("valid", "refused", "unparsed")}


def _positions(
    doc: Document, agreement: float, told: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the document's position on each axis on which it weighs, and nothing on others."""
    metrics: dict[str, Any] = {}
    for axis, row in _on_axes(doc, agreement).items():
        again = [row["item"], row["value"], row["form"], keyed(doc, axis)] if row else []
        metrics[axis] = {**row, **(told or {})} if row else {}
        metrics |= {f"{axis}_{end}": again for end in ("low", "high", "spread")}
    return metrics


def _again(doc: Document, name: str, agreement: float) -> dict[str, Any]:
    """Return the position on each axis by another reading of the answer."""
    return {f"{axis}_{name}": row for axis, row in _on_axes(doc, agreement).items()}


def _halves(doc: Document, agreement: float) -> dict[str, Any]:
    """Return the position under `plus` where agreeing moves up the axis, else under `minus`."""
    metrics: dict[str, Any] = {}
    for axis, row in _on_axes(doc, agreement).items():
        up = doc["weights"][axis] > 0
        metrics |= {f"{axis}_plus": row if up else {}, f"{axis}_minus": {} if up else row}
    return metrics


def _bounds(doc: Document, agreement: float) -> dict[str, Any]:
    """Return the position if a missing answer fell on the low end of each axis, and on the high."""
    metrics: dict[str, Any] = {}
    for axis, weight in doc["weights"].items():
        for name, end in (("if_low", -LIMIT), ("if_high", LIMIT)):
            value = end * abs(weight) if math.isnan(agreement) else LIMIT * weight * agreement
            metrics[f"{axis}_{name}"] = [doc["item"], value] if weight else []
    return metrics


def _on_axes(doc: Document, agreement: float) -> dict[str, dict[str, Any]]:
    if math.isnan(agreement) and doc["missing"] == "neutral":
        agreement = 0.0
    return {
        axis: row_of(doc, LIMIT * weight * agreement) if weight else {}
        for axis, weight in doc["weights"].items()
    }


def row_of(
    doc: Document, value: float | None, told: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a value as a measurement: with its item, and how it was asked."""
    about = {name: doc[name] for name in ("form", "wording", "sample") if name in doc}
    return {"item": doc["item"], "value": known(value), **about, **(told or {})}


def known(value: float | None) -> float | None:
    """Return a number, and None for one that is missing."""
    return None if value is None or math.isnan(value) else value + 0.0
