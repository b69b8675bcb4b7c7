"""The work of a curation stage in shards, each durable once it is done.

    1-read/left/.shards/
        key                           which work they are of
        00000.rows  00000.dropped     what one shard kept, and what it left out
        00000.notes                   what was noted on the way, if anything
        00000.json                    its counts, written last

A killed stage goes on from the shards that it lacks. Shards are cut in the same places and joined
in the same order whatever the number of workers, so the bytes are the same.
"""

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.artifacts import (
    SHARDS,
    Artifact,
    Tally,
    notes_in,
    put_notes,
    split,
    write_whole,
)
from politune_harness.components import Engine, Filter, InstructionWriter, Shard, asks
from politune_harness.errors import PluginError
from politune_harness.progress import track
from politune_harness.records import Document, Note, Record

SIZE = 1 << 22
"""About how many bytes of rows a shard takes where shards are worked apart."""
SMALL = 1 << 18
"""The same where a model works them: its work is dear, and little of it is to be lost."""

_DOCUMENTS = msgspec.json.Decoder(Document)

Apply = Callable[[Iterable[Document]], Iterator[Any]]
Task = tuple[Path, int, Shard]
Spread = Callable[[Callable[[Task], None], Sequence[Task]], Iterable[None]]
"""An engine's `map`, or Python's for what is worked in this process."""


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file of documents, from one byte to another."""

    path: Path
    start: int
    end: int

    def read(self) -> list[Document]:
        """Return the documents."""
        return _DOCUMENTS.decode_lines(self._bytes())

    def count(self) -> int:
        """Return how many documents there are."""
        return self._bytes().count(b"\n")

    def _bytes(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.end - self.start)


def pieces(path: Path, size: int = SIZE) -> list[Piece]:
    """Cut a file of lines into pieces of at least `size` bytes, but for the last."""
    total, ends = path.stat().st_size, [0]
    with path.open("rb") as file:
        while ends[-1] < total:
            file.seek(ends[-1] + size - 1)
            file.readline()
            ends.append(min(file.tell(), total))
    return [Piece(path, start, end) for start, end in pairwise(ends)]


def load(artifact: Artifact, shards: Sequence[Shard], engine: Engine) -> Tally:
    """Write what the shards of a source yield to an artifact; return the counts."""
    return _run(artifact, shards, engine.map)


def apply(
    artifact: Artifact, before: Artifact, component: Filter | InstructionWriter, engine: Engine
) -> Tally:
    """Write what a component makes of an earlier artifact's documents; return the counts.

    Raises PluginError where a filter does not give back each document, kept or dropped.
    """
    rows = before.path / "rows.jsonl"
    work = component.apply if isinstance(component, Filter) else component.write
    exact = isinstance(component, Filter) or component.scope == "per_document"
    here = component.loads_model or asks(component)
    if component.scope == "whole_stream":
        whole = partial(_applied, work, pieces(rows), exact=exact)
        return _run(artifact, [whole], map if here else engine.map)
    if here:
        return _stream(artifact, work, pieces(rows, SMALL))
    each = [partial(_applied, work, [piece], exact=True) for piece in pieces(rows)]
    return _run(artifact, each, engine.map)


def _applied(work: Apply, given: Sequence[Piece], *, exact: bool) -> Iterator[Record]:
    """Yield what a component makes of some pieces; `exact` where every document must come back."""
    taken = given_back = 0

    def documents() -> Iterator[Document]:
        nonlocal taken
        for piece in given:
            batch = piece.read()
            taken += len(batch)
            yield from batch

    for row in work(documents()):
        given_back += not isinstance(row, Note)
        yield row
    if exact:
        _check(work, taken, given_back)


def _check(work: Apply, taken: int, given_back: int) -> None:
    if taken != given_back:
        name = type(getattr(work, "__self__", work)).__name__
        message = f"{name} gave {given_back} rows for {taken} documents: it must give one for each"
        raise PluginError(message)


def _run(artifact: Artifact, shards: Sequence[Shard], spread: Spread) -> Tally:
    """Work the shards that are not done yet, wherever they are spread to, and join all."""
    _begin(artifact)
    todo = [(artifact.path, n, shard) for n, shard in enumerate(shards) if not _done(artifact, n)]
    for _ in track(spread(_task, todo), "shards", len(todo)):
        pass
    return _join(artifact, len(shards))


def _stream(artifact: Artifact, work: Apply, given: Sequence[Piece]) -> Tally:
    """Work the pieces in this process and in one go.

    A model is loaded once, and its batches take no notice of where a piece ends.
    """
    _begin(artifact)
    todo = [(n, piece) for n, piece in enumerate(given) if not _done(artifact, n)]
    documents = chain.from_iterable(piece.read() for _, piece in todo)
    if todo:
        notes: list[Note] = []
        with closing(_without(notes, work(documents))) as rows:
            for n, piece in track(todo, "shards", len(todo)):
                size = piece.count()
                part = rows if n == todo[-1][0] else islice(rows, size)
                _write(artifact.path, n, _counted(work, size, part, notes))
    return _join(artifact, len(given))


def _begin(artifact: Artifact) -> None:
    folder = artifact.path / SHARDS
    folder.mkdir(exist_ok=True)
    write_whole(folder / "key", artifact.work)


def _without(notes: list[Note], rows: Iterator[Any]) -> Generator[Any]:
    """Yield rows, and put the notes among them aside."""
    for row in rows:
        if isinstance(row, Note):
            notes.append(row)
        else:
            yield row


def _counted(work: Apply, size: int, rows: Iterable[Record], notes: list[Note]) -> Iterator[Record]:
    """Yield the rows of one piece, which must be `size`, and what was noted by then."""
    given_back = 0
    for row in rows:
        given_back += 1
        yield row
    yield from notes
    notes.clear()
    _check(work, size, given_back)


def _task(task: Task) -> None:
    folder, number, shard = task
    _write(folder, number, shard())


def _place(folder: Path, number: int, ending: str) -> Path:
    return folder / SHARDS / f"{number:05}.{ending}"


def _done(artifact: Artifact, number: int) -> bool:
    return _place(artifact.path, number, "json").exists()


def _write(folder: Path, number: int, rows: Iterable[Record]) -> None:
    """Write one shard; its counts come last, and stand for the whole."""
    places = _place(folder, number, "rows"), _place(folder, number, "dropped")
    with places[0].open("wb") as kept, places[1].open("wb") as dropped:
        tally = split(rows, kept, dropped)
        for out in (kept, dropped):
            out.flush()
            os.fsync(out.fileno())
    put_notes(_place(folder, number, "notes"), tally.notes)
    counts = msgspec.json.encode(tally.counts()).decode()
    write_whole(_place(folder, number, "json"), counts)


def _join(artifact: Artifact, number: int) -> Tally:
    """Put all shards together in their order, and clear them away."""
    total = Tally()
    with (
        (artifact.path / "rows.jsonl").open("wb") as kept,
        (artifact.path / "dropped.jsonl").open("wb") as dropped,
    ):
        for n in range(number):
            for out, ending in ((kept, "rows"), (dropped, "dropped")):
                with _place(artifact.path, n, ending).open("rb") as shard:
                    shutil.copyfileobj(shard, out, 1 << 20)
            counts = msgspec.json.decode(_place(artifact.path, n, "json").read_bytes())
            total.add(Tally.of(counts))
            total.notes += notes_in(_place(artifact.path, n, "notes"))
    artifact.keep(total.notes)
    shutil.rmtree(artifact.path / SHARDS, ignore_errors=True)
    return total
