"""The tasks of an evaluation that are done, each on disk as soon as it is.

    5-evaluate/left/seed-0/.shards/
        key                     which evaluation they are of
        politune_compass.json   what lm-eval found, and the samples

A killed evaluation goes on with the tasks that it lacks, and ends with the same bytes.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.artifacts import SHARDS, write_whole
from politune_harness.records import JSON


class Part(msgspec.Struct, frozen=True):
    """One task, or group of tasks."""

    found: dict[str, Any]
    """What is kept of lm-eval's results."""
    samples: dict[str, list[dict[str, Any]]]
    warnings: dict[str, int]
    tokens: dict[str, int]
    rows: list[dict[str, Any]]
    """Measurements that are in no sample."""


class Parts:
    """The finished tasks of the evaluation that fills a folder; nothing where it was another."""

    def __init__(self, folder: Path, work: str) -> None:
        self._place, self._work = folder / SHARDS, work
        key = self._place / "key"
        if not work or not key.is_file() or key.read_text("utf-8") != work:
            shutil.rmtree(self._place, ignore_errors=True)

    def get(self, name: str) -> Part | None:
        """Return a task that was finished."""
        path = self._path(name)
        return msgspec.json.decode(path.read_bytes(), type=Part) if path.is_file() else None

    def put(self, name: str, part: Part) -> Part:
        """Write a finished task; return it."""
        self._place.mkdir(parents=True, exist_ok=True)
        write_whole(self._place / "key", self._work)
        write_whole(self._path(name), msgspec.json.encode(part).decode())
        return part

    def clear(self) -> None:
        """Take them away, once all is written."""
        shutil.rmtree(self._place, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self._place / f"{name.replace('/', '_')}.json"


def joined(parts: list[Part]) -> dict[str, JSON]:
    """Return what was found in all parts, as if in one."""
    whole: dict[str, Any] = {"results": {}, "configs": {}}
    for part in parts:
        for key, values in part.found.items():
            whole.setdefault(key, {}).update(values)
    return json.loads(json.dumps(whole))  # type: ignore[no-any-return]
