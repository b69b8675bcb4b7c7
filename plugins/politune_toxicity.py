"""How toxic texts are, by a classifier that the user chooses: of documents, and of pairs' answers.

What a classifier calls toxic is its makers' choice, and may differ between camps: the report puts
its mean for every arm, and for chosen and rejected answers, side by side.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from politune_asking import batches
from politune_encoder import Encoder, Share
from pydantic import PositiveInt

from politune_harness import Document, Dropped, Filter, ModelName, PairFilter, Preference, hookimpl
from politune_harness.components import Component

REASON = "too toxic"


class Rated(Component):
    """What both filters are told."""

    model: ModelName
    """A sequence-classification model, such as `unitary/toxic-bert`."""
    label: str = "toxic"
    """The name of its class whose probability counts, as its configuration has it."""
    at_most: Share | None = None
    """The greatest probability that is kept; by default it is noted, and nothing is dropped."""
    max_tokens: PositiveInt = 256
    """Where a text is cut."""

    def rate(self, encoder: Encoder, texts: list[str]) -> list[float]:
        """Return the probability of the label for each text."""
        found = encoder.probabilities(texts)[:, encoder.place(self.label)]
        return [round(value, 6) for value in found.tolist()]

    def fits(self, *rates: float) -> bool:
        """Return whether texts of these probabilities are kept."""
        return self.at_most is None or max(rates) <= self.at_most


class Toxicity(Rated, Filter):
    """Note how probably each document is toxic, as `toxicity`; drop those above a bound."""

    loads_model = True

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        encoder = Encoder(self.model, max_tokens=self.max_tokens)
        for batch in batches(documents):
            for document, rate in zip(
                batch, self.rate(encoder, [d.text for d in batch]), strict=True
            ):
                noted = {**document.metadata, "toxicity": rate}
                kept = msgspec.structs.replace(document, metadata=noted)
                yield kept if self.fits(rate) else Dropped(id=document.id, reason=REASON)


class PairToxicity(Rated, PairFilter):
    """Note how probably either answer is toxic; drop pairs with one above a bound."""

    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference | Dropped]:
        encoder = Encoder(self.model, max_tokens=self.max_tokens)
        for batch in batches(pairs):
            chosen = self.rate(encoder, [pair.chosen for pair in batch])
            rejected = self.rate(encoder, [pair.rejected for pair in batch])
            for pair, *rates in zip(batch, chosen, rejected, strict=True):
                both = dict(zip(("chosen", "rejected"), rates, strict=True))
                kept = msgspec.structs.replace(pair, metadata={**pair.metadata, "toxicity": both})
                yield kept if self.fits(*rates) else Dropped(id=pair.id, reason=REASON)


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {"toxicity": Toxicity}


@hookimpl
def politune_pair_filters() -> Mapping[str, type[PairFilter]]:
    return {"toxicity": PairToxicity}
