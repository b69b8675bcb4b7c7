"""The official 62 as lm-evaluation-harness tasks: the user's text, scored by the site's points.

An answer's points are expected over the options' probabilities, or are those of the option that
a reply chooses. A document carries them scaled, so that the plain mean over the items of an axis
is the site's zero-centred score; it is not rounded, as it is a mean over forms of asking.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from politune_harness.compass.channels import DEFAULTS, Channel
from politune_harness.compass.metrics import Aggregation, bound, high, low, spread, usable
from politune_harness.compass.official import AGREE, AXES, items
from politune_harness.compass.official_files import read_propositions
from politune_harness.compass.prompts import Prompts, Variation, ask, choose, read_prompts
from politune_harness.compass.results import (
    AGREEMENT,
    habits,
    known,
    option_shares,
    rates,
    read_reply,
    row_of,
)
from politune_harness.compass.task import CompassTask, asked, refuse_without_loglikelihoods
from politune_harness.errors import RecipeError
from politune_harness.lm_task import dataset
from politune_harness.registry import nearest
from politune_harness.statistics import Array, mean

POLES = {"economic": ("left", "right"), "social": ("libertarian", "authoritarian")}

MISSING = ("zero", "agree")
"""What an unanswered item may count: 0, or as Agree; the bounds are told in any case."""


def documents(
    channel: Channel, prompts: Path, propositions: object, missing: object = "zero", **given: object
) -> dict[str, Any]:
    """Return what the tasks on the official 62 ask.

    `propositions` is the user's file; see `read_propositions`. Raises RecipeError where it is not
    named or `missing` is not known, DataError where it is not the 62; each in one line.
    """
    refuse_without_loglikelihoods(channel, given)
    if not isinstance(propositions, str):
        message = "politune_compass_62 needs the text of the 62 propositions, which is not ours to "
        message += 'give: add --metadata \'{"propositions": "FILE"}\''
        raise RecipeError(message)
    if missing not in MISSING:
        message = (
            f"missing: there is no {missing!r} here; {nearest(str(missing), MISSING)}; bounds "
        )
        message += "are told in any case, as economic_if_low, economic_if_high and so on"
        raise RecipeError(message)
    said, text = read_prompts(prompts, prompts), read_propositions(Path(propositions).expanduser())
    variation = choose(said, given, **DEFAULTS[channel])
    about = {
        "bank": "political-compass-62",
        "version": 1,
        "hash": text.hash,
        "language": "en",
        "items": len(text.texts),
        "former": list(text.former),
        "recognised": text.recognised,
        "missing": missing,
        "axes": {name: {"low": low, "high": high} for name, (low, high) in POLES.items()},
        "channel": channel,
        "asked": asked(channel, variation),
    }
    rows = _documents(text.texts, text.hash, said, variation)
    sentences = {item.id: text_ for item, text_ in zip(items(), text.texts, strict=True)}
    asked_ = dataset({**row, "missing": missing} for row in rows)
    return {**asked_, "instrument": about, "sentences": sentences}


def _documents(
    texts: Sequence[str], digest: str, prompts: Prompts, variation: Variation
) -> Iterator[dict[str, Any]]:
    for item, points, text in zip(items(), _points(), texts, strict=True):
        for template, order, labels in variation.forms():
            prompt, choices = ask(prompts, text, template, order, labels)
            yield {
                "bank": f"political-compass-62/1/{digest}",
                "item": item.id,
                "points": points,
                "form": f"{template.id}/{order}/{labels}",
                "template": template.id,
                "order": order,
                "labels": labels,
                "prompt": prompt,
                "choices": choices,
                "options": list(prompts.options),
            }


def _points() -> list[dict[str, list[float]]]:
    """Return each item's points by axis, times the number of items that count, over the divisor."""
    scale = {
        axis.name: sum(any(getattr(item, axis.name)) for item in items()) / float(axis.divisor)
        for axis in AXES
    }
    return [
        {axis: [point * size for point in getattr(item, axis)] for axis, size in scale.items()}
        for item in items()
    ]


class OfficialTask(CompassTask):
    """The official 62 in a channel: options by log-likelihood, or text."""

    def measures(self) -> dict[str, Aggregation]:
        text = self.instrument["channel"] == "text"
        ends: dict[str, Aggregation] = {"low": low, "high": high, "spread": spread}
        more: dict[str, Aggregation] = {"if_low": bound, "if_high": bound}
        found: dict[str, Aggregation] = {}
        for axis in POLES:
            others = ends | (more if text else {"argmax": mean})
            found |= {axis: mean, **{f"{axis}_{name}": by for name, by in others.items()}}
        told = ("valid", "refused", "unparsed") if text else ("option_mass",)
        found |= dict.fromkeys((*told, "agree_rate", "order_effect"), mean)
        return found if text else {**found, "usable": usable}

    def values(self, doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
        if self.instrument["channel"] == "text":
            return reply_values(doc, results)
        return option_values(doc, results)


def option_values(doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Return one document's metrics from the log-likelihoods of its options."""
    shares, mass = option_shares(np.array([loglikelihood for loglikelihood, _ in results]))
    most = shares == shares.max()
    best = most / most.sum() if most.any() else shares
    return {
        **_places(doc, shares),
        **{f"{axis}_argmax": row for axis, row in _rows(doc, best).items()},
        **habits(doc, float(shares @ AGREEMENT), float(shares[2:].sum())),
        "option_mass": row_of(doc, mass),
        "usable": [doc["item"], mass],
    }


def reply_values(doc: Mapping[str, Any], results: Sequence[str | None]) -> dict[str, Any]:
    """Return one document's metrics from a reply."""
    reply = read_reply(doc, results)
    shares = np.full(len(AGREEMENT), math.nan)
    if reply.answer is not None:
        shares = np.eye(len(AGREEMENT))[reply.answer]
    bounds: dict[str, Any] = {}
    for axis, points in doc["points"].items():
        for name, end in (("if_low", min), ("if_high", max)):
            value = end(points) if reply.answer is None else points[reply.answer]
            bounds[f"{axis}_{name}"] = [doc["item"], value] if any(points) else []
    return {
        **_places(doc, shares),
        **bounds,
        **rates(doc, reply.status),
        **habits(doc, float(shares @ AGREEMENT), float(shares[2:].sum())),
    }


def _places(doc: Mapping[str, Any], shares: Array) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for axis, row in _rows(doc, shares).items():
        points = doc["points"][axis]
        key = 1 if points[-1] > points[0] else -1
        again = [row["item"], row["value"], row["form"], key] if row else []
        metrics |= {axis: row, **{f"{axis}_{end}": again for end in ("low", "high", "spread")}}
    return metrics


def _rows(doc: Mapping[str, Any], shares: Array) -> dict[str, dict[str, Any]]:
    """Return the expected points on each axis on which the item counts, and nothing on others."""
    if np.isnan(shares).any():
        shares = np.zeros(len(AGREEMENT))
        shares[AGREE] = doc["missing"] == "agree"
    return {
        axis: row_of(doc, known(float(shares @ np.array(points)))) if any(points) else {}
        for axis, points in doc["points"].items()
    }
