"""Documents from tables: CSV files and JSON lines, plain or compressed.

Every row is yielded once: as a document, or as Dropped with a reason. None is repaired or guessed.
"""

import bz2
import csv
import difflib
import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import Field

from politune_harness import DataError, Document, Dropped, InputPath, Source, hookimpl
from politune_harness.records import JSON

PIECE = 1 << 18
"""How many bytes are read at once."""

Row = tuple[str, Mapping[str, JSON]]
"""A row's place in its file (`posts.csv:7`, the seventh row), and its columns."""

Delimiter = Annotated[str, Field(pattern=r'^[^"\r\n]$')]

_JSON_ROW = msgspec.json.Decoder(dict[str, Any])


class Columns(Source):
    """What sources of named columns share: which column holds what."""

    text: str = "text"
    """The column of the text."""
    id: str | None = None
    """The column of unique ids; without one, an id is made of the row's place."""
    metadata: tuple[str, ...] = ()
    """More columns to keep. Those that name or identify an author are better left out."""

    @property
    def columns(self) -> list[str]:
        """Every column that is read."""
        return [self.text, *([self.id] if self.id else []), *self.metadata]

    def document(self, place: str, row: Mapping[str, JSON]) -> Document | Dropped:
        """Return a row as a document, or say what is wrong with it."""
        name = row.get(self.id) if self.id else place
        if not isinstance(name, (str, int)) or name == "":
            return Dropped(id=place, reason=f"no {self.id!r}", malformed=True)
        text = row.get(self.text)
        if isinstance(text, str) and text.strip():
            kept = {column: row[column] for column in self.metadata if column in row}
            return Document(id=str(name), text=text, metadata=kept)
        if self.text not in row:
            reason = f"no column {self.text!r}"
        else:
            reason = "empty text" if isinstance(text, str | None) else "text that is no string"
        return Dropped(id=str(name), reason=reason, malformed=True)


class CSV(Columns):
    """Documents from the rows of CSV files in UTF-8, with a header.

    Rows are numbered from 1, after the header.
    """

    path: InputPath
    """A file, a folder (its `.csv` files) or a glob (`posts_*.csv`); plain, .bz2, .gz or .zst."""
    delimiter: Delimiter = ","
    """What stands between columns: "\\t" for tab-separated values."""

    def load(self) -> Iterator[Document | Dropped]:
        for path in find(self.path, "csv"):
            for row in read_csv(path, self.columns, self.delimiter):
                yield row if isinstance(row, Dropped) else self.document(*row)


class JSONL(Columns):
    """Documents from JSON lines: an object a line. Rows are numbered as lines, from 1."""

    path: InputPath
    """A file, a folder (its `.jsonl` files) or a glob; plain, .bz2, .gz or .zst."""

    def load(self) -> Iterator[Document | Dropped]:
        for path in find(self.path, "jsonl"):
            for row in read_jsonl(path):
                yield row if isinstance(row, Dropped) else self.document(*row)


def find(path: Path, *kinds: str) -> list[Path]:
    """Return the files that `path` stands for, by name: a file, a folder's of `kinds`, a glob's.

    Raises DataError where there is none.
    """
    if path.is_dir():
        ending = re.compile(rf".*\.({'|'.join(kinds)})(\.(bz2|gz|zst))?")
        found = [f for f in path.iterdir() if ending.fullmatch(f.name)]
        missing = f"{path}: no {' or '.join(kinds)} file is in this folder"
    else:
        found = [path] if path.exists() else list(path.parent.glob(path.name))
        missing = f"{path}: there is no such file or folder"
    if not found:
        raise DataError(missing)
    return sorted(found)


def lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their ends, decompressed where its name asks for it.

    Raises DataError where it cannot be read to its end.
    """
    import zstandard

    rest = b""
    try:
        for number, piece in enumerate(_pieces(path)):
            start = piece if number else piece.removeprefix(BOM_UTF8)
            *whole, rest = (rest + start).split(b"\n")
            yield from whole
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        message = f"{path}: cannot be read: {getattr(error, 'strerror', '') or error}"
        raise DataError(message) from error
    if rest:
        yield rest


def _pieces(path: Path) -> Iterator[bytes]:
    if path.suffix == ".zst":
        yield from _zst_pieces(path)
        return
    opened = {".bz2": bz2.BZ2File, ".gz": gzip.GzipFile}.get(path.suffix, FileIO)
    with opened(path) as file:
        while piece := file.read(PIECE):
            yield piece


def _zst_pieces(path: Path) -> Iterator[bytes]:
    """Decompress frame after frame, with windows of up to 2 GiB as in the Pushshift dumps."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    frame = None
    with path.open("rb") as file:
        while data := file.read(PIECE):
            while data:
                frame = frame or decompressor.decompressobj()
                yield frame.decompress(data)
                data = frame.unused_data
                frame = None if frame.eof else frame
    if frame is not None:
        message = "the file ends within a frame"
        raise EOFError(message)


def read_csv(path: Path, columns: Iterable[str], delimiter: str = ",") -> Iterator[Row | Dropped]:
    """Yield the rows of a CSV file that has `columns`; a broken row, as Dropped.

    A quote that is never closed breaks the rows up to the longest field that is read (131,072
    characters), not the rest of the file. Raises DataError where the header is not UTF-8 or lacks a
    column.
    """
    text = (f"{line.decode('utf-8', 'surrogateescape')}\n" for line in lines(path))
    records = _csv_records(csv.reader(text, delimiter=delimiter, strict=True))
    header = next(records, None) or []
    if not _is_utf8(header):
        message = f"{path}: its header is not UTF-8; save the file as UTF-8"
        raise DataError(message)
    require(path, columns, header)
    for number, record in enumerate(records, 1):
        place = f"{path.name}:{number}"
        if record is None:
            yield Dropped(id=place, reason="not a row of a table", malformed=True)
        elif len(record) != len(header):
            yield Dropped(id=place, reason="wrong number of fields", malformed=True)
        elif not _is_utf8(record):
            yield Dropped(id=place, reason="invalid UTF-8", malformed=True)
        else:
            yield place, dict(zip(header, record, strict=True))


def _csv_records(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """Yield each record, and None for one that cannot be parsed; blank lines are none."""
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
        else:
            if record:
                yield record


def _is_utf8(record: Sequence[str]) -> bool:
    try:
        "".join(record).encode()
    except UnicodeEncodeError:
        return False
    return True


def require(path: object, columns: Iterable[str], header: Sequence[str]) -> None:
    """Raise DataError where a column is not in the header, or is there more than once."""
    for column in columns:
        if column not in header:
            near = difflib.get_close_matches(column, header, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "name the one to read"
            message = f"{path}: no column {column!r} among {', '.join(header) or 'none'}; {hint}"
            raise DataError(message)
        if header.count(column) > 1:
            message = f"{path}: {header.count(column)} columns are called {column!r}; rename one"
            raise DataError(message)


def read_jsonl(path: Path) -> Iterator[Row | Dropped]:
    """Yield the objects of a file of JSON lines; a broken line, as Dropped. Blank ones are none."""
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            yield place, _JSON_ROW.decode(line)
        except ValueError as error:
            yield Dropped(id=place, reason=json_fault(error), malformed=True)


def json_fault(error: ValueError) -> str:
    """Return why a line was not decoded, in the words that are counted."""
    if isinstance(error, UnicodeDecodeError):
        return "invalid UTF-8"
    if isinstance(error, msgspec.ValidationError):
        return "not the expected JSON"
    return "invalid JSON"


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"csv": CSV, "jsonl": JSONL}
