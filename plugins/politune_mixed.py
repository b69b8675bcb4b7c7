"""A source made of others, such as several platforms in one arm."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Self

import msgspec
from pydantic import Field, model_validator

from politune_harness import Document, Shard, Source, hookimpl
from politune_harness.records import Record


class Mixed(Source):
    """Documents of several sources, one source after the other.

    An id begins with the number of its source, from 1: `2/posts.csv:7`. A filter that samples can
    balance the platforms, which their sources name.
    """

    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    """The sources, each written as in an arm."""

    @model_validator(mode="after")
    def _of_documents(self) -> Self:
        if any(source.yields is not Document for source in self.sources):
            message = "`sources` must be of documents, not of pairs"
            raise ValueError(message)
        return self

    def load(self) -> Iterator[Document]:
        for shard in self.shards():
            yield from shard()  # type: ignore[misc]

    def shards(self) -> Sequence[Shard]:
        return [
            partial(_numbered, number, shard)
            for number, source in enumerate(self.sources, 1)
            for shard in source.shards()
        ]


def _numbered(number: int, shard: Shard) -> Iterator[Record]:
    for row in shard():
        yield msgspec.structs.replace(row, id=f"{number}/{row.id}")


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"mixed": Mixed}
