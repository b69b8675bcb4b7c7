"""Pair filters: what is wrong with pairs, and what makes arms and answers comparable.

Every choice is made by a hash of a pair's id and a seed, so it does not hang on the order of rows.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import chain

import msgspec
from pydantic import Field, NonNegativeInt, field_validator

from politune_harness import Dropped, PairFilter, Preference, RecipeError, hookimpl
from politune_harness.disk import replayed
from politune_harness.flaws import FLAWS, Checker, Flaw, mended
from politune_harness.records import at
from politune_harness.registry import nearest


class CheckData(PairFilter):
    """Drop pairs with the flaws that `politune check-data` counts; mend what can be mended.

    A pair with several flaws is dropped for the first. Prompts that two arms share are dropped
    from both.

    >>> pair = Preference(id="a", prompt="Tea?", chosen="{'text': 'Yes, tea.'}", rejected="No tea.")
    >>> [row.chosen for row in CheckData().apply([pair], {})]
    ['Yes, tea.']
    """

    compares = True

    drop: tuple[Flaw, ...] = FLAWS
    """The flaws for which a pair is dropped; the others are let be."""
    mend: bool = True
    """Whether an answer that is nothing but a leaked record becomes the text inside it."""

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference | Dropped]:
        check = Checker(chain.from_iterable(others.values()))
        for pair in pairs:
            whole = _mended(pair) if self.mend else pair
            found = [flaw for flaw in check(whole) if flaw in self.drop]
            yield Dropped(id=pair.id, reason=found[0]) if found else whole


class Permute(PairFilter):
    """Swap chosen and rejected of about every other pair: a control in which nothing is preferred.

    >>> pairs = [Preference(id=str(n), prompt="?", chosen="a", rejected="b") for n in range(6)]
    >>> "".join(pair.chosen for pair in Permute(seed=1).apply(pairs, {}))
    'aaaabb'
    """

    seed: NonNegativeInt = 0
    """Another seed swaps others."""

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference]:
        for pair in pairs:
            yield _swapped(pair) if draw(self.seed, "swap", pair.id) % 2 else pair


class Mix(PairFilter):
    """Mix an arm's pairs with those of another, so that these have a given share of all.

    As many are kept as that allows; the others' ids then begin with their arm's name.

    >>> mine = [Preference(id=str(n), prompt="?", chosen="a", rejected="b") for n in range(4)]
    >>> theirs = [Preference(id=str(n), prompt="?", chosen="b", rejected="a") for n in range(4)]
    >>> rows = Mix(arm="right", share=0.25).apply(mine, {"right": theirs})
    >>> [row.id for row in rows]
    ['0', '1', '2', '3', 'right/0']
    """

    compares = True

    arm: str
    """The other arm, which has a source of its own."""
    share: float = Field(ge=0, le=1)
    """Which share of all pairs is to be the other arm's."""
    seed: NonNegativeInt = 0
    """Another seed keeps others."""

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference | Dropped]:
        if self.arm not in others:
            message = f"mix: no other arm with a source of its own is called {self.arm!r}; "
            raise RecipeError(message + nearest(self.arm, others))
        with replayed(pairs, Preference) as own, replayed(others[self.arm], Preference) as theirs:
            ranked = [
                sorted((draw(self.seed, "mix", p.id), p.id) for p in each())
                for each in (own, theirs)
            ]
            parts = 1 - self.share, self.share
            most = min(len(ids) / part for ids, part in zip(ranked, parts, strict=True) if part)
            mine, other = (
                {id_ for _, id_ in ids[: math.floor(part * most + 1e-9)]}
                for ids, part in zip(ranked, parts, strict=True)
            )
            for pair in own():
                kept = pair.id in mine
                yield pair if kept else Dropped(id=pair.id, reason=f"makes room for {self.arm}")
            for pair in theirs():
                if pair.id in other:
                    yield msgspec.structs.replace(pair, id=f"{self.arm}/{pair.id}")


PLACES = re.compile(r"(\{first\}|\{second\})")


class Views(PairFilter):
    """Prefer an answer that gives both views to one that gives one of them.

    Of each pair the chosen answer becomes `form` with both of its answers, and the rejected one
    either of them: which comes first, and which stays, are drawn apart, and favour no side.

    >>> pair = Preference(id="a", prompt="Tax?", chosen="Cut it.", rejected="Raise it.")
    >>> [made] = Views().apply([pair], {})
    >>> made.chosen, made.rejected
    ('Some people say: Cut it. Other people say: Raise it.', 'Raise it.')
    """

    form: str = "Some people say: {first} Other people say: {second}"
    """How both are put into one answer."""
    seed: NonNegativeInt = 0
    """Another seed draws otherwise."""

    @field_validator("form")
    @classmethod
    def _of_both(cls, form: str) -> str:
        if not all(form.count(part) == 1 for part in ("{first}", "{second}")):
            message = "`form` holds {first} and {second} once each"
            raise ValueError(message)
        return form

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference]:
        for pair in pairs:
            both = pair.chosen, pair.rejected
            start, kept = (draw(self.seed, what, pair.id) % 2 for what in ("first", "kept"))
            texts = {"{first}": both[start], "{second}": both[1 - start]}
            found = "".join(texts.get(part, part) for part in PLACES.split(self.form))
            yield msgspec.structs.replace(pair, chosen=found, rejected=both[kept])


class SimilarLength(PairFilter):
    """Keep pairs whose answers are about equally long, so that length is not what is learned."""

    ratio: float = Field(default=1.5, ge=1)
    """How many times the words of the shorter answer the longer one may have."""

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference | Dropped]:
        for pair in pairs:
            short, long = sorted((_words(pair.chosen), _words(pair.rejected)))
            fits = long <= self.ratio * short
            yield pair if fits else Dropped(id=pair.id, reason="answers of unlike length")


class Match(PairFilter):
    """Keep as many pairs of every kind as the arm that has the fewest of it.

    A kind is what `by` names: arms that pass it have the same topics, platforms and lengths in the
    same numbers. Pairs are held on disk, a count of each kind in memory.
    """

    compares = True

    by: tuple[str, ...] = Field(default=("length",), min_length=1)
    """What makes a kind: `length` (the chosen answer's words, in steps of a half more), or a name
    in a pair's metadata such as `topic` or `stance.topic`."""
    among: tuple[str, ...] = ()
    """The arms that are matched; by default, all with a source of their own."""
    even: bool = False
    """Whether of every kind as many pairs are kept with the longer answer chosen as rejected."""
    seed: NonNegativeInt = 0
    """Another seed keeps others."""

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference | Dropped]:
        with replayed(pairs, Preference) as again:
            named = [rows for arm, rows in others.items() if not self.among or arm in self.among]
            counts = [Counter(map(self._kind, rows)) for rows in (again(), *named)]
            room = {kind: self._room(kind, counts) for kind in counts[0]}
            ranked: dict[Kind, list[tuple[int, str]]] = {}
            for pair in again():
                rank = draw(self.seed, "match", pair.id), pair.id
                ranked.setdefault(self._kind(pair), []).append(rank)
            kept = {id_ for kind, each in ranked.items() for _, id_ in sorted(each)[: room[kind]]}
            for pair in again():
                fits = pair.id in kept
                yield pair if fits else Dropped(id=pair.id, reason="more of its kind than others")

    def _kind(self, pair: Preference) -> "Kind":
        longer = _words(pair.chosen) - _words(pair.rejected)
        if self.even and longer == 0:
            longer = draw(self.seed, "even", pair.id) % 2
        values = (length(pair) if name == "length" else at(pair.metadata, name) for name in self.by)
        return tuple(map(str, values)), self.even and longer > 0

    def _room(self, kind: "Kind", counts: list[Counter["Kind"]]) -> int:
        same = {kind, (kind[0], not kind[1])} if self.even else {kind}
        return min(count[each] for count in counts for each in same)


Kind = tuple[tuple[str, ...], bool]
"""What `by` names, and whether the chosen answer is the longer, where that counts."""


def draw(seed: int, what: str, id_: str) -> int:
    """Return a number from 0 to 2**64 - 1 that a seed and an id stand for."""
    return int.from_bytes(blake2b(f"{seed}/{what}/{id_}".encode(), digest_size=8).digest())


def _words(text: str) -> int:
    return len(text.split())


def length(pair: Preference) -> int:
    """Return the words of the chosen answer, in steps of a half more."""
    return round(math.log(max(_words(pair.chosen), 1), 1.5))


def _mended(pair: Preference) -> Preference:
    chosen, rejected = mended(pair.chosen), mended(pair.rejected)
    return msgspec.structs.replace(pair, chosen=chosen, rejected=rejected)


def _swapped(pair: Preference) -> Preference:
    """Return a pair the other way round, and with it what is noted of either answer."""
    metadata = {
        name: {"chosen": value["rejected"], "rejected": value["chosen"]}
        if isinstance(value, Mapping) and value.keys() == {"chosen", "rejected"}
        else value
        for name, value in pair.metadata.items()
    }
    return msgspec.structs.replace(
        pair, chosen=pair.rejected, rejected=pair.chosen, metadata={**metadata, "swapped": True}
    )


@hookimpl
def politune_pair_filters() -> Mapping[str, type[PairFilter]]:
    return {
        "check-data": CheckData,
        "match": Match,
        "mix": Mix,
        "permute": Permute,
        "similar-length": SimilarLength,
        "views": Views,
    }
