"""Golden files: what rows were when somebody last looked at them."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from politune_harness.records import Record

UPDATE = "POLITUNE_UPDATE_GOLDEN"
"""Environment variable: where it is set, golden files are written in place of being compared."""


def golden(rows: Iterable[Record], file: Path) -> None:
    """Assert that rows are those in a file of JSON lines, type and order included.

    Set POLITUNE_UPDATE_GOLDEN=1 to write the file, and look at what changed before you commit it.
    """
    found = [{"type": type(row).__name__, **msgspec.to_builtins(row)} for row in rows]
    if os.environ.get(UPDATE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in found))
    assert file.is_file(), f"{file} is not there; write it with {UPDATE}=1"
    wanted = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    changed = next(
        (n for n, pair in enumerate(zip(found, wanted, strict=False)) if pair[0] != pair[1]), None
    )
    assert changed is None, f"{file}, line {changed + 1}: {wanted[changed]} became {found[changed]}"
    assert len(found) == len(wanted), f"{file}: {len(wanted)} rows became {len(found)}"
