"""A training whose checkpoints are looked at: what is ruled is done, whenever it is killed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from politune_lora import LoRA, state

from politune_harness import HarnessError, ModelRef, RecipeError, Ruling, Watch
from tests import lora_models as tiny

PAIRS = tiny.pairs()
FIELDS: dict[str, Any] = {"rank": 2, "dropout": 0.1, "batch_size": 8, "epochs": 4, "save_steps": 1}
"""Twelve steps; dropout, so that the random state matters."""
WORTH = {2: 1.0, 4: 3.0, 6: 2.0, 8: 0.5, 10: 9.0, 12: 9.0}
"""What each checkpoint is worth; training is stopped before the last two are there."""


class Look:
    """Keeps the two best, and stops after two that are none; draws random numbers, as judges do."""

    every_steps, key = 2, "worth"

    def __call__(self, checkpoint: ModelRef) -> Ruling:
        import torch

        torch.rand(3)
        assert checkpoint.step is not None
        assert Path(str(checkpoint.adapter), "adapter_model.safetensors").is_file()
        known = [step for step in WORTH if step <= checkpoint.step]
        ranked = sorted(known, key=lambda step: (-WORTH[step], step))
        stop = sum(step > ranked[0] for step in known) >= 2
        worth = {"worth": WORTH[checkpoint.step]}
        return Ruling(scores=worth, best=ranked[0], keep=frozenset(ranked[:2]), stop=stop)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch

    torch.set_num_threads(1)
    return str(tiny.llama(tmp_path_factory.mktemp("model")))


def train(model: str, folder: Path, watch: Watch | None = None, **fields: Any) -> Path:  # noqa: ANN401
    trainer = LoRA(**{**FIELDS, **fields})
    trainer.train(PAIRS, ModelRef(base=model), folder, seed=0, on_checkpoint=watch)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Return what is hashed of a run."""
    paths = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    seen = (p for p in paths if not any(part[0] == "." for part in p.parts))
    return {str(p): (folder / p).read_bytes() for p in seen}


@pytest.fixture(scope="module")
def watched(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(model, tmp_path_factory.mktemp("watched") / "run", Look())


def test_the_best_is_the_result_and_what_was_not_kept_is_gone(watched: Path) -> None:
    assert sorted(p.name for p in (watched / "checkpoints").iterdir()) == ["step-4", "step-6"]
    assert files(watched / "adapter") == files(watched / "checkpoints" / "step-4")
    assert json.loads((watched / "adapter" / "politune.json").read_text())["step"] == 4
    assert "for 4 steps" in (watched / "adapter" / "README.md").read_text()
    assert len((watched / "log.jsonl").read_text().splitlines()) == 8


def test_being_watched_changes_no_step(model: str, watched: Path, tmp_path: Path) -> None:
    alone = train(model, tmp_path / "run", every_steps=2)
    names = sorted(p.name for p in (alone / "checkpoints").iterdir())
    assert names == ["step-10", "step-2", "step-4", "step-6", "step-8"]
    for name in ("step-4", "step-6"):
        weights = Path("checkpoints", name, "adapter_model.safetensors")
        assert (alone / weights).read_bytes() == (watched / weights).read_bytes()
    lines = (alone / "log.jsonl").read_text().splitlines()
    assert lines[:8] == (watched / "log.jsonl").read_text().splitlines()


class Killed(BaseException):
    """Stands for a signal."""


@pytest.mark.parametrize("moment", [1, 4, 7, 8])
@pytest.mark.parametrize("when", ["saved", "looked"])
def test_a_watched_training_that_ends_anywhere_goes_on_to_the_same_bytes(
    model: str,
    watched: Path,
    moment: int,
    when: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save = state.save

    def saved(folder: Path, training: Any, place: state.Place) -> None:  # noqa: ANN401
        save(folder, training, place)
        if when == "saved" and place.step == moment:
            raise Killed

    class Dies(Look):
        def __call__(self, checkpoint: ModelRef) -> Ruling:
            ruled = super().__call__(checkpoint)
            if when == "looked" and checkpoint.step is not None and checkpoint.step >= moment:
                raise Killed
            return ruled

    with monkeypatch.context() as patch:
        patch.setattr(state, "save", saved)
        with pytest.raises(Killed):
            train(model, tmp_path / "run", Dies())
    assert files(train(model, tmp_path / "run", Look())) == files(watched)


def test_under_another_rule_it_begins_anew(
    model: str, watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(Look):
        key = "another"

        def __call__(self, checkpoint: ModelRef) -> Ruling:
            if checkpoint.step == 6:
                raise Killed
            return Ruling(best=2, keep=frozenset({2}))

    with pytest.raises(Killed):
        train(model, tmp_path / "run", Other())
    assert files(train(model, tmp_path / "run", Look())) == files(watched)


def test_processes_stop_together(model: str, watched: Path, tmp_path: Path) -> None:
    both = train(model, tmp_path / "run", Look(), processes=2, dropout=0.0)
    assert len((both / "log.jsonl").read_text().splitlines()) == 8
    assert files(both).keys() == files(watched).keys()


def speed(folder: Path) -> list[Mapping[str, float]]:
    return [json.loads(line) for line in (folder / ".speed.jsonl").read_text().splitlines()]


def test_each_step_says_how_fast_it_was_and_of_what_peak(watched: Path) -> None:
    peak = json.loads((watched / ".speed.json").read_text())
    assert peak["flops"] > 1e8
    assert "512 x 512 matrices in float32" in peak["measured"]
    for line in speed(watched):
        told = {"step", "seconds", "busy", "tokens", "tokens_per_second", "mfu", "memory"}
        assert line.keys() == told
        assert line["busy"] > 0
        assert line["tokens_per_second"] == pytest.approx(line["tokens"] / line["seconds"])
        assert 0 < line["mfu"] < 2
        assert line["memory"] > 1e7
    log = json.loads((watched / "log.jsonl").read_text().splitlines()[0])
    assert {"loss", "margin", "accuracy", "grad_norm", "learning_rate", "tokens"} <= log.keys()


def test_operations_are_those_that_a_step_needs(model: str) -> None:
    import torch
    from politune_lora import adapters, base
    from politune_lora.rows import Row, Tokens
    from politune_lora.scoring import Scorer
    from politune_lora.speed import Meter

    config = adapters.configure("lora", LoRA(rank=2, target_modules=["q_proj"]).adapter_fields())
    loaded = base.load_model(model, torch.float32, torch.device("cpu"))
    shape = loaded.config
    scorer = Scorer(adapters.attach(loaded, config, model), torch.device("cpu"), torch.float32, 64)
    row = Row("a", (Tokens([1, 2, 3, 4], 2), Tokens([1, 2, 5, 6, 7], 2)))
    head = shape.hidden_size * shape.vocab_size
    linear = [m for m in scorer.model.modules() if isinstance(m, torch.nn.Linear)]
    sizes = sum(m.weight.numel() for m in linear if not m.weight.requires_grad) - head
    own = sum(p.numel() for p in scorer.model.parameters() if p.requires_grad)
    attention = 6 * shape.num_hidden_layers * shape.hidden_size * (16 + 25)
    # Of nine tokens two are there once, and the last of each text is only predicted.
    assert row.tokens == 5
    expected = (4 * sizes + 6 * own) * 5 + 4 * head * 5 + attention
    assert Meter(scorer).needed([row]) == expected


def test_figures_go_to_tensorboard_and_change_nothing(
    model: str, watched: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sent = train(model, tmp_path / "run", Look(), trackers=["tensorboard"])
    assert files(sent) == files(watched)
    events = EventAccumulator(str(sent / ".trackers" / "politune"))
    events.Reload()
    assert [round(e.value, 4) for e in events.Scalars("loss")] == [
        round(json.loads(line)["loss"], 4) for line in (sent / "log.jsonl").read_text().splitlines()
    ]
    assert [(e.step, e.value) for e in events.Scalars("checkpoint/worth")] == [
        (step, WORTH[step]) for step in (2, 4, 6, 8)
    ]
    assert events.Scalars("mfu")


def test_figures_go_to_wandb_where_it_is(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    sent = train(model, tmp_path / "run", trackers=["wandb"], epochs=1)
    assert [*(sent / ".trackers" / "wandb").glob("offline-run-*/*.wandb")]


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("tensorbord", RecipeError, "did you mean 'tensorboard'"),
        ("aim", HarnessError, "'aim' is not installed: pip install aim"),
    ],
)
def test_an_unknown_tracker_is_one_line(
    model: str, tmp_path: Path, name: str, kind: type[HarnessError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        train(model, tmp_path / "run", trackers=[name])
