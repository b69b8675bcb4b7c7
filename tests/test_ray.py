"""The engine on real Ray, on this machine: the same results as locally, and nothing is lost."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from politune_local import Local
from politune_ray import Ray

from politune_harness.artifacts import Contents
from politune_harness.discovery import DISABLE, FILES
from politune_harness.errors import DataError, ServiceError
from politune_harness.registry import Registry
from politune_harness.study.running import PHASES, Running
from tests import test_pipeline
from tests.test_pipeline import study
from tests.test_store import bytes_of
from tests.test_study import grid

__all__ = ["study"]

WAITED = ("timed out during startup", "Timed out waiting for file")
"""What Ray says after 30 seconds without its node, or without its node's port."""
TRAINED = [phase.name for phase in PHASES].index("train") + 1

pytest.importorskip("ray", reason="comes with the ray extra")

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def engine() -> Iterator[Ray]:
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1])]))
        started = Ray(retries=2)
        try:
            list(started.map(square, [1]))
        except ServiceError as error:
            ray.shutdown()
            if not any(waited in str(error) for waited in WAITED):
                raise
            error.__context__ = None  # Ray's half-started node: collected here, in no other test
            gc.collect()
            pytest.skip("this machine is too busy for Ray to start within its 30 seconds")
        yield started
        ray.shutdown()


def square(number: int) -> int:
    return number * number


def test_results_come_in_order_as_they_do_locally(engine: Ray) -> None:
    items = list(range(20))
    assert list(engine.map(square, items)) == list(Local(workers=1).map(square, items))
    assert list(engine.map(square, [])) == []


def left_out(_: int) -> str | None:
    return os.environ.get(DISABLE)


def test_workers_leave_out_the_same_plugins(engine: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE, "trl")
    assert list(engine.map(left_out, [1])) == ["trl"]


def dies_once(place: Path) -> str:
    """Be killed in the midst of the work, unless this was begun before."""
    if not place.exists():
        place.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return place.name


def test_a_worker_that_is_killed_loses_nothing(engine: Ray, tmp_path: Path) -> None:
    places = [tmp_path / name for name in "abc"]
    assert list(engine.map(dies_once, places)) == ["a", "b", "c"]


def dies(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_study_ends_with_the_same_bytes_as_locally(
    engine: Ray, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILES, str(test_pipeline.__file__))
    (study / "r.txt").write_text("no we cannot\nnot at all\n")
    found, contents = grid(study), Contents(study / "memory")
    for name, each in {"local": Local(workers=1), "ray": engine}.items():
        running = Running(found, study / name, str(study / name / "store"), Registry.installed())
        cells = [running.lay_out(cell, contents) for cell in found.cells]
        for phase in PHASES[:TRAINED]:
            running._work(cells, phase, contents, each)
    made = bytes_of(study / "ray/cells")
    assert sum(name.endswith("manifest.json") for name in made) == 4 * 10
    assert made == bytes_of(study / "local/cells")


def fails(number: int) -> int:
    message = f"item {number} is broken"
    raise DataError(message)


def test_errors_are_one_line(engine: Ray) -> None:
    for _ in range(300):  # the others' results are on their way when the first error is there
        with pytest.raises(DataError, match="item 0 is broken"):
            list(engine.map(fails, range(4)))
    with pytest.raises(ServiceError, match="Ray gave a task up"):
        list(engine.map(dies, [1]))
