"""Which of several models no other beats: the Pareto front."""

from collections.abc import Sequence


def front(rows: Sequence[Sequence[float | None]]) -> list[bool]:
    """Say of each row whether none is as good in everything and better in something.

    More is better in every column. What is not known in all rows counts in none; a row that lacks
    something else is not on the front.

    >>> front([(10, -2, None), (8, -3, None), (5, 0, None), (None, 0, None)])
    [True, False, True, False]
    """
    kept = [n for n, column in enumerate(zip(*rows, strict=True)) if {*column} != {None}]
    cut = [tuple(row[n] for n in kept) for row in rows]
    known = [row for row in cut if None not in row]
    return [
        bool(row) and None not in row and not any(_beats(other, row) for other in known)
        for row in cut
    ]


def _beats(a: Sequence[float | None], b: Sequence[float | None]) -> bool:
    apart = [x - y for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return min(apart) >= 0 and max(apart) > 0
