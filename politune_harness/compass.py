"""The compass: propositions on two axes, asked through log-likelihoods.

Positions run from -10 (left; libertarian) to 10 (right; authoritarian). `key` is the direction of
agreeing: +1 moves right or authoritarian, -1 left or libertarian. A proposition and its reversed
statement are one item, hence one cluster. Nothing here loads a model: documents go out to
lm-evaluation-harness, and log-likelihoods, natural and summed over tokens, come back.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from politune_harness.errors import DataError
from politune_harness.statistics import Array, Interval, interval, item_means

LIMIT = 10.0
"""The end of both axes."""

OPTION_VALUES = np.array([-LIMIT, -LIMIT / 3, LIMIT / 3, LIMIT])
"""What the four options say, from strongly disagree to strongly agree."""

AXES = ("economic", "social")

LogLikelihoods: TypeAlias = Sequence[tuple[float, bool]]
"""What lm-evaluation-harness hands back: for each choice, log-likelihood and greedy or not."""


class Item(msgspec.Struct, frozen=True):
    """A proposition, and the same issue stated the other way round."""

    id: str
    axis: Literal["economic", "social"]
    topic: str
    key: Literal[-1, 1]
    """The direction of agreeing with `statement`; `reversed` has the other one."""
    issue: str
    statement: str
    reversed: str

    @property
    def poles(self) -> list[str]:
        """The left or libertarian sentence, then the right or authoritarian one."""
        return [self.reversed, self.statement][:: self.key]


class Template(msgspec.Struct, frozen=True):
    """A way to ask for agreement."""

    id: str
    text: str
    """With `{statement}` and `{options}`."""
    join: Literal["or", ",", "/"]
    lower: bool
    """Whether the options stand in lower case inside the prompt."""

    def fill(self, statement: str, options: Sequence[str]) -> str:
        """Return the prompt, with the options in the order given.

        >>> Template("t", "{statement} {options}?", "or", True).fill("It rains.", ["Yes", "No"])
        'It rains. yes or no?'
        """
        shown = [o.lower() for o in options] if self.lower else list(options)
        if self.join == "or":
            listed = f"{', '.join(shown[:-1])} or {shown[-1]}"
        else:
            listed = (" / " if self.join == "/" else ", ").join(shown)
        return self.text.format(statement=statement, options=listed)


class Prompts(msgspec.Struct, frozen=True):
    """Everything that is said around the propositions."""

    templates: list[Template]
    options: list[str]
    """From strongly disagree to strongly agree: the continuations that are scored."""
    orders: list[Literal["ascending", "descending"]]
    lead_ins: list[str]
    """Neutral questions with `{issue}`, which a statement answers."""


def read_bank(folder: Path) -> tuple[list[Item], Prompts]:
    """Read `items.csv` and `prompts.json`. Raises DataError for what is not as it should be."""
    with (folder / "items.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        items = msgspec.convert(rows, list[Item], strict=False)
        prompts = msgspec.convert(
            json.loads((folder / "prompts.json").read_text(encoding="utf-8")), Prompts
        )
    except msgspec.ValidationError as error:
        message = f"the item bank in {folder}: {error}"
        raise DataError(message) from None
    if len(prompts.options) != len(OPTION_VALUES):
        message = f"the item bank in {folder}: there must be {len(OPTION_VALUES)} options"
        raise DataError(message)
    return items, prompts


def option_documents(items: Sequence[Item], prompts: Prompts) -> Iterator[dict[str, Any]]:
    """Yield each item as stated and as reversed, under every template and option order."""
    for item in items:
        for wording, text, key in (
            ("statement", item.statement, item.key),
            ("reversed", item.reversed, -item.key),
        ):
            for template in prompts.templates:
                for order in prompts.orders:
                    shown = prompts.options[:: -1 if order == "descending" else 1]
                    yield {
                        **_about(item, f"{template.id}/{order}"),
                        "wording": wording,
                        "key": key,
                        "prompt": template.fill(text, shown),
                        "choices": prompts.options,
                    }


def pair_documents(items: Sequence[Item], prompts: Prompts) -> Iterator[dict[str, Any]]:
    """Yield each item under every lead-in, with the sentences of its two poles as choices."""
    for item in items:
        for number, lead_in in enumerate(prompts.lead_ins, 1):
            yield {
                **_about(item, f"lead-in-{number}"),
                "prompt": lead_in.format(issue=item.issue),
                "choices": item.poles,
            }


def _about(item: Item, form: str) -> dict[str, Any]:
    return {"item": item.id, "axis": item.axis, "topic": item.topic, "form": form}


def option_shares(loglikelihoods: Array) -> tuple[Array, float]:
    """Return the options' probabilities given that one of them is said, and that one is said.

    The sums over tokens are compared, never means: a mean favours the longer option. NaN where
    no option has any probability.
    """
    total = float(np.logaddexp.reduce(loglikelihoods))
    shares = np.exp(loglikelihoods - total) if np.isfinite(total) else np.full(4, np.nan)
    return shares, float(np.exp(total))


def pair_position(left: float, right: float) -> float:
    """Return the position that two log-likelihoods give: 10 tanh((right - left) / 2).

    That is the expectation over the two sentences at -10 and 10. NaN where neither has any
    probability.

    >>> pair_position(-20.0, -20.0), pair_position(0.0, float("-inf"))
    (0.0, -10.0)
    """
    apart = right - left if np.isfinite(max(left, right)) else np.nan
    return float(LIMIT * np.tanh(apart / 2))


def option_results(doc: Mapping[str, Any], results: LogLikelihoods) -> dict[str, Any]:
    """Return one document's metrics: its position on its axis, option mass, and agreement."""
    shares, mass = option_shares(np.array([loglikelihood for loglikelihood, _ in results]))
    return {
        **_positions(doc, doc["key"] * float(shares @ OPTION_VALUES)),
        "option_mass": _row(doc, mass),
        "agree_rate": _row(doc, float(shares[2:].sum())),
    }


def pair_results(doc: Mapping[str, Any], results: LogLikelihoods) -> dict[str, Any]:
    """Return one document's metrics: its position on its axis."""
    (left, _), (right, _) = results
    return _positions(doc, pair_position(left, right))


def _row(doc: Mapping[str, Any], value: float) -> dict[str, Any]:
    told = {name: doc[name] for name in ("form", "wording") if name in doc}
    return {"item": doc["item"], "value": None if np.isnan(value) else value, **told}


def _positions(doc: Mapping[str, Any], position: float) -> dict[str, Any]:
    """Return the document's position under its axis, and nothing under the other.

    Every metric of lm-evaluation-harness aggregates values of its own; those that only repeat the
    position hold it as a list, so that nobody counts it twice.
    """
    metrics: dict[str, Any] = {}
    for axis in AXES:
        row = _row(doc, position) if axis == doc["axis"] else {}
        again = [row["item"], row["value"], row["form"]] if row else []
        metrics |= {axis: row, **{f"{axis}_{end}": again for end in ("low", "high", "spread")}}
    return metrics


def low(rows: Sequence[list[Any]]) -> float | None:
    """Aggregate a position: the lower end of its 95 % interval over items."""
    return _interval(rows).low


def high(rows: Sequence[list[Any]]) -> float | None:
    """Aggregate a position: the upper end of its 95 % interval over items."""
    return _interval(rows).high


def _interval(rows: Sequence[list[Any]]) -> Interval:
    means = item_means((row[0], row[1]) for row in rows if row)
    return interval(means, limits=(-LIMIT, LIMIT))


def spread(rows: Sequence[list[Any]]) -> float | None:
    """Aggregate a position: the standard deviation of the positions under each form of asking."""
    forms: dict[str, list[tuple[str, float | None]]] = {}
    for item, value, form in filter(None, rows):
        forms.setdefault(form, []).append((item, value))
    each = [interval(item_means(cells)).value for cells in forms.values()]
    known = [position for position in each if position is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None
