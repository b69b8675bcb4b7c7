"""How far two readers agree who each put every text into a class."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Agreed(NamedTuple):
    """Two readers on the texts that both put into a class."""

    n: int
    missing: int
    """Texts that one of the two, or neither, put into a class. They count for nothing else."""
    share: float | None
    """The share of texts on which they agree; None without texts."""
    kappa: float | None
    """Cohen's kappa (1960); None where both put all texts into the same one class."""
    confusion: dict[tuple[str, str], int]
    """How many texts the first put into one class and the second into another."""


def agreed(a: Sequence[str | None], b: Sequence[str | None]) -> Agreed:
    """Return how far two readers agree; None is a text without a class.

    >>> found = agreed(["for", "for", "against", None], ["for", "against", "against", "for"])
    >>> found.n, found.missing, round(found.share, 3), round(found.kappa, 3)
    (3, 1, 0.667, 0.4)
    """
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    n, confusion = len(both), Counter(both)
    if not n:
        return Agreed(0, len(a), None, None, {})
    share = sum(x == y for x, y in both) / n
    first, second = Counter(x for x, _ in both), Counter(y for _, y in both)
    chance = sum(first[name] * second[name] for name in first) / n**2
    kappa = None if chance == 1 else (share - chance) / (1 - chance)
    return Agreed(n, len(a) - n, share, kappa, dict(sorted(confusion.items())))
