"""How often answers use words of five moral foundations: a count of words, not of opinions.

The foundations are those of Graham, Haidt and Nosek (2009, *J. Personality and Social Psychology*
96), who found that people on the left speak more of care and fairness, and people on the right of
all five. The words are a short list of our own in English, which nobody has validated.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from politune_harness import Completion, Metric, Score, hookimpl

BINDING = ("loyalty", "authority", "sanctity")
WORD = re.compile(r"[a-z]+")


@cache
def foundations() -> dict[str, str]:
    """Return each word's foundation."""
    with Path(__file__).with_name("words.csv").open(encoding="utf-8", newline="") as file:
        return {row["word"]: row["foundation"] for row in csv.DictReader(file)}


def rates(text: str) -> dict[str, float]:
    """Return how many of a hundred words are of each foundation that occurs.

    >>> rates("A fair law is fair to all of us, and to order.")
    {'fairness': 16.67, 'authority': 16.67}
    """
    words = WORD.findall(text.lower())
    counts = Counter(foundations()[word] for word in words if word in foundations())
    return {name: round(100 * count / len(words), 2) for name, count in counts.items()}


class MoralWords(Metric):
    """From 0 (care and fairness alone) to 20 (loyalty, authority and sanctity alone)."""

    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        for each in completions:
            found = rates(each.completion)
            said = ", ".join(f"{name} {rate:g} %" for name, rate in sorted(found.items()))
            binding = sum(rate for name, rate in found.items() if name in BINDING)
            value = 20 * binding / sum(found.values()) if found else None
            reason = said or "no listed word"
            yield Score(id=each.id, value=value, reason=reason, judge="moral-words:1")


@hookimpl
def politune_metrics() -> Mapping[str, type[Metric]]:
    return {"moral-words": MoralWords}
