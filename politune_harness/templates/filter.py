"""A filter of documents for PoliTune Harness."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import PositiveInt

from politune_harness import Document, Dropped, Filter, hookimpl


class Example(Filter):
    """Keep documents that do not repeat themselves."""

    at_least: PositiveInt = 3
    """How many different words a document must have."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        for document in documents:
            words = set(document.text.lower().split())
            if len(words) >= self.at_least:
                yield document
            else:
                yield Dropped(id=document.id, reason="too few different words")


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {"example": Example}
