"""Filters that choose: by topic, from strata, and apart from other sources.

Choices are made by a hash of a document's id and a seed, so a larger sample holds the smaller one.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

import msgspec
from politune_matched_posts import Topics, phrases
from politune_pairs import draw
from politune_text_filters import text_key
from pydantic import Field, NonNegativeInt, PositiveInt

from politune_harness import DataError, Document, Dropped, Filter, InputPath, Source, hookimpl
from politune_harness.disk import keys, replayed
from politune_harness.records import at

MONTH = len("2019-10")


class Topic(Filter):
    """Note the topic of each document: the longest of the listed phrases that it holds."""

    topics: InputPath
    """A text file of phrases, one a line, such as `the minimum wage`."""
    only: bool = True
    """Whether documents on none of the topics are dropped."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        topics = Topics(phrases(self.topics))
        for document in documents:
            topic = topics.find(document.text)
            if topic is None and self.only:
                yield Dropped(id=document.id, reason="no listed topic")
            else:
                noted = {**document.metadata, "topic": topic}
                yield msgspec.structs.replace(document, metadata=noted)


class Sample(Filter):
    """Keep `n` documents, drawn from each stratum for itself.

    Documents are held on disk while they are counted, and `n` ids in memory.

    >>> text = [Document(id=str(n), text="", metadata={"topic": "ab"[n > 7]}) for n in range(10)]
    >>> drawn = Sample(n=4, by=("topic",), shares="equal").apply(text)
    >>> [row.id for row in drawn if isinstance(row, Document)]
    ['0', '3', '8', '9']
    """

    scope = "whole_stream"

    n: PositiveInt
    """How many to keep; fewer where strata of equal shares hold less."""
    by: tuple[str, ...] = ()
    """What makes a stratum: names in the metadata, such as `topic`, `platform` or `stance.topic`,
    or `month` (of `date`, its first seven signs). Without any, all documents are one."""
    shares: Literal["proportional", "equal"] = "proportional"
    """Whether each stratum keeps its share, or all are to be equally large: then a small one
    limits the others, so that topics, platforms or months are balanced."""
    date: str = "created_utc"
    """Where in the metadata the date is: seconds since 1970, or text that begins with the year."""
    seed: NonNegativeInt = 0
    """Another seed draws others."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        with replayed(documents, Document) as again:
            counts = Counter(map(self._stratum, again()))
            room = self._room(counts)
            drawn: dict[Stratum, list[tuple[int, str]]] = {stratum: [] for stratum in room}
            for document in again():
                stratum = self._stratum(document)
                rank = -draw(self.seed, "sample", document.id), document.id
                if len(drawn[stratum]) < room[stratum]:
                    heapq.heappush(drawn[stratum], rank)
                elif drawn[stratum]:
                    heapq.heappushpop(drawn[stratum], rank)
            kept = {id_ for each in drawn.values() for _, id_ in each}
            for document in again():
                fits = document.id in kept
                yield document if fits else Dropped(id=document.id, reason="not drawn")

    def _stratum(self, document: Document) -> "Stratum":
        values = (
            self._month(document) if name == "month" else at(document.metadata, name)
            for name in self.by
        )
        return tuple(map(str, values))

    def _month(self, document: Document) -> str | None:
        """Return a document's year and month; None where it has none."""
        from datetime import UTC, datetime

        date = at(document.metadata, self.date)
        if not isinstance(date, int | float):
            return date[:MONTH] if isinstance(date, str) else None
        try:
            return datetime.fromtimestamp(date, UTC).isoformat()[:MONTH]
        except (ValueError, OverflowError, OSError):
            message = f"{document.id}: {self.date} {date} is no time in seconds since 1970"
            raise DataError(message) from None

    def _room(self, counts: Counter["Stratum"]) -> dict["Stratum", int]:
        """Return how many each stratum keeps; what does not divide goes to the largest rests."""
        if self.shares == "equal":
            least = min([*counts.values(), self.n // len(counts)]) if counts else 0
            return dict.fromkeys(counts, least)
        total = counts.total()
        wanted = min(self.n, total)
        room = {stratum: wanted * count // total for stratum, count in counts.items()}
        rests = sorted(counts, key=lambda each: (-(wanted * counts[each] % total), each))
        for stratum in rests[: wanted - sum(room.values())]:
            room[stratum] += 1
        return room


Stratum = tuple[str, ...]


class Disjoint(Filter):
    """Drop documents whose text other sources have too: it cannot speak for one arm alone.

    Case and spaces make no difference. What it remembers is kept on disk.
    """

    against: Annotated[tuple[Source, ...], Field(min_length=1)]
    """The sources of the other arms, as they are: no filter comes before the comparison."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        with keys() as theirs:
            for source in self.against:
                for row in source.load():
                    if isinstance(row, Document):
                        theirs.add(text_key(row.text))
            for document in documents:
                shared = text_key(document.text) in theirs
                reason = "text of another arm"
                yield Dropped(id=document.id, reason=reason) if shared else document


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {"disjoint": Disjoint, "sample": Sample, "topic": Topic}
