"""A filter of preference pairs for PoliTune Harness."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import PositiveInt

from politune_harness import Dropped, PairFilter, Preference, hookimpl


class Example(PairFilter):
    """Keep pairs whose preferred answer is not too long."""

    at_most: PositiveInt = 200
    """The most words that it may have."""

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference | Dropped]:
        del others  # the pairs of the other arms, for filters that compare
        for pair in pairs:
            fits = len(pair.chosen.split()) <= self.at_most
            yield pair if fits else Dropped(id=pair.id, reason="answer too long")


@hookimpl
def politune_pair_filters() -> Mapping[str, type[PairFilter]]:
    return {"example": Example}
