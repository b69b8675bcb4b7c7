"""A filter for texts that are nearly the same, by MinHash from `rensa`.

After Broder (1997, "On the resemblance and containment of documents"): the share of equal places in
two signatures estimates the share of common word runs. Candidates share a band of places (Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3). Both are kept on disk.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from politune_harness import Document, Dropped, Filter, hookimpl
from politune_harness.disk import database
from politune_harness.overlap import grams, words

if TYPE_CHECKING:
    from politune_harness.statistics import Array

PLACES = 128
"""Places of a signature: the estimate's standard error is at most 1 / (2 √128), 0.044."""
MISSED = 0.01
"""The share of pairs at `similarity` itself that may share no band, and so be missed."""

NEAR = "SELECT places FROM signatures WHERE n IN (SELECT n FROM bands WHERE band IN (", "))"
"""What asks for those that share a band, before and after the question marks for the bands."""


class NearUnique(Filter):
    """Keep the first of documents that share most of their runs of words.

    Case, punctuation and spaces make no difference. Which pairs are found is a matter of chance
    near `similarity`, and the same on every run.

    >>> text = "The council should keep the old park open, because children play in it every day"
    >>> texts = [text, f"{text}!!", f"{text} and night", "Sell the park."]
    >>> documents = [Document(id=str(n), text=text) for n, text in enumerate(texts)]
    >>> [row.id for row in NearUnique().apply(documents) if isinstance(row, Document)]
    ['0', '3']
    """

    scope = "whole_stream"

    similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    """The share of runs that two texts have in common, of those that either has, from which on
    they count as the same."""
    run: PositiveInt = 3
    """The words of a run; a shorter text is one run."""
    seed: NonNegativeInt = 0
    """Seed of the hash functions."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        with database() as held:
            index = _Index(held, self.similarity)
            for document in documents:
                same = index.add(self._signature(document.text))
                yield Dropped(id=document.id, reason="nearly repeated text") if same else document

    def _signature(self, text: str) -> "Array":
        import numpy as np
        from rensa import RMinHash

        said = words(text)
        runs = [" ".join(gram) for gram in grams(said, min(self.run, len(said)) or 1)]
        signature = RMinHash(num_perm=PLACES, seed=self.seed)
        signature.update(runs)
        return np.array(signature.digest(), dtype=np.uint32)


class _Index:
    """Signatures on disk, and which of them have each band."""

    def __init__(self, held: sqlite3.Connection, similarity: float) -> None:
        self._held, self._least = held, similarity
        self._bands = PLACES // width(similarity)
        held.execute("CREATE TABLE signatures (n INTEGER PRIMARY KEY, places BLOB)")
        held.execute(
            "CREATE TABLE bands (band BLOB, n INTEGER, PRIMARY KEY (band, n)) WITHOUT ROWID"
        )
        held.execute("BEGIN")

    def add(self, signature: "Array") -> bool:
        """Add a signature and return False, or return True where one like it is there."""
        import numpy as np

        held, size = signature.tobytes(), signature.nbytes // self._bands
        bands = [bytes([n]) + held[n * size : (n + 1) * size] for n in range(self._bands)]
        marks = ",".join("?" * len(bands))
        near = self._held.execute(marks.join(NEAR), bands)
        for (places,) in near:
            if np.mean(np.frombuffer(places, np.uint32) == signature) >= self._least:
                near.close()
                return True
        place = self._held.execute("INSERT INTO signatures (places) VALUES (?)", (held,))
        n = place.lastrowid
        self._held.executemany("INSERT INTO bands VALUES (?, ?)", [(band, n) for band in bands])
        return False


def width(similarity: float) -> int:
    """Return the most places a band by which 99 of 100 pairs of that similarity are found.

    >>> width(0.7), width(0.9)
    (4, 8)
    """
    widths = (2**n for n in range(PLACES.bit_length() - 1, 0, -1))
    found = (w for w in widths if (1 - similarity**w) ** (PLACES // w) <= MISSED)
    return next(found, 1)


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {"near-unique": NearUnique}
