"""The engine on this machine: each process gets its share of the cores, and of the GPUs."""

import os

import pytest
from politune_local import Local, cores, gpus

from politune_harness import DataError


def given(number: int) -> tuple[int, str, str]:
    return number, os.environ.get("CUDA_VISIBLE_DEVICES", ""), os.environ["OMP_NUM_THREADS"]


def test_processes_share_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert gpus() == ["3", "5"]
    found = list(Local(workers=4).map(given, range(4), model=True))
    assert [number for number, *_ in found] == [0, 1, 2, 3]
    assert {device for _, device, _ in found} <= {"3", "5"}
    assert {threads for *_, threads in found} == {str(max(1, cores() // 2))}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert list(Local(workers=2).map(given, range(2), model=True)) == [(0, "", "7"), (1, "", "7")]


def process(number: int) -> int:
    return os.getpid()


def broken(number: int) -> int:
    message = f"item {number} is broken"
    raise DataError(message)


def test_processes_that_are_kept_serve_again_until_one_fails() -> None:
    with Local(workers=2).kept() as engine:
        first = set(engine.map(process, range(8)))
        again = set(engine.map(process, range(8)))
        assert len(first | again) <= 2
        with pytest.raises(DataError, match="item 0 is broken"):
            list(engine.map(broken, range(2)))
        later = set(engine.map(process, range(8)))
    assert later.isdisjoint(first | again)
    for pid in first | again | later:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_last_item_gets_as_many_threads_as_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with Local(workers=2).kept() as engine:
        many = {threads for *_, threads in engine.map(given, range(4))}
        (one,) = engine.map(given, range(1))
    assert {one[2]} == many == {str(max(1, cores() // 2))}
