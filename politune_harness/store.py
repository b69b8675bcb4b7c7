"""A place where runs share finished artifacts: what one has made, no other makes again.

    STORE/<fingerprint of the work>/    the artifact's files, as hard links where that can be
                   manifest.json        written last: without it nothing is taken
    STORE/.held/<fingerprint>           held while somebody makes it

The store is a folder or an fsspec URL such as s3://bucket/store. What is taken is checked against
its manifest, and made anew where it is damaged, so a run ends with the bytes of one that shares
nothing.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from politune_harness.artifacts import ABOUT, SHARDS, Artifact, Contents, Manifest
from politune_harness.errors import ServiceError, one_line
from politune_harness.progress import note

MANIFEST, PARTIAL = "manifest.json", ".partial"


class Store:
    """Finished artifacts by the fingerprint of the work that made them."""

    def __init__(self, where: str | Path) -> None:
        """Open a store. Raises ServiceError where its file system cannot be used."""
        from fsspec.core import url_to_fs
        from fsspec.implementations.local import LocalFileSystem

        try:
            # What a listing said is soon out of date: other machines put things there.
            self._fs, self._root = url_to_fs(str(where), use_listings_cache=False)
        except (ImportError, ValueError) as error:
            message = f"store {where} cannot be used: {one_line(error)}"
            raise ServiceError(message) from error
        self._where, self._local = where, isinstance(self._fs, LocalFileSystem)

    def __contains__(self, key: str) -> bool:
        """Say whether the work of that fingerprint is done."""
        with self._told("read", FileNotFoundError):
            return bool(self._fs.exists(self._place(key, MANIFEST)))

    def _place(self, *parts: str) -> str:
        return "/".join((self._root.rstrip("/"), *parts))

    @contextmanager
    def held(self, key: str, name: str) -> Iterator[None]:
        """Let nobody else make the same while inside; wait for whoever does.

        Of an object store it is held on this machine alone: two may then do the same work, and
        either result is whole.
        """
        user = f"politune-{os.getuid()}"
        places = Path(self._root) if self._local else Path(tempfile.gettempdir()) / user
        (places / ".held").mkdir(parents=True, exist_ok=True)
        with (places / ".held" / key).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note(f"{name} is being made elsewhere: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def take(self, key: str, name: str, artifact: Artifact, contents: Contents) -> bool:
        """Fill an artifact with what the store has for `key`, and seal it; say whether it had."""
        if (manifest := self._manifest(key)) is None:
            return False
        artifact.begin()
        root = self._place(key)
        try:
            with self._told("read", FileNotFoundError):
                for path in self._fs.find(root):
                    inside = path.removeprefix(f"{root}/")
                    if inside != MANIFEST and not inside.endswith(PARTIAL):
                        self._get(path, artifact.path / inside)
        except FileNotFoundError:
            artifact.begin()
            return False
        if contents.files(artifact.path, artifact.own) != manifest.files:
            note(f"{name} is made again: the store's files were changed")
            with self._told("read", FileNotFoundError):
                self._fs.rm(root, recursive=True)
            artifact.begin()
            return False
        artifact.seal(msgspec.structs.replace(manifest, stage=name))
        return True

    def put(self, key: str, artifact: Artifact) -> None:
        """Keep a finished artifact, unless it is there; its manifest comes last."""
        if key in self:
            return
        for path in sorted(artifact.path.rglob("*")):
            inside = path.relative_to(artifact.path)
            if path.is_file() and path.name not in ABOUT and SHARDS not in inside.parts:
                self._put(path, self._place(key, *inside.parts))
        self._put(artifact.path / MANIFEST, self._place(key, MANIFEST))

    def _manifest(self, key: str) -> Manifest | None:
        try:
            with self._told("read", FileNotFoundError):
                told = self._fs.cat_file(self._place(key, MANIFEST))
            return msgspec.json.decode(told, type=Manifest)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    @contextmanager
    def _told(self, deed: str, *passed: type[Exception]) -> Iterator[None]:
        """Tell in one line what an object store raises, whose errors have no type in common.

        Those that are `passed` are for the caller.
        """
        try:
            yield
        except passed:
            raise
        except Exception as error:
            if self._local:
                raise
            message = f"store {self._where} cannot be {deed}: {one_line(error)}"
            raise ServiceError(message) from error

    def _get(self, place: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._local:
            _link(Path(place), path)
        else:
            self._fs.get_file(place, str(path))

    def _put(self, path: Path, place: str) -> None:
        if self._local:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            _link(path, Path(place))
            return
        with self._told("written"):
            self._fs.put_file(str(path), place)


def _link(path: Path, to: Path) -> None:
    """Make a file appear in a second place, whole or not at all: linked, or else copied."""
    partial = to.with_name(f".{to.name}.{os.getpid()}{PARTIAL}")
    partial.unlink(missing_ok=True)
    try:
        os.link(path, partial)
    except OSError:
        shutil.copy2(path, partial)
    partial.replace(to)
