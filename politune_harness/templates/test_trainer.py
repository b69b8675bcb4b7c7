from pathlib import Path

from politune_harness import ModelRef, Preference
from politune_harness.templates.trainer import Example
from politune_harness.testing import tiny_model


def test_one_seed_gives_one_adapter(tmp_path: Path) -> None:
    base = ModelRef(base=str(tiny_model(tmp_path / "model")))
    pairs = [Preference(id="a", prompt="Trains?", chosen="Yes.", rejected="No.")]
    first = Example(rank=2).train(pairs, base, tmp_path / "first", seed=0)
    again = Example(rank=2).train(pairs, base, tmp_path / "again", seed=0)
    assert first.base == base.base
    weights = [Path(str(ref.adapter), "adapter_model.safetensors") for ref in (first, again)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
