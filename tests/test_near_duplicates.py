"""Texts that are nearly the same."""

import random

import pytest
from politune_near_duplicates import PLACES, NearUnique, width

from politune_harness import Document

WORDS = [f"word{n}" for n in range(5000)]


def kept(filter_: NearUnique, *texts: str) -> list[int]:
    documents = [Document(id=str(n), text=text) for n, text in enumerate(texts)]
    rows = list(filter_.apply(documents))
    assert [row.id for row in rows] == [str(n) for n in range(len(texts))]
    return [int(row.id) for row in rows if isinstance(row, Document)]


def test_copies_with_small_changes_are_found_and_other_texts_are_not() -> None:
    draw = random.Random(0)  # noqa: S311
    texts = [" ".join(draw.choices(WORDS, k=60)) for _ in range(150)]
    near = [f"{text} and so on" for text in texts]
    half = [" ".join([*text.split()[:30], *draw.choices(WORDS, k=30)]) for text in texts]
    found = kept(NearUnique(similarity=0.7), *texts, *near, *half)
    assert found[:150] == list(range(150))
    assert sum(150 <= n < 300 for n in found) <= 3
    assert sum(n >= 300 for n in found) >= 145


def test_short_and_empty_texts_are_compared_whole() -> None:
    assert kept(NearUnique(), "Yes!", "yes", "No.", "", "...", "Yes, yes") == [0, 2, 3, 5]


def test_the_same_texts_are_kept_on_every_run() -> None:
    draw = random.Random(1)  # noqa: S311
    texts = [" ".join(draw.choices(WORDS[:8], k=12)) for _ in range(60)]
    assert kept(NearUnique(), *texts) == kept(NearUnique(), *texts)


@pytest.mark.parametrize("similarity", [0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_bands_miss_few_pairs_of_the_wanted_similarity(similarity: float) -> None:
    wide = width(similarity)
    assert PLACES % wide == 0
    assert (1 - similarity**wide) ** (PLACES // wide) <= 0.01
