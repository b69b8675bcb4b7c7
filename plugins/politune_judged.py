"""A filter that keeps what a judge scores within bounds: any judge of leaning, as a filter.

Whoever chooses the data should not be the one who measures what the data did: see the study
`judges`, which does both with one judge, to show what that costs.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Self

import msgspec
from politune_asking import batches
from pydantic import model_validator

from politune_harness import Completion, Document, Dropped, Filter, Metric, hookimpl


class Judged(Filter):
    """Note the score that a judge gives each document, as `judged`; keep those within bounds.

    A document that gets no score is dropped. To keep what a classifier takes to be left for sure:

        use: judged
        judge: {use: classifier-score, path: classifier.json, name: words}
        keep: [0, 5]
    """

    loads_model: ClassVar = True

    judge: Metric
    """Who scores, from 0 (left) to 20 (right). It is shown the text alone."""
    keep: tuple[float, float] = (0, 20)
    """The lowest and the highest score that is kept."""

    @model_validator(mode="after")
    def _scores_texts(self) -> Self:
        if self.judge.measures != "leaning":
            message = f"`judge` measures {self.judge.measures}, and a filter needs one of leaning"
            raise ValueError(message)
        if self.keep[0] > self.keep[1]:
            message = f"`keep` is the lowest and the highest score, not {[*self.keep]}"
            raise ValueError(message)
        return self

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        for batch in batches(documents):
            texts = [Completion(id=d.id, prompt="", completion=d.text) for d in batch]
            for document, score in zip(batch, self.judge.score(texts), strict=True):
                if score.value is None:
                    yield Dropped(id=document.id, reason="no score", detail=score.reason)
                    continue
                noted = {"score": round(score.value, 6), "judge": score.judge}
                kept = {**document.metadata, "judged": noted}
                if self.keep[0] <= score.value <= self.keep[1]:
                    yield msgspec.structs.replace(document, metadata=kept)
                else:
                    yield Dropped(id=document.id, reason="out of bounds")


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {"judged": Judged}
