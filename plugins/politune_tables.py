"""Documents from tables: CSV, TSV, JSON lines and Parquet, plain or compressed, here or remote.

Every row is yielded once: as a document, or as Dropped with a reason. None is repaired or guessed.
"""

import csv
import difflib
import json
from abc import abstractmethod
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Annotated, Any, ClassVar, Self

import msgspec
from pydantic import Field, model_validator

from politune_harness import (
    DataError,
    Document,
    Dropped,
    InputFiles,
    Shard,
    Source,
    hookimpl,
)
from politune_harness.errors import one_line
from politune_harness.files import LONGEST, File, find, lines, opened
from politune_harness.privacy import REMOVED, KeptAuthor, refuse_identifying, without_people
from politune_harness.records import JSON

Row = tuple[str, Mapping[str, JSON]]
"""A row's place in its file (`posts.csv:7`, the seventh row), and its columns."""

Delimiter = Annotated[str, Field(pattern=r'^[^"\r\n]$')]

DELIMITERS = (",", ";", "\t", "|")
"""What is commonly between columns."""

_JSON_ROW = msgspec.json.Decoder(dict[str, Any])


class AuthorColumn(KeptAuthor):
    """Why a keyed hash of each author is kept, and where the author and the key are."""

    column: str = "author"
    """The column of the author."""


class Columns(Source):
    """What sources of named columns share: which column holds what."""

    text: str | Annotated[tuple[str, ...], Field(min_length=1)] = "text"
    """The column of the text; of several, such as a headline and an article, those that are not
    empty are joined by blank lines."""
    id: str | None = None
    """The column of unique ids; without one, an id is made of the row's place."""
    metadata: tuple[str, ...] | Mapping[str, str] = ()
    """More columns to keep, or new names with the columns that they stand for. Columns that lead
    to an author are refused."""
    platform: str = ""
    """Where the texts were published, such as `mastodon` or `news`: kept with each, if given."""
    author: AuthorColumn | None = None
    """Keep a keyed hash of the author as `author_hash`; say why. By default no author is kept."""

    @model_validator(mode="after")
    def _no_people(self) -> Self:
        refuse_identifying([*self._texts, *([self.id] if self.id else []), *self._kept.values()])
        return self

    @property
    def _texts(self) -> tuple[str, ...]:
        return (self.text,) if isinstance(self.text, str) else self.text

    @property
    def _kept(self) -> Mapping[str, str]:
        kept = self.metadata
        return kept if isinstance(kept, Mapping) else dict(zip(kept, kept, strict=True))

    @property
    def columns(self) -> list[str]:
        """Every column that is read."""
        author = [self.author.column] if self.author else []
        return [*self._texts, *([self.id] if self.id else []), *self._kept.values(), *author]

    def documents(self, rows: Iterable[Row | Dropped]) -> Iterator[Document | Dropped]:
        """Yield each row as a document, or what is wrong with it."""
        texts, kept, given = self._texts, self._kept, {"platform": self.platform}
        hashed = self.author.hasher() if self.author else None
        for row in rows:
            if isinstance(row, Dropped):
                yield row
                continue
            place, fields = row
            name = fields.get(self.id) if self.id else place
            if not isinstance(name, (str, int)) or name == "":
                yield Dropped(id=place, reason=f"no {self.id!r}", malformed=True)
                continue
            text = _joined(texts, fields)
            if isinstance(text, Fault):
                yield Dropped(id=str(name), reason=text.reason, malformed=text.malformed)
                continue
            metadata: dict[str, JSON] = {**given} if self.platform else {}
            metadata |= {new: without_people(fields[c]) for new, c in kept.items() if c in fields}
            if self.author and hashed and (author := fields.get(self.author.column)):
                metadata["author_hash"] = hashed(str(author))
            yield Document(id=str(name), text=text, metadata=metadata)


class Fault(msgspec.Struct):
    """Why a row has no text."""

    reason: str
    malformed: bool = True


def _joined(columns: Sequence[str], fields: Mapping[str, JSON]) -> str | Fault:
    """Return the text of a row, or why there is none."""
    found = []
    for column in columns:
        if column not in fields:
            return Fault(f"no column {column!r}")
        value = fields[column]
        if not isinstance(value, str | None):
            return Fault("text that is no string")
        found.append(value or "")
    text = "\n\n".join(v for v in found if v.strip()) if len(found) > 1 else found[0]
    if not text.strip():
        return Fault("empty text")
    if "\0" in text:
        return Fault("NUL in text")
    return Fault("deleted or removed", malformed=False) if text in REMOVED else text


class Table(Columns):
    """What sources of tables in files share."""

    ending: ClassVar[str]
    path: InputFiles
    """A file, a folder (its files of this ending), a glob (`posts_*.csv`, `**` for any folders) or
    a URL that fsspec knows (a folder where it ends in /); plain, .bz2, .gz or .zst."""

    def load(self) -> Iterator[Document | Dropped]:
        for file in find(self.path, self.ending):
            yield from self.read(file)

    def shards(self) -> Sequence[Shard]:
        return [partial(self.read, file) for file in find(self.path, self.ending)]

    def read(self, file: File) -> Iterator[Document | Dropped]:
        """Yield one file's rows."""
        return self.documents(self.rows(file))

    @abstractmethod
    def rows(self, file: File) -> Iterator[Row | Dropped]:
        """Yield one file's rows as they are, each with its place."""


class CSV(Table):
    """Documents from the rows of CSV files in UTF-8, with a header.

    Rows are numbered from 1, after the header.
    """

    ending = "csv"
    delimiter: Delimiter = ","
    """What stands between columns."""

    def rows(self, file: File) -> Iterator[Row | Dropped]:
        return read_csv(file, self.columns, self.delimiter)


class TSV(CSV):
    """Documents from tab-separated values in UTF-8, with a header; quotes are as in CSV."""

    ending = "tsv"
    delimiter: Delimiter = "\t"
    """What stands between columns."""


class JSONL(Table):
    """Documents from JSON lines: an object a line. Rows are numbered as lines, from 1."""

    ending = "jsonl"

    def rows(self, file: File) -> Iterator[Row | Dropped]:
        return read_jsonl(file)


class Parquet(Table):
    """Documents from Parquet files, of which only the named columns are read.

    Rows are numbered from 1.
    """

    ending = "parquet"

    def rows(self, file: File) -> Iterator[Row | Dropped]:
        from pyarrow import ArrowException, parquet

        try:
            with opened(file.place) as raw:
                table = parquet.ParquetFile(raw)
                require(file.place, self.columns, table.schema_arrow.names)
                rows = (
                    row
                    for batch in table.iter_batches(1024, columns=self.columns)
                    for row in batch.to_pylist()
                )
                for number, row in enumerate(rows, 1):
                    yield f"{file.name}:{number}", row
        except (ArrowException, OSError) as error:
            message = f"{file.place}: cannot be read: {one_line(error)}"
            raise DataError(message) from error


def read_csv(file: File, columns: Iterable[str], delimiter: str = ",") -> Iterator[Row | Dropped]:
    """Yield the rows of a CSV file that has `columns`; a broken row, as Dropped.

    A quote that is never closed breaks the rows up to the longest field that is read (131,072
    characters), not the rest of the file. Raises DataError where the header is not UTF-8 or lacks a
    column.
    """
    raw = lines(file.place)
    first = next(raw, None)
    _check_first(file.place, first)
    text = (f"{line.decode('utf-8', 'surrogateescape')}\n" for line in chain([first or b""], raw))
    records = _csv_records(csv.reader(text, delimiter=delimiter, strict=True))
    header = next(records, None) or []
    if not _is_utf8(header):
        message = f"{file.place}: its header is not UTF-8; save the file as UTF-8"
        raise DataError(message)
    columns = list(columns)
    _check_delimiter(file.place, columns, header)
    require(file.place, columns, header)
    for number, record in enumerate(records, 1):
        place = f"{file.name}:{number}"
        if record is None:
            yield Dropped(id=place, reason="not a row of a table", malformed=True)
        elif len(record) != len(header):
            yield Dropped(id=place, reason="wrong number of fields", malformed=True)
        elif not _is_utf8(record):
            yield Dropped(id=place, reason="invalid UTF-8", malformed=True)
        else:
            yield place, dict(zip(header, record, strict=True))


def _check_first(path: object, line: bytes | None) -> None:
    """Raise DataError where a first line is missing, or that of no file in UTF-8."""
    if line is None:
        message = f"{path}: the file is empty"
        raise DataError(message)
    if line.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in line:
        message = f"{path}: looks like UTF-16; save the file as UTF-8"
        raise DataError(message)


def _check_delimiter(path: object, columns: Sequence[str], header: Sequence[str]) -> None:
    """Raise DataError where a header would hold the columns if it were parted by another sign."""
    for other in DELIMITERS if len(header) == 1 else ():
        if other in header[0] and {name.strip('"') for name in header[0].split(other)} & {*columns}:
            message = f"{path}: one column, {header[0]!r}; is the delimiter {other!r}? say "
            raise DataError(message + f"`delimiter: {json.dumps(other)}`")


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


def read_jsonl(file: File) -> Iterator[Row | Dropped]:
    """Yield the objects of a file of JSON lines; a broken line, as Dropped. Blank ones are none."""
    for number, line in enumerate(lines(file.place), 1):
        place = f"{file.name}:{number}"
        try:
            yield place, _JSON_ROW.decode(line)
        except (ValueError, RecursionError) as error:
            if line.strip():
                yield Dropped(id=place, reason=json_fault(error, line), malformed=True)


def json_fault(error: Exception, line: bytes = b"") -> str:
    """Return why a line was not decoded, in the words that are counted."""
    if len(line) >= LONGEST:
        return "line too long"
    if isinstance(error, msgspec.ValidationError):
        return "not the expected JSON"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "invalid UTF-8"
    return "invalid JSON"


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"csv": CSV, "tsv": TSV, "jsonl": JSONL, "parquet": Parquet}
