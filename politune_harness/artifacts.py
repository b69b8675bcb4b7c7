"""What a stage leaves on disk: a folder whose `manifest.json` is written last.

    results/<run>/3-instruct/left/
        rows.jsonl       one record a line
        dropped.jsonl    what was left out, and why
        notes.jsonl      what its component found out about its own work, if anything
        manifest.json    what made it, from what, how many, and every file's checksum

A folder without a manifest is unfinished work, and is made again.
"""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from politune_harness.errors import DataError
from politune_harness.files import globbed
from politune_harness.progress import note
from politune_harness.records import JSON, Document, Dropped, Note, Preference, Record

R = TypeVar("R", bound=Record)

BATCH = 256
"""How many rows are written at once."""

_TEXTS: Mapping[type[Record], Callable[[Any], tuple[str, ...]]] = {
    Document: attrgetter("id", "text"),
    Preference: attrgetter("id", "prompt", "chosen", "rejected"),
}
_METADATA: Callable[[Any], object] = attrgetter("metadata")

NOTES = "notes.jsonl"
"""What components found out about their own work."""
ABOUT = ("manifest.json", "MODEL_CARD.md")
"""What is written about an artifact, and is no part of it."""
SHARDS = ".shards"
"""Within an unfinished artifact: the shards that are done (see `shards.py`)."""


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class Contents:
    """The SHA-256 of files and folders, remembered beside size and time of change.

    A finished run looks again at every input without reading it: a file is hashed anew only when
    its size or modification time differs from what `memory` holds.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        try:
            self._known: dict[str, tuple[int, int, str]] = {
                key: (size, changed, known)
                for key, (size, changed, known) in json.loads(memory.read_text()).items()
            }
        except (OSError, ValueError, AttributeError):
            self._known = {}
        self._saved = len(self._known)

    def __call__(self, path: Path) -> str:
        """Return the digest of a file, of a glob's matches, or of a folder's files by name.

        Raises DataError where there is nothing.
        """
        if path.is_dir():
            return digest(self.files(path))
        if path.is_file():
            return self.file(path)
        if matches := globbed(path):
            return digest({name: self.file(match) for name, match in matches.items()})
        message = f"{path} does not exist"
        raise DataError(message)

    def files(self, folder: Path, own: Iterable[str] = ("*",)) -> dict[str, str]:
        """Return the digest of each file below a folder, by name.

        Hidden ones, those ABOUT it and what Python compiled, with the time of that, do not count.
        """
        found = (f for name in own for top in folder.glob(name) for f in (top, *top.rglob("*")))
        return {
            str(inside): self.file(folder / inside)
            for inside in sorted({f.relative_to(folder) for f in found if f.is_file()})
            if inside.name not in ABOUT
            and not any(part[0] == "." or part == "__pycache__" for part in inside.parts)
        }

    def file(self, path: Path) -> str:
        """Return a file's digest."""
        stat, key = path.stat(), str(path.resolve())
        known = self._known.get(key)
        if known is None or known[:2] != (stat.st_size, stat.st_mtime_ns):
            with path.open("rb") as file:
                known = (
                    stat.st_size,
                    stat.st_mtime_ns,
                    hashlib.file_digest(file, "sha256").hexdigest(),
                )
            self._known[key] = known
            self._saved = -1
        return known[2]

    def save(self) -> None:
        """Write the memory, if there is anything new in it."""
        if self._saved != len(self._known):
            write_whole(self._memory, json.dumps(self._known, indent=0))
            self._saved = len(self._known)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an artifact is: enough to tell whether making it again would differ."""

    stage: str
    made_by: dict[str, Any]
    """The component's name, distribution, version and fields."""
    inputs: dict[str, str]
    """The content of each artifact, file or model that it was made from."""
    counts: dict[str, Any] = {}
    """Rows written, and rows dropped by reason."""
    files: dict[str, str]
    """Each file's SHA-256."""

    @property
    def fingerprint(self) -> str:
        """Digest of the component and its inputs: equal fingerprints, equal work."""
        return fingerprint(self.made_by, self.inputs)

    @property
    def content(self) -> str:
        """Digest of the files: what a later stage depends on."""
        return digest(self.files)


def fingerprint(made_by: Mapping[str, JSON], inputs: Mapping[str, str]) -> str:
    """Return the digest of a component and its inputs."""
    return digest([dict(made_by), dict(inputs)])


@dataclass
class Tally:
    """Counts of what a stage wrote and left out, as its rows pass by."""

    rows: int = 0
    malformed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    """What components noted on the way: no part of the counts."""

    def counts(self) -> dict[str, JSON]:
        """Return the counts as a manifest holds them."""
        reasons: dict[str, JSON] = {**dict(sorted(self.reasons.items()))}
        return {"rows": self.rows, "dropped": reasons, "malformed": self.malformed}

    @classmethod
    def of(cls, counts: Mapping[str, Any]) -> "Tally":
        """Return what `counts` gave."""
        return cls(counts["rows"], counts["malformed"], Counter(counts["dropped"]))

    @property
    def seen(self) -> int:
        """All rows, kept or dropped."""
        return self.rows + self.reasons.total()

    @property
    def told(self) -> str:
        """The most common reasons for which rows were dropped."""
        return ", ".join(f"{n} {reason}" for reason, n in self.reasons.most_common(5))

    def add(self, other: "Tally") -> None:
        """Count what another counted, too."""
        self.rows += other.rows
        self.malformed += other.malformed
        self.reasons += other.reasons


def split(rows: Iterable[Record], kept: IO[bytes], dropped: IO[bytes]) -> Tally:
    """Write rows as JSON lines, those that are Dropped apart, and count both; keep the Notes."""
    tally, encode, rest = Tally(), msgspec.json.Encoder().encode_lines, iter(rows)
    while batch := list(islice(rest, BATCH)):
        if notes := [row for row in batch if isinstance(row, Note)]:
            batch = [row for row in batch if not isinstance(row, Note)]
            tally.notes += notes
        if out := [row for row in batch if isinstance(row, Dropped)]:
            batch = [row for row in batch if not isinstance(row, Dropped)]
            tally.reasons.update([row.reason for row in out])
            tally.malformed += sum([row.malformed for row in out])
            dropped.write(encode(out))
        tally.rows += len(batch)
        _check_types(batch)
        kept.write(encode(batch))
    return tally


def _check_types(batch: Sequence[Record]) -> None:
    """Raise DataError for a row that the next stage could not read.

    The types of a whole batch are looked at together, which costs next to nothing.
    """
    kinds = set(map(type, batch))
    for kind in kinds & _TEXTS.keys():
        rows = batch if len(kinds) == 1 else [row for row in batch if type(row) is kind]
        texts = set(map(type, chain.from_iterable(map(_TEXTS[kind], rows))))
        if texts - {str} or not set(map(type, map(_METADATA, rows))) <= {dict}:
            for row in rows:
                _check_row(row)


def _check_row(row: Record) -> None:
    for name in row.__struct_fields__:
        value = getattr(row, name)
        wanted, called = (Mapping, "mapping") if name == "metadata" else (str, "string")
        if not isinstance(value, wanted):
            seen = f"{repr(value)[:60]} ({type(value).__name__})"
            message = f"a {type(row).__name__} was yielded whose {name} is {seen} and no {called}"
            raise DataError(message)


def put_notes(path: Path, notes: Sequence[Note]) -> None:
    """Write notes to a file of their own; none makes no file."""
    if notes:
        path.write_bytes(msgspec.json.Encoder().encode_lines(notes))


def notes_in(path: Path) -> list[Note]:
    """Return the notes that were put in a file; none where there is none."""
    return msgspec.json.Decoder(Note).decode_lines(path.read_bytes()) if path.is_file() else []


@dataclass(frozen=True)
class Artifact:
    """One stage's folder, or those names inside a folder that are its `own`."""

    path: Path
    own: tuple[str, ...] = ("*",)
    work: str = ""
    """The fingerprint of the work that fills it, by which its unfinished shards are known."""

    @property
    def manifest(self) -> Manifest | None:
        """The manifest, or None while the work is unfinished."""
        try:
            text = (self.path / "manifest.json").read_bytes()
            return msgspec.json.decode(text, type=Manifest)
        except (OSError, msgspec.DecodeError):
            return None

    def begin(self) -> None:
        """Clear what is there, the manifest first, so that a part is never taken for the whole.

        Shards that were done for the same work are kept.
        """
        (self.path / "manifest.json").unlink(missing_ok=True)
        for old in (old for name in self.own for old in self.path.glob(name)):
            if old.name != SHARDS or not self._same_work(old / "key"):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        self.path.mkdir(parents=True, exist_ok=True)

    def _same_work(self, key: Path) -> bool:
        return self.work != "" and key.is_file() and key.read_text() == self.work

    def read(self, record: type[R]) -> Iterator[R]:
        """Yield the rows, in order."""
        decode = msgspec.json.Decoder(record).decode
        with (self.path / "rows.jsonl").open("rb") as lines:
            yield from map(decode, lines)

    def write(self, rows: Iterable[Record]) -> Tally:
        """Write rows to rows.jsonl, Dropped ones to dropped.jsonl and Notes to notes.jsonl."""
        with (
            (self.path / "rows.jsonl").open("wb") as kept,
            (self.path / "dropped.jsonl").open("wb") as dropped,
        ):
            tally = split(rows, kept, dropped)
        self.keep(tally.notes)
        return tally

    def keep(self, notes: Sequence[Note]) -> None:
        """Write notes to notes.jsonl, if there are any, and show them."""
        put_notes(self.path / NOTES, notes)
        for each in notes:
            note(each.text)

    def seal(self, manifest: Manifest) -> None:
        """Write the manifest: the artifact is now complete."""
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()
        write_whole(self.path / "manifest.json", text + "\n")


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk, a read-only folder and the like into one line."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.strerror is None:
            raise
        place = error.filename or folder
        message = f"cannot use {place}: {error.strerror.lower()}"
        raise DataError(message) from error
