"""Training by TRL: where it is installed, the losses of `lora`, in one process and in two."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from politune_lora import LoRA
from politune_trl import TRL

from politune_harness import HarnessError, ModelRef, RecipeError, ServiceError
from politune_harness.adapters import check
from tests import lora_models as tiny

PAIRS = tiny.pairs(8)
INSTALLED = importlib.util.find_spec("trl") is not None
needs_trl = pytest.mark.skipif(not INSTALLED, reason="TRL is not installed (extra trl)")
FIELDS: dict[str, Any] = {"rank": 4, "batch_size": 8, "learning_rate": 1e-3, "warmup": 0}
LAUNCH = "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_CPU\nnum_processes: 2\n"
LAUNCH += "num_machines: 1\nmachine_rank: 0\nuse_cpu: true\nmixed_precision: 'no'\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    return ModelRef(base=str(tiny.llama(tmp_path_factory.mktemp("model"))))


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


@needs_trl
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("objective", ["dpo", "sft"])
def test_the_first_loss_is_that_of_lora(model: ModelRef, tmp_path: Path, objective: str) -> None:
    fields: dict[str, Any] = {**FIELDS, "objective": objective}
    trainer = TRL(**fields, micro_batch=8, epochs=2)
    ref = trainer.train(PAIRS, model, tmp_path / "trl", seed=0)
    LoRA(**fields).train(PAIRS, model, tmp_path / "lora", seed=0)
    found = losses(tmp_path / "trl")
    assert len(found) == 2
    assert found[0] == pytest.approx(losses(tmp_path / "lora")[0], abs=1e-4)
    assert found[1] < found[0]
    check(Path(str(ref.adapter)), model.base)
    assert sorted(p.name for p in (tmp_path / "trl").iterdir()) == [
        "adapter",
        "log.jsonl",
        "rows.json",
    ]
    assert len(list((tmp_path / "trl" / "adapter").iterdir())) == 4


@needs_trl
@pytest.mark.filterwarnings("ignore::FutureWarning")  # TRL's own calls
def test_accelerate_runs_it_where_a_file_says(model: ModelRef, tmp_path: Path) -> None:
    TRL(**FIELDS, micro_batch=8, epochs=3).train(PAIRS, model, tmp_path / "one", seed=0)
    (tmp_path / "accelerate.yaml").write_text(LAUNCH)
    trainer = TRL(**FIELDS, micro_batch=4, epochs=3, launch=tmp_path / "accelerate.yaml")
    trainer.train(PAIRS, model, tmp_path / "two", seed=0)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("{distributed_type: FSDP, use_cpu: true}", ServiceError, "FSDP, which .* on GPUs alone"),
        ("{distributed_type: [}", RecipeError, "no file that `accelerate config` wrote"),
        ("num_processes: 2", RecipeError, "no file that `accelerate config` wrote: 'distributed_t"),
    ],
)
def test_a_file_that_accelerate_would_not_follow_is_one_line(
    model: ModelRef, tmp_path: Path, text: str, kind: type[HarnessError], message: str
) -> None:
    pytest.importorskip("trl", reason="TRL is not installed (extra trl)")
    (tmp_path / "accelerate.yaml").write_text(text)
    trainer = TRL(**FIELDS, launch=tmp_path / "accelerate.yaml")
    with pytest.raises(kind, match=message) as raised:
        trainer.train(PAIRS, model, tmp_path / "run", seed=0)
    assert "\n" not in str(raised.value)


@needs_trl
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"arguments": {"bta": 1}}, "TRL does not take these arguments: .*bta"),
        ({"micro_batch": 3}, "batch_size 8 is no multiple of the 3 pairs at once"),
    ],
)
def test_what_trl_does_not_take_is_one_line(
    model: ModelRef, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message) as raised:
        TRL(**{**FIELDS, **fields}).train(PAIRS, model, tmp_path, seed=0)
    assert "\n" not in str(raised.value)


def test_without_trl_it_says_what_to_install(
    model: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(ServiceError, match=r"pip install 'politune-harness\[trl\]'"):
        TRL().train(PAIRS, model, tmp_path, seed=0)
