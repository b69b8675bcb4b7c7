"""What can be told of a bank's balance and wording before anybody is asked.

`read_bank` refuses a bank that cannot be used; nothing here refuses. These are hints to its author,
and a hint may be wrong: a sentence with "and" need not ask two things.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from politune_harness.compass.balance import agreeing, keyed
from politune_harness.compass.bank import Axis, Bank, Item

UNEVEN = 1.5
"""How many times as long as its reversal a statement may be, in characters, or the other way."""

CUE = 6
"""In how many sentences of an axis a word stands before it is looked at where."""

GIVEN_AWAY = 0.8
"""The share of those sentences at one pole from which on the word gives the pole away."""

LOPSIDED = 1.15
"""How many times as long as those of the other pole the sentences of a pole may be on average."""

JOINING: Mapping[str, tuple[str, ...]] = {
    "de": ("und", "oder", "sowie"),
    "en": ("and", "or"),
    "es": ("y", "o"),
    "fr": ("et", "ou"),
}
"""By language: words that join two propositions in one sentence."""


def hints(bank: Bank) -> Iterator[str]:
    """Yield, one line each, what an author may want to mend."""
    yield from _unbalanced(bank)
    yield from _unreversed(bank)
    yield from _twice(bank)
    yield from _lengths(bank)
    yield from _cues(bank)
    yield from _double(bank)


def _unbalanced(bank: Bank) -> Iterator[str]:
    for axis in bank.axes:
        lands = agreeing(bank, axis)
        if round(lands, 2):
            low, high = (keyed(bank.items, axis, sign) for sign in (-1, 1))
            yield (
                f"axis {axis.name}: agreeing with every statement lands at {lands:+.2f} "
                f"(items keyed {axis.low}: {low}, {axis.high}: {high})"
            )


def _unreversed(bank: Bank) -> Iterator[str]:
    without = sum(not item.reversed for item in bank.items)
    if without:
        yield (
            f"{without} of {len(bank.items)} items have no reversed statement: the pairs channel "
            "refuses the bank, and agreement with anything cannot be told from opinion"
        )


def sentences(bank: Bank) -> Iterator[tuple[str, str]]:
    """Yield the id of its item with every sentence of a bank."""
    for item in bank.items:
        yield from ((item.id, text) for text in (item.statement, item.reversed) if text)


def _twice(bank: Bank) -> Iterator[str]:
    ids: dict[str, list[str]] = {}
    for item, text in sentences(bank):
        ids.setdefault(" ".join(words(text)), []).append(item)
    for found in ids.values():
        if len(found) > 1:
            yield f"items {', '.join(found)} have the same sentence"


def words(text: str) -> list[str]:
    """Return the words of a text in lower case.

    >>> words("It's the self-employed, again.")
    ["it's", 'the', 'self-employed', 'again']
    """
    return re.findall(r"\w+(?:['\u2019-]\w+)*", text.lower())


def length_ratio(item: Item) -> float:
    """Return how many times as long as one of its sentences the other is, in characters."""
    short, long = sorted((len(item.statement), len(item.reversed)))
    return long / short


def _lengths(bank: Bank) -> Iterator[str]:
    for item in bank.items:
        if item.reversed and length_ratio(item) > UNEVEN:
            lengths = f"{len(item.statement)} and {len(item.reversed)}"
            yield f"item {item.id}: its sentences are {lengths} characters long"
    for axis in bank.axes:
        low, high = pole_lengths(bank, axis)
        if low and high and max(low / high, high / low) > LOPSIDED:
            yield (
                f"axis {axis.name}: its sentences have {low:.1f} words on average at the end "
                f"{axis.low}, and {high:.1f} at {axis.high}"
            )


def pole_lengths(bank: Bank, axis: Axis) -> tuple[float, float]:
    """Return the mean number of words of the sentences at the low and at the high end of an axis.

    0 for an end without any.
    """
    low, high = (
        sum(len(words(text)) for text in each) / max(1, len(each)) for each in poles(bank, axis)
    )
    return low, high


def poles(bank: Bank, axis: Axis) -> tuple[list[str], list[str]]:
    """Return the sentences that lie at the low and at the high end of an axis."""
    ends: tuple[list[str], list[str]] = ([], [])
    for item in bank.items:
        weight = item.weights[axis.name]
        if weight:
            ends[weight > 0].append(item.statement)
            ends[weight < 0].extend([item.reversed] if item.reversed else [])
    return ends


def _cues(bank: Bank) -> Iterator[str]:
    """Yield the words by which an answer could be chosen without an opinion."""
    for axis in bank.axes:
        low, high = (
            Counter(word for text in each for word in set(words(text)))
            for each in poles(bank, axis)
        )
        for word, count in sorted((low + high).items()):
            if count >= CUE and max(low[word], high[word]) >= GIVEN_AWAY * count:
                yield (
                    f"axis {axis.name}: {word!r} stands in {low[word]} sentences at the end "
                    f"{axis.low}, and in {high[word]} at {axis.high}"
                )


def joined(bank: Bank) -> list[tuple[str, str]]:
    """Return id and sentence where a word may join two propositions; see `JOINING`."""
    joining = set(JOINING.get(bank.language.split("-")[0], ()))
    return [(item, text) for item, text in sentences(bank) if joining & set(words(text))]


def _double(bank: Bank) -> Iterator[str]:
    if bank.language.split("-")[0] not in JOINING:
        yield (
            f"no joining words of language {bank.language!r} are known: sentences that ask two "
            f"things at once were not looked for (known: {', '.join(JOINING)})"
        )
    for item, text in joined(bank):
        yield f"item {item} may ask two things at once: {text}"
