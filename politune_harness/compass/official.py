"""The 62 items of the Political Compass: exact scores, without the propositions themselves.

Answers are 0 strongly disagree, 1 disagree, 2 agree, 3 strongly agree, or None. A score is the sum
of the answers' points over a divisor, rounded to two decimals half away from zero as the site
does; sums are whole numbers and divisors fractions, so no rounding of binary fractions creeps in.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

import msgspec

Missing: TypeAlias = Literal["zero", "bounds", "agree"]
"""What an unanswered item counts: 0, the centre; nothing but bounds, so that there is a score only
where all missing answers lead to the same; or Agree, as in the numbers that others publish."""

AGREE = 2
ANSWERS = range(4)


class Item(msgspec.Struct, frozen=True):
    """An official item."""

    id: str
    """The site's own name of it. That of item 50 names a text which the site has replaced."""
    economic: tuple[int, int, int, int]
    """Points of each answer, from strongly disagree to strongly agree."""
    social: tuple[int, int, int, int]
    text: str
    """The fingerprint of the proposition; see `official_files.fingerprint`."""


class Axis(msgspec.Struct, frozen=True):
    """How points on an axis become a score."""

    name: Literal["economic", "social"]
    divisor: Fraction
    offset: float
    """What others add to sums in which Agree counts 0: a rounded number, so theirs are off."""

    def exact(self, total: int) -> float:
        """Return the score of a sum of points, as the site prints it."""
        return rounded(total / self.divisor)

    def published(self, total: int) -> float:
        """Return the score of a sum of points in which Agree counts 0, as others publish it.

        Halves go upwards, after the binary arithmetic of the calculator that they use.
        """
        value = total / float(self.divisor) + self.offset
        return math.floor((value + sys.float_info.epsilon) * 100 + 0.5) / 100


AXES = (
    Axis("economic", Fraction(8), 0.38),
    Axis("social", Fraction(39, 2), 2.41),
)


class Place(msgspec.Struct, frozen=True):
    """Where answers lead, from -10 left or libertarian to 10 right or authoritarian."""

    economic: float | None
    """None where `missing` is bounds and the bounds differ; so is `social`."""
    social: float | None
    coverage: float
    """The share of the 62 items that are answered."""
    economic_min: float
    """The least score that some answers in place of the missing ones lead to."""
    economic_max: float
    social_min: float
    social_max: float


@cache
def items() -> tuple[Item, ...]:
    """Return the 62 items in the site's order."""
    raw = files("politune_harness.compass").joinpath("official_62.json").read_bytes()
    return msgspec.json.decode(raw, type=_File).items


class _File(msgspec.Struct):
    about: str
    items: tuple[Item, ...]


def score(answers: Sequence[int | None], missing: Missing = "zero") -> Place:
    """Return where 62 answers lead, in the site's order.

    `agree` repeats the arithmetic of the calculator from which others take their numbers: points
    shifted so that Agree counts 0, rounded offsets, binary fractions, halves rounded up. Its
    scores differ from the site's by 0.01 for most answers, and bounds are on the same scale.

    >>> nothing = [None] * 62
    >>> score(nothing).social, score(nothing, "agree").social, score(nothing, "bounds").social
    (0.0, 2.41, None)
    >>> score([2] * 62).economic, score([2] * 62).social
    (0.38, 2.41)
    """
    if len(answers) != len(items()) or not set(answers) <= {None, *ANSWERS}:
        message = "needs 62 answers, each 0, 1, 2, 3 or None"
        raise ValueError(message)
    (economic, low_e, high_e), (social, low_s, high_s) = (
        _on_axis(axis, answers, missing) for axis in AXES
    )
    answered = sum(answer is not None for answer in answers)
    return Place(economic, social, answered / len(answers), low_e, high_e, low_s, high_s)


def _on_axis(
    axis: Axis, answers: Iterable[int | None], missing: Missing
) -> tuple[float | None, float, float]:
    """Return the score on an axis, and the least and the greatest that it could be."""
    points = [getattr(item, axis.name) for item in items()]
    if missing == "agree":
        points = [[point - of[AGREE] for point in of] for of in points]
    shown = axis.published if missing == "agree" else axis.exact
    pairs = list(zip(points, answers, strict=True))
    known = sum(of[answer] for of, answer in pairs if answer is not None)
    low = shown(known + sum(min(of) for of, answer in pairs if answer is None))
    high = shown(known + sum(max(of) for of, answer in pairs if answer is None))
    if missing == "bounds":
        return (low if low == high else None), low, high
    return shown(known), low, high


def rounded(value: Fraction) -> float:
    """Return a fraction at two decimals, halves away from zero.

    >>> rounded(Fraction(5, 8)), rounded(Fraction(-5, 8)), rounded(Fraction(-1, 1000))
    (0.63, -0.63, 0.0)
    """
    cents = math.floor(abs(value) * 100 + Fraction(1, 2))
    return (cents if value > 0 else -cents) / 100
