"""Files that sources read: found by name, glob or URL, decompressed, and cut into lines.

Memory is bounded whatever is in a file: by `LONGEST` for a line, and by the window that a .zst file
was written with (up to 2 GiB in the Pushshift dumps).
"""

import bz2
import glob
import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO, Any

from politune_harness.errors import DataError, one_line

Place = Path | str
"""A local path, or a URL that fsspec knows: `s3://…`, `https://…`, `hf://…`."""

PIECE = 1 << 18
"""How many bytes are read at once, and the most that is split at once."""
PACKED = 1 << 14
"""The same of .zst files, of which a few bytes may stand for very many."""
LONGEST = 1 << 24
"""The longest line, in bytes, that is held. Longer ones are cut there, and so are broken."""

COMPRESSED = r"(?:\.(?:bz2|gz|zst))?"

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class File:
    """A file that was found."""

    place: Place
    name: str
    """Its name, from where a glob began to be one: what ids are made of."""

    @property
    def suffixes(self) -> list[str]:
        """The endings of its name, as `[".csv", ".gz"]`."""
        return PurePosixPath(self.name).suffixes

    @property
    def last_name(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]


def find(place: Place, *kinds: str) -> list[File]:
    """Return the files that `place` stands for, by name.

    That is one file, a glob's (`**` for any folders), or those of a folder that end in one of
    `kinds`, compressed or not; a URL is a folder where it ends in `/`. Raises DataError where there
    is none.
    """
    ending = re.compile(rf".*\.({'|'.join(kinds)}){COMPRESSED}")
    if isinstance(place, str):
        found, folder = _remote(place), place.endswith("/")
    else:
        folder = place.is_dir()
        found = _local(place, folder=folder)
    if folder:
        found = [f for f in found if ending.fullmatch(f.last_name)]
    if not found:
        missing = f"no {' or '.join(kinds)} file is in this folder"
        message = f"{place}: {missing if folder else 'there is no such file or folder'}"
        raise DataError(message)
    return sorted(found, key=lambda file: file.name)


def _local(place: Path, *, folder: bool) -> list[File]:
    if folder:
        return [File(f, f.name) for f in place.iterdir() if f.is_file()]
    if place.exists():
        return [File(place, place.name)]
    return [File(file, name) for name, file in globbed(place).items()]


def globbed(pattern: Path) -> dict[str, Path]:
    """Return the files that a pattern matches, by their names from where it began to be one."""
    fixed = Path(*_fixed(pattern.parts))
    matches = map(Path, sorted(glob.glob(str(pattern), recursive=True)))  # noqa: PTH207
    return {f.relative_to(fixed).as_posix(): f for f in matches if f.is_file()}


def fixed_part(path: Path) -> Path:
    """Return a path, or of a pattern the folder in which it begins to be one.

    >>> fixed_part(Path("news/2019/**/*.csv")), fixed_part(Path("news/a.csv"))
    (PosixPath('news/2019'), PosixPath('news/a.csv'))
    """
    plain = path.exists() or not any(map(_MAGIC.search, path.parts))
    return path if plain else Path(*_fixed(path.parts))


def _fixed(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders of a path before the first that is a pattern."""
    magic = (n for n, part in enumerate(parts) if _MAGIC.search(part))
    return parts[: next(magic, len(parts) - 1)]


def _remote(url: str) -> list[File]:
    with remote_errors(url):
        from fsspec.core import url_to_fs

        system, path = url_to_fs(url)
        if url.endswith("/"):
            listed = [i["name"] for i in system.ls(path, detail=True) if i["type"] == "file"]
        elif _MAGIC.search(path):
            listed = system.glob(path)
        else:
            return [File(url, path.rpartition("/")[2])]
        fixed = len("/".join(_fixed((*path.split("/"), *([""] if url.endswith("/") else [])))))
        return [File(system.unstrip_protocol(f), f[fixed:].lstrip("/")) for f in listed]


def identity(url: str) -> dict[str, str]:
    """Return what tells one version of each of a URL's files from another, without reading them.

    That is whatever the server says: size, checksum, time of change.
    """
    from fsspec.core import url_to_fs

    with remote_errors(url):
        system, _ = url_to_fs(url)
        known = {}
        for file in _remote(url):
            info = system.info(url_to_fs(str(file.place))[1])
            known[file.name] = " ".join(f"{k}={info[k]}" for k in sorted(info) if k != "name")
        return known


@contextmanager
def remote_errors(url: str) -> Iterator[None]:
    """Turn whatever a remote file system raises into one line."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        message = f"{url}: cannot be read: {one_line(error) or type(error).__name__}"
        raise DataError(message) from error


@contextmanager
def opened(place: Place) -> Iterator[IO[bytes]]:
    """Open a file as it lies, wherever it is."""
    if isinstance(place, Path):
        with place.open("rb", buffering=0) as file:
            yield file
    else:
        import fsspec

        with remote_errors(place), fsspec.open(place, "rb", compression=None) as file:
            yield file


def lines(place: Place) -> Iterator[bytes]:
    """Yield the lines of a file without their ends, decompressed where its name asks for it.

    Raises DataError where it cannot be read to its end.
    """
    return chain.from_iterable(map(split_lines, blocks(place)))


def split_lines(block: bytes) -> list[bytes]:
    """Return the lines of a block without their ends."""
    return block[:-1].split(b"\n")


def blocks(place: Place) -> Iterator[bytes]:
    """Yield whole lines with their ends, as many at once as were read at once.

    Raises DataError as `lines` does.
    """
    import zstandard

    begun: list[bytes] = []
    length = 0
    try:
        for piece in _without_mark(_pieces(place)):
            end = piece.rfind(b"\n") + 1
            if not end:
                begun.append(piece[: LONGEST - length])
                length += len(begun[-1])
                continue
            begun.append(piece[:end] if length < LONGEST else piece[piece.find(b"\n") : end])
            yield b"".join(begun)
            begun, length = [piece[end:]], len(piece) - end
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        message = f"{place}: cannot be read: {getattr(error, 'strerror', '') or error}"
        raise DataError(message) from error
    if length:
        yield b"".join((*begun, b"\n"))


def _without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces that hold something, without a byte order mark before all."""
    rest = filter(None, pieces)
    for first in rest:
        yield first.removeprefix(BOM_UTF8)
        break
    yield from rest


def _pieces(place: Place) -> Iterator[bytes]:
    with opened(place) as raw:
        if str(place).endswith(".zst"):
            yield from _zst_pieces(raw)
            return
        file: IO[bytes] | bz2.BZ2File | gzip.GzipFile = raw
        if str(place).endswith(".bz2"):
            file = bz2.BZ2File(raw)
        elif str(place).endswith(".gz"):
            file = gzip.GzipFile(fileobj=raw)
        while piece := file.read(PIECE):
            yield piece


def _zst_pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Decompress frame after frame, with windows of up to 2 GiB as in the Pushshift dumps."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    frame: Any = None
    while data := file.read(PACKED):
        while data:
            frame = frame or decompressor.decompressobj()
            plain = frame.decompress(data)
            if len(plain) > PIECE:
                yield from (plain[n : n + PIECE] for n in range(0, len(plain), PIECE))
            else:
                yield plain
            data = frame.unused_data
            frame = None if frame.eof else frame
    if frame is not None:
        message = "the file ends within a frame"
        raise EOFError(message)
