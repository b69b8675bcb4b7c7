"""Adapters made of others: their sums are exact, and only what is a sum is taken for one."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from politune_harness import ModelError
from politune_harness.adapters import base_digest, worn
from politune_harness.merging import How, merge
from tests.test_adapters import TOKENS, build_adapter, build_base, load

LORA: Mapping[str, Any] = {"target_modules": ["q_proj", "up_proj"], "lora_alpha": 3}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_base(tmp_path_factory.mktemp("merging") / "base")


@pytest.fixture(scope="module")
def adapters(base: Path) -> dict[str, Path]:
    """Adapters of unlike ranks and scales."""
    return {
        name: adapter(base, name, r=rank, **fields)
        for name, rank, fields in (
            ("left", 2, LORA),
            ("right", 3, {**LORA, "use_rslora": True}),
            ("dora", 2, {**LORA, "use_dora": True}),
            ("elsewhere", 2, {"target_modules": ["v_proj"]}),
        )
    }


def adapter(base: Path, name: str, **fields: Any) -> Path:  # noqa: ANN401
    folder = build_adapter(base.parent / name, base, "LORA", fields)
    notes = {"base": str(base), "base_sha256": base_digest(str(base))}
    (folder / "politune.json").write_text(json.dumps(notes))
    return folder


def updates(base: Path, adapter: Path) -> dict[str, Any]:
    """Return what an adapter adds to each weight, as PEFT itself merges it."""
    from peft import PeftModel

    before = load(base).state_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        after = PeftModel.from_pretrained(load(base), adapter).merge_and_unload().state_dict()
    return {name: after[name] - before[name] for name in before}


def made(adapters: Mapping[str, Path], weights: Mapping[str, float], to: Path, how: How) -> Path:
    parts = [(name, adapters[name], weight) for name, weight in weights.items()]
    merge(parts, to, how, density=1.0)
    return to


@pytest.mark.parametrize(
    "weights", [{"left": -1.0}, {"left": 0.0}, {"left": 2.0, "right": -0.5}], ids=str
)
def test_a_weighted_sum_is_exact(
    base: Path, adapters: dict[str, Path], tmp_path: Path, weights: dict[str, float]
) -> None:
    import torch

    found = updates(base, made(adapters, weights, tmp_path / "made", "linear"))
    parts = {name: updates(base, adapters[name]) for name in weights}
    for layer, value in found.items():
        wanted = sum(weight * parts[name][layer] for name, weight in weights.items())
        torch.testing.assert_close(value, wanted, atol=1e-5, rtol=1e-5)
    assert any(value.abs().max() > 0 for value in found.values()) == any(weights.values())


def test_ties_of_one_adapter_is_that_adapter(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    import torch

    found = updates(base, made(adapters, {"left": 1.0}, tmp_path / "made", "ties"))
    for layer, value in updates(base, adapters["left"]).items():
        torch.testing.assert_close(found[layer], value, atol=1e-4, rtol=1e-4)


def test_what_is_made_is_an_adapter_of_its_base(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    both = {"left": 0.5, "right": 0.5}
    folder = made(adapters, both, tmp_path / "made", "ties")
    again = made(adapters, both, tmp_path / "again", "ties")
    for name in ("adapter_model.safetensors", "adapter_config.json", "politune.json"):
        assert (folder / name).read_bytes() == (again / name).read_bytes()
    with worn(load(base), folder, str(base), TOKENS):
        pass


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("left", "dora"), "only plain LoRA is a sum"),
        (("left", "elsewhere"), "not of the same base and layers"),
    ],
)
def test_what_is_no_sum_is_one_line(
    adapters: dict[str, Path], tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        made(adapters, dict.fromkeys(names, 1.0), tmp_path / "made", "linear")
