"""A store in an S3-compatible object store: moto's server, on this machine."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from fsspec import AbstractFileSystem

from politune_harness.artifacts import Contents
from politune_harness.discovery import FILES
from politune_harness.errors import ServiceError
from politune_harness.pipeline import run
from politune_harness.registry import Registry
from politune_harness.store import Store
from politune_harness.study.running import PHASES, Running
from politune_harness.study.work import Task, bring, work
from tests import test_pipeline
from tests.test_pipeline import planned, study
from tests.test_store import UNTIL, bytes_of
from tests.test_study import grid

__all__ = ["study"]

pytest.importorskip("s3fs", reason="comes with pip install s3fs")
moto = pytest.importorskip("moto.server", reason="comes with pip install moto[server]")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Yield the URL of a server that speaks S3, found by the variables that all clients heed."""
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "anybody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def files(endpoint: str) -> AbstractFileSystem:
    """Return another machine's view of the server."""
    return fsspec.filesystem("s3", endpoint_url=endpoint, use_listings_cache=False)


@pytest.fixture
def url(files: AbstractFileSystem) -> str:
    """Return a store in a bucket of its own."""
    name = f"bucket-{uuid4().hex}"
    files.mkdir(name)
    return f"s3://{name}/store"


def test_what_one_run_made_another_takes(study: Path, url: str, files: AbstractFileSystem) -> None:
    made = run(planned(study), study / "first", UNTIL, Store(url))
    assert len(files.glob(f"{url}/*/manifest.json")) == len(made) == 10
    assert run(planned(study), study / "second", UNTIL, Store(url)) == []
    assert run(planned(study), study / "alone", UNTIL) == made
    assert bytes_of(study / "first") == bytes_of(study / "second") == bytes_of(study / "alone")


def test_a_damaged_object_is_noticed_and_made_again(
    study: Path, url: str, files: AbstractFileSystem
) -> None:
    run(planned(study), study / "first", UNTIL, Store(url))
    rows = (study / "first/3-instruct/left/rows.jsonl").read_bytes()
    places = [place for place in files.glob(f"{url}/*/rows.jsonl") if files.cat(place) == rows]
    for place in places:
        files.pipe(place, rows[: len(rows) // 2])
    again = run(planned(study), study / "second", UNTIL, Store(url))
    assert "3-instruct/left" in again
    assert len(again) == len(places)
    assert {files.cat(place) for place in places} == {rows}
    assert run(planned(study), study / "third", UNTIL, Store(url)) == []
    assert bytes_of(study / "first") == bytes_of(study / "second") == bytes_of(study / "third")


def test_what_another_machine_changes_is_seen(
    study: Path, url: str, files: AbstractFileSystem
) -> None:
    run(planned(study), study / "first", UNTIL, Store(url))
    key = files.glob(f"{url}/*/manifest.json")[0].split("/")[-2]
    store = Store(url)
    run(planned(study), study / "second", UNTIL, store)
    assert key in store
    files.rm(f"{url}/{key}", recursive=True)
    assert key not in store


def test_a_worker_with_other_files_takes_what_it_lacks_and_puts_what_it_makes(
    study: Path, url: str, files: AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILES, str(test_pipeline.__file__))
    found = grid(study, "engine={use: local, workers: 1}")
    running = Running(found, study / "out", url, Registry.installed())
    contents = Contents(study / "memory")
    laid = running.lay_out(running.grid.cells[0], contents)
    running._work([laid], PHASES[0], contents, laid.plan.engine)
    elsewhere, name = replace(laid.place, run=study / "elsewhere"), "4-train/left/seed-0"
    before = len(files.glob(f"{url}/*/manifest.json"))
    work(Task(elsewhere, (name,), url))
    assert (elsewhere.run / "3-overlap/left/manifest.json").exists()
    assert len(files.glob(f"{url}/*/manifest.json")) == before + 1
    stage = next(stage for stage in laid.stages if stage.name == name)
    assert not bring(stage, contents, Store(url))
    assert bytes_of(elsewhere.run / name) == bytes_of(laid.place.run / name) != {}


def test_a_bucket_that_is_not_there_is_one_line(study: Path, url: str) -> None:
    with pytest.raises(ServiceError, match="store s3://there-is-none/store cannot be written"):
        run(planned(study), study / "run", UNTIL, Store("s3://there-is-none/store"))
