"""What a component must remember of a stream of any length, kept on disk while it works.

Memory stays the same however many rows pass; the files are gone when the work is done, or killed.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from politune_harness.records import Record

R = TypeVar("R", bound=Record)

CACHE = -64 * 1024
"""SQLite's cache, in KiB, as a negative number."""


@contextmanager
def replayed(rows: Iterable[R], record: type[R]) -> Iterator[Callable[[], Iterator[R]]]:
    """Keep rows of one type in a file; hand out what goes through them from the first.

    >>> rows = (Record(id=str(n)) for n in range(2))
    >>> with replayed(rows, Record) as again:
    ...     [row.id for row in again()], [row.id for row in again()]
    (['0', '1'], ['0', '1'])
    """
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(record).decode
    with tempfile.TemporaryFile() as file:
        for row in rows:
            file.write(encode(row) + b"\n")

        def again() -> Iterator[R]:
            file.seek(0)
            yield from map(decode, file)

        yield again


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Open an empty SQLite database that nobody keeps."""
    connection = sqlite3.connect("", isolation_level=None)
    try:
        connection.executescript(
            f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size={CACHE};"
        )
        yield connection
    finally:
        connection.close()


class Keys:
    """A set of keys on disk."""

    def __init__(self, held: sqlite3.Connection) -> None:
        self._held = held
        held.execute("CREATE TABLE keys (key BLOB PRIMARY KEY) WITHOUT ROWID")
        held.execute("BEGIN")

    def add(self, key: bytes) -> bool:
        """Add a key, and say whether it is new."""
        return self._held.execute("INSERT OR IGNORE INTO keys VALUES (?)", (key,)).rowcount == 1

    def __contains__(self, key: bytes) -> bool:
        """Say whether a key is there."""
        found = self._held.execute("SELECT 1 FROM keys WHERE key = ?", (key,))
        return found.fetchone() is not None


@contextmanager
def keys() -> Iterator[Keys]:
    """Hand out an empty set of keys on disk.

    >>> with keys() as seen:
    ...     seen.add(b"a"), seen.add(b"b"), seen.add(b"a"), b"b" in seen, b"c" in seen
    (True, True, False, True, False)
    """
    with database() as held:
        yield Keys(held)
