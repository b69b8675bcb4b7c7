"""Pair filters that make arms and answers comparable."""

from collections import Counter

import pytest
from politune_pairs import Match, Mix, Permute, SimilarLength, Views

from politune_harness import Dropped, Preference, RecipeError


def pairs(*words: tuple[int, int], name: str = "p", **metadata: object) -> list[Preference]:
    """Return pairs whose answers have so many words."""
    return [
        Preference(
            id=f"{name}{n}", prompt="?", chosen="a " * a, rejected="b " * b, metadata=metadata
        )
        for n, (a, b) in enumerate(words)
    ]


def kept(rows: list[Preference | Dropped]) -> list[Preference]:
    return [row for row in rows if isinstance(row, Preference)]


def test_about_half_is_swapped_by_id_and_seed_alone() -> None:
    rows = pairs(*[(1, 2)] * 200)
    first, again = ([*Permute().apply(rows, {})] for _ in range(2))
    backwards = [*Permute().apply(rows[::-1], {})]
    assert first == again == backwards[::-1]
    assert 70 < sum("swapped" in row.metadata for row in first) < 130
    assert first != [*Permute(seed=1).apply(rows, {})]
    assert {row.id for row in first} == {row.id for row in rows}


def test_what_is_noted_of_either_answer_is_swapped_with_it() -> None:
    rows = pairs(*[(1, 2)] * 9, toxicity={"chosen": 0.1, "rejected": 0.9}, topic="taxes")
    swapped = [row for row in Permute().apply(rows, {}) if "swapped" in row.metadata]
    assert swapped
    for row in swapped:
        assert (row.chosen, row.metadata["topic"]) == ("b b ", "taxes")
        assert row.metadata["toxicity"] == {"chosen": 0.9, "rejected": 0.1}


def test_an_answer_with_both_views_favours_no_side() -> None:
    rows = [
        Preference(id=str(n), prompt="?", chosen="{second} left", rejected="right")
        for n in range(200)
    ]
    made = [*Views(form="A: {first} B: {second}").apply(rows, {})]
    orders = Counter(row.chosen for row in made)
    assert orders.keys() == {"A: {second} left B: right", "A: right B: {second} left"}
    assert 70 < orders["A: right B: {second} left"] < 130
    assert 70 < sum(row.rejected == "right" for row in made) < 130
    both = sum(row.chosen.startswith("A: right") and row.rejected == "right" for row in made)
    assert 25 < both < 75
    with pytest.raises(ValueError, match="once each"):
        Views(form="{first}, {first}")


def test_answers_of_unlike_length_are_dropped() -> None:
    rows = [*SimilarLength(ratio=2).apply(pairs((4, 2), (5, 2), (2, 4), (0, 3)), {})]
    assert [row.id for row in rows if isinstance(row, Preference)] == ["p0", "p2"]
    assert {row.reason for row in rows if isinstance(row, Dropped)} == {"answers of unlike length"}


def test_arms_come_out_with_as_many_of_every_kind() -> None:
    left = [*pairs(*[(5, 9)] * 6, name="s", topic="a"), *pairs(*[(50, 9)] * 2, name="l", topic="a")]
    right = [*pairs(*[(5, 9)] * 3, name="t", topic="a"), *pairs(*[(50, 9)] * 4, name="m")]
    filter_ = Match(by=("length", "topic"))
    here, there = (
        kept([*filter_.apply(mine, {"other": theirs})])
        for mine, theirs in ((left, right), (right, left))
    )
    assert Counter(row.id[0] for row in here) == {"s": 3}
    assert Counter(row.id[0] for row in there) == {"t": 3}
    short = kept([*Match().apply(left, {"right": right})])
    assert Counter(row.id[0] for row in short) == {"s": 3, "l": 2}


def test_the_longer_answer_is_chosen_as_often_as_not() -> None:
    mine = pairs(*[(10, 9)] * 7, *[(10, 11)] * 3, *[(10, 10)] * 4)
    theirs = pairs(*[(10, 9)] * 9, *[(10, 11)] * 9, name="q")
    rows = kept([*Match(even=True).apply(mine, {"right": theirs})])
    longer = Counter(len(row.chosen) > len(row.rejected) for row in rows if row.rejected)
    equal = sum(len(row.chosen) == len(row.rejected) for row in rows)
    assert abs(longer[True] - (longer[False] - equal)) <= equal
    assert len(rows) % 2 == 0


@pytest.mark.parametrize(("among", "left"), [((), 0), (("right",), 2)])
def test_only_named_arms_are_matched(among: tuple[str, ...], left: int) -> None:
    others = {"right": pairs((5, 5), (5, 5), name="r"), "far": pairs((500, 5), name="f")}
    rows = [*Match(among=among).apply(pairs(*[(5, 5)] * 4), others)]
    assert len(kept(rows)) == left
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("share", "mine", "theirs"), [(0, 60, 0), (0.25, 60, 20), (0.5, 40, 40), (1, 0, 40)]
)
def test_a_mixture_has_the_share_that_was_asked_for(share: float, mine: int, theirs: int) -> None:
    left, right = pairs(*[(1, 2)] * 60), pairs(*[(2, 1)] * 40)
    rows = [*Mix(arm="right", share=share).apply(left, {"right": right})]
    found = Counter(row.id.partition("/")[0] == "right" for row in kept(rows))
    assert (found[False], found[True]) == (mine, theirs)
    assert sum(isinstance(row, Dropped) for row in rows) == 60 - mine
    assert len({row.id for row in rows}) == 60 + theirs


def test_a_mixture_with_nobody_is_one_line() -> None:
    with pytest.raises(RecipeError, match="did you mean 'right'"):
        [*Mix(arm="rihgt", share=0.5).apply([], {"right": []})]
