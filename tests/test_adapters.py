"""An adapter goes on and comes off: what it was put on is afterwards what it was before."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from politune_harness import ModelError
from politune_harness.adapters import base_digest, check, worn

TOKENS = 40

KINDS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "lora": ("LORA", {"r": 2, "target_modules": ["q_proj", "up_proj"]}),
    "dora": ("LORA", {"r": 2, "target_modules": ["q_proj"], "use_dora": True}),
    "lora on the output": ("LORA", {"r": 2, "target_modules": ["v_proj", "lm_head"]}),
    "whole modules": ("LORA", {"r": 2, "modules_to_save": ["down_proj"]}),
    "ia3": ("IA3", {}),
    "prefix": ("PREFIX_TUNING", {"num_virtual_tokens": 3}),
    "prompt": ("PROMPT_TUNING", {"num_virtual_tokens": 3}),
}


def build_base(folder: Path, layers: int = 2) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(2)
    torch.manual_seed(layers)
    config = LlamaConfig(
        vocab_size=TOKENS,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=layers,
        num_attention_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def load(folder: Path) -> Any:  # noqa: ANN401
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def build_adapter(folder: Path, base: Path, kind: str, fields: Mapping[str, Any]) -> Path:
    """Save an adapter whose every weight has moved."""
    import torch
    from peft import get_peft_model
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = PEFT_TYPE_TO_CONFIG_MAPPING[kind](task_type="CAUSAL_LM", **fields)
        model = get_peft_model(load(base), config)
        for weight in model.parameters():
            if weight.requires_grad:
                weight.data.add_(0.1 * torch.randn_like(weight))
        model.save_pretrained(str(folder), save_embedding_layers=False)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_base(tmp_path_factory.mktemp("adapters") / "base")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tokens", [TOKENS, TOKENS - 6], ids=["", "fewer tokens"])
def test_the_base_is_left_as_it_was(tmp_path: Path, base: Path, kind: str, tokens: int) -> None:
    import torch

    adapter = build_adapter(tmp_path / "adapter", base, *KINDS[kind])
    model, asked = load(base), torch.arange(1, 9)[None]
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    answer = model(asked).logits
    with worn(model, adapter, str(base), tokens) as dressed:
        changed = dressed(asked).logits
        assert changed.shape[-1] == (TOKENS if "output" in kind else tokens)
        assert not torch.equal(changed[:, -1], answer[:, -1, : changed.shape[-1]])
    assert torch.equal(model(asked).logits, answer)
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert model.config.vocab_size == TOKENS


def refusal(model: Any, adapter: Path, base: Path) -> str:  # noqa: ANN401
    with pytest.raises(ModelError) as caught, worn(model, adapter, str(base), TOKENS):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_adapter_that_was_cut_short_is_named(tmp_path: Path, base: Path) -> None:
    adapter = build_adapter(tmp_path / "adapter", base, *KINDS["lora"])
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert refusal(load(base), adapter, base).startswith(f"adapter {adapter} cannot be read: ")


def test_an_adapter_for_another_base_is_refused_and_both_are_named(
    tmp_path: Path, base: Path
) -> None:
    import torch

    for layers in (1, 3):
        other = build_base(tmp_path / f"layers-{layers}", layers)
        adapter = build_adapter(tmp_path / f"adapter-{layers}", other, *KINDS["lora"])
        model = load(base)
        answer = model(torch.arange(5)[None]).logits
        text = refusal(model, adapter, base)
        assert str(other) in text
        assert str(base) in text
        assert torch.equal(model(torch.arange(5)[None]).logits, answer)


def test_an_adapter_remembers_its_base_by_content(tmp_path: Path, base: Path) -> None:
    adapter = build_adapter(tmp_path / "adapter", base, *KINDS["lora"])
    same = build_base(tmp_path / "same")
    note = adapter / "politune.json"
    note.write_text(json.dumps({"base_sha256": base_digest(str(base))}))
    check(adapter, str(same))
    note.write_text(json.dumps({"base_sha256": base_digest(str(build_base(tmp_path / "x", 3)))}))
    assert "the weights of the two differ" in refusal(load(base), adapter, base)


def test_what_cannot_be_used_is_one_line(tmp_path: Path, base: Path) -> None:
    model = load(base)
    assert "no adapter_config.json" in refusal(model, tmp_path / "nowhere", base)
    adapter = build_adapter(tmp_path / "adapter", base, "LORA", {"r": 2, "bias": "all"})
    assert "bias: all" in refusal(model, adapter, base)
    weights = adapter / "adapter_model.safetensors"
    weights.rename(adapter / "adapter_model.bin")
    assert "no adapter_model.safetensors" in refusal(model, adapter, base)
    weights.write_bytes(b"broken")
    (adapter / "adapter_config.json").write_text("{")
    assert "cannot be read" in refusal(model, adapter, base)
