"""Texts that begin alike as trees, so that each common beginning is computed once.

A row holds one tree or part of it: every token knows its ancestors, and sees no other token. What
a model says after a path is then what it says after that text alone, but for rounding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Text:
    """A text of tokens, of which the last `wanted` are those after which something is asked."""

    number: int
    """Which of the texts that were given this is."""
    tokens: Tokens
    wanted: int


@dataclass
class Row:
    """A tree of tokens: parents come before their children."""

    tokens: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    """How many tokens stand before each on its path: its position."""
    paths: list[tuple[Text, list[int]]] = field(default_factory=list)
    """The texts, each with the places of its tokens."""
    branches: list[tuple[int, list[int]]] = field(default_factory=list)
    """Where each run of new tokens begins, with the places of what stands before it."""

    def add(self, text: Text) -> None:
        """Put a text in: only what follows its common beginning with the last one is new."""
        last, path = self.paths[-1] if self.paths else (text, [])
        shared = path[: common(last.tokens, text.tokens) if path else 0]
        start = len(self.tokens)
        new = text.tokens[len(shared) :]
        if new:
            self.branches.append((start, shared))
        self.tokens += new
        self.depths += range(len(shared), len(text.tokens))
        self.paths.append((text, [*shared, *range(start, len(self.tokens))]))

    def seen(self) -> NDArray[np.bool_]:
        """Return which token (row) sees which (column): itself and its ancestors."""
        size = len(self.tokens)
        sees = np.zeros((size, size), dtype=bool)
        ends = [start for start, _ in self.branches[1:]] + [size]
        for (start, before), end in zip(self.branches, ends, strict=True):
            sees[start:end, before] = True
            sees[start:end, start:end] = np.tri(end - start, dtype=bool)
        return sees

    def order(self) -> tuple[list[int], int]:
        """Return the places with those that are asked about last, and how many these are."""
        asked = {place for text, path in self.paths for place in path[-text.wanted :]}
        rest = [place for place in range(len(self.tokens)) if place not in asked]
        return [*rest, *sorted(asked)], len(asked)


def common(a: Tokens, b: Tokens) -> int:
    """Return how many tokens two texts begin with alike.

    >>> common((1, 2, 3), (1, 2, 4)), common((1,), (1, 2))
    (2, 1)
    """
    size = min(len(a), len(b))
    if a[:size] == b[:size]:
        return size
    return next(place for place in range(size) if a[place] != b[place])


def rows(texts: Iterable[Text], size: int) -> Iterator[Row]:
    """Yield rows that hold all texts, of at most `size` tokens where no text alone is longer.

    >>> [row.tokens for row in rows([Text(0, (1, 2, 3), 1), Text(1, (1, 2, 4, 5), 1)], 9)]
    [[1, 2, 3, 4, 5]]
    """
    row = Row()
    for text in sorted(texts, key=lambda each: each.tokens):
        same = common(row.paths[-1][0].tokens, text.tokens) if row.paths else 0
        if row.paths and len(row.tokens) + len(text.tokens) - same > size:
            yield row
            row = Row()
        row.add(text)
    if row.paths:
        yield row


def size_of(texts: Sequence[Text]) -> int:
    """Return how large rows are to be: wide enough to share, and attention still cheap."""
    longest = max(len(text.tokens) for text in texts)
    return min(max(SMALL, 3 * longest), LARGE)


SMALL, LARGE = 256, 4096
