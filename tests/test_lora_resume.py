"""A training that is killed, a disk that is full, several processes, and what seeds share."""

import contextlib
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from politune_lora import LoRA, saving, scoring, state

from politune_harness import HarnessError, ModelRef
from tests import lora_models as tiny

PAIRS = tiny.pairs()
FIELDS: dict[str, Any] = {
    "rank": 2,
    "dropout": 0.1,
    "batch_size": 8,
    "epochs": 2,
    "save_steps": 1,
    "every_steps": 2,
    "first": {"objective": "sft", "epochs": 1},
}
"""Nine steps, three of them by SFT; dropout, so that the random state matters."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch

    torch.set_num_threads(1)
    return str(tiny.llama(tmp_path_factory.mktemp("model")))


def train(model: str, folder: Path, seed: int = 0, **fields: Any) -> Path:  # noqa: ANN401
    LoRA(**{**FIELDS, **fields}).train(PAIRS, ModelRef(base=model), folder, seed=seed)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Return what is hashed of a run."""
    found = (p for p in folder.rglob("*") if p.is_file() and p.name[0] != ".")
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


class Killed(BaseException):
    """Stands for a signal at one moment, for those moments that a signal would hardly hit."""


@pytest.fixture(scope="module")
def undisturbed(model: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files(train(model, tmp_path_factory.mktemp("whole") / "run"))


@pytest.mark.parametrize("moment", [1, 3, 4, 6, 9])
def test_a_training_that_ends_at_any_step_goes_on_to_the_same_bytes(
    model: str,
    undisturbed: dict[str, bytes],
    moment: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved = state.save
    count = iter(range(1, 100))

    def save(*given: Any) -> None:  # noqa: ANN401
        saved(*given)
        if next(count) == moment:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(state, "save", save)
        with pytest.raises(Killed):
            train(model, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train(model, tmp_path / "run")
    assert files(tmp_path / "run") == undisturbed
    assert not (tmp_path / ".run").exists()


def test_it_goes_on_where_states_are_to_be_saved_otherwise(
    model: str,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    saved = state.save

    def save(*given: Any) -> None:  # noqa: ANN401
        saved(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(state, "save", save)
        with pytest.raises(Killed):
            train(model, tmp_path / "run", save_steps=3)
    train(model, tmp_path / "run", save_steps=1)
    assert "going on after step 3" in caplog.text
    assert files(tmp_path / "run") == undisturbed


def test_sigkill_in_the_middle_of_it(
    model: str, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    script = (
        "import sys; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from tests.test_lora_resume import train; train(sys.argv[1], Path(sys.argv[2]))\n"
    )
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", script, model, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'plugins'}", "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    speed = tmp_path / ".run" / ".speed.jsonl"
    try:
        while process.poll() is None and not (speed.is_file() and speed.stat().st_size > 150):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    train(model, tmp_path / "run")
    assert files(tmp_path / "run") == undisturbed


def test_other_settings_do_not_go_on_from_it(model: str, tmp_path: Path) -> None:
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / state.FILE).write_bytes(b"not a state")
    (tmp_path / ".run" / "left.txt").write_text("")
    train(model, tmp_path / "run", first=None, epochs=1)
    assert not (tmp_path / "run" / "left.txt").exists()
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 3


@contextlib.contextmanager
def a_disk_that_takes(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes: the nearest thing to a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    path = tmp_path / "state.safetensors"
    for value, size in ((1.0, 10**6), (2.0, 1000)):
        with contextlib.ExitStack() as stack:
            if size == 1000:
                stack.enter_context(pytest.raises(HarnessError, match=r"^cannot write .*state"))
            stack.enter_context(a_disk_that_takes(size))
            with saving.whole(path) as partial:
                save_file({"w": torch.full((1000,), value)}, partial)
    assert load_file(path)["w"][0] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize(("module", "moment"), [(state, 4), (saving, 3)])
def test_a_disk_that_fills_up_leaves_what_training_goes_on_from(
    model: str,
    undisturbed: dict[str, bytes],
    module: Any,  # noqa: ANN401
    moment: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved, count = module.save, iter(range(1, 100))

    def save(*given: Any) -> None:  # noqa: ANN401
        full = next(count) == moment
        with a_disk_that_takes(1000) if full else contextlib.nullcontext():
            saved(*given)

    with monkeypatch.context() as patch:
        patch.setattr(module, "save", save)
        with pytest.raises(HarnessError, match=r"^cannot write"):
            train(model, tmp_path / "run")
    kept = tmp_path / ".run"
    assert (kept / state.FILE).is_file()
    assert not [*kept.rglob("*.partial")]
    assert files(train(model, tmp_path / "run")) == undisturbed


def test_seeds_share_the_reference_and_it_changes_nothing(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields: dict[str, Any] = {"first": None, "epochs": 1}
    train(model, tmp_path / "seed-0", **fields)
    train(model, tmp_path / "alone" / "seed-1", seed=1, **fields)
    with monkeypatch.context() as patch:
        patch.delattr(scoring.Scorer, "reference")  # it is not computed again
        train(model, tmp_path / "seed-1", seed=1, **fields)
    assert files(tmp_path / "seed-1") == files(tmp_path / "alone" / "seed-1")
    assert len(list((tmp_path / ".reference").iterdir())) == 1
    online = train(model, tmp_path / "online", online_reference=True, **fields)
    assert losses(online) == pytest.approx(losses(tmp_path / "seed-0"), abs=1e-5)


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("objective", ["dpo", "kto"])
def test_two_processes_learn_what_one_does(model: str, tmp_path: Path, objective: str) -> None:
    fields: dict[str, Any] = {"objective": objective, "dropout": 0, "batch_size": 23}
    fields |= {
        "first": None,
        "learning_rate": 1e-3,
    }  # the last step of an epoch has one row, for two processes
    alone = losses(train(model, tmp_path / "one", **fields))
    both = losses(train(model, tmp_path / "two", processes=2, **fields))
    assert both == pytest.approx(alone, abs=1e-5)
    assert len(set(alone)) > 1
    assert not multiprocessing.active_children()


def test_processes_that_torchrun_started_find_each_other(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields: dict[str, Any] = {"first": None, "dropout": 0, "epochs": 1, "learning_rate": 1e-3}
    alone = losses(train(model, tmp_path / "one", **fields))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    for name, value in (("ADDR", "localhost"), ("PORT", str(port))):
        monkeypatch.setenv(f"MASTER_{name}", value)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    other = multiprocessing.get_context("spawn").Process(
        target=train, args=(model, tmp_path / "two"), kwargs=fields, daemon=True
    )
    other.start()
    monkeypatch.setenv("RANK", "0")
    both = losses(train(model, tmp_path / "two", **fields))
    other.join()
    assert other.exitcode == 0
    assert both == pytest.approx(alone, abs=1e-5)
