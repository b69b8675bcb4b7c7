"""Artifacts that runs share: what is taken, what is not, and that sharing changes no byte."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from fsspec.registry import _registry

from politune_harness.errors import ServiceError
from politune_harness.pipeline import run
from politune_harness.store import Store
from tests.test_pipeline import planned, study

__all__ = ["study"]

UNTIL = "train"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    }


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_what_one_run_made_another_takes(study: Path, place: str) -> None:
    store = Store(study / "store" if place == "folder" else f"memory://{study}/store")
    made = run(planned(study), study / "first", UNTIL, store)
    assert len(made) == 10
    assert run(planned(study), study / "second", UNTIL, store) == []
    assert run(planned(study), study / "alone", UNTIL) == made
    assert bytes_of(study / "first") == bytes_of(study / "second") == bytes_of(study / "alone")
    # Of a stage's own change, only what follows from it is made.
    assert run(planned(study, "trainer.style=grand"), study / "third", UNTIL, store) == made[-2:]


def test_files_are_linked_where_they_can_be(study: Path) -> None:
    store = Store(study / "store")
    run(planned(study), study / "first", UNTIL, store)
    run(planned(study), study / "second", UNTIL, store)
    rows = [study / name / "3-instruct/left/rows.jsonl" for name in ("first", "second")]
    assert rows[0].samefile(rows[1])


def test_a_change_in_one_run_spoils_no_other(study: Path) -> None:
    store = Store(study / "store")
    run(planned(study), study / "first", UNTIL, store)
    (study / "first/3-instruct/left/rows.jsonl").write_text("torn")
    again = run(planned(study), study / "second", UNTIL, store)
    assert again == ["3-instruct/left"]
    run(planned(study), study / "alone", UNTIL)
    assert bytes_of(study / "second") == bytes_of(study / "alone")


def test_without_a_manifest_nothing_is_taken(study: Path) -> None:
    store = Store(study / "store")
    made = run(planned(study), study / "first", UNTIL, store)
    for manifest in (study / "store").glob("*/manifest.json"):
        manifest.unlink()
    assert run(planned(study), study / "second", UNTIL, store) == made


def _hold(folder: Path) -> None:
    with Store(folder).held("key", "stage"):
        (folder / "held").touch()
        time.sleep(60)


def test_who_is_killed_holds_nothing(tmp_path: Path) -> None:
    process = multiprocessing.get_context("forkserver").Process(target=_hold, args=(tmp_path,))
    process.start()
    while process.is_alive() and not (tmp_path / "held").exists():
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGKILL)
    with Store(tmp_path).held("key", "stage"):
        process.join()
    assert process.exitcode == -signal.SIGKILL


def test_a_place_that_there_is_no_way_to_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServiceError, match="store nowhere://here cannot be used"):
        Store("nowhere://here")
    monkeypatch.delitem(_registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ServiceError, match="store s3://here cannot be used: Install s3fs") as found:
        Store("s3://here")
    assert "\n" not in str(found.value)
