"""The `vllm` generator: with the real engine where there is a GPU, and what is refused anywhere."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from politune_vllm import VLLM

from politune_harness import ModelError, Prompt, ServiceError
from politune_harness.adapters import servable

MODEL = Path(__file__).parents[1] / "plugins" / "politune_quickstart" / "model"
PROMPTS = [
    Prompt(id="a", prompt="What about taxes?"),
    Prompt(id="b", prompt="What is your opinion on the length of school holidays?"),
    Prompt(id="c", prompt="What about taxes?", system="You are on the left."),
]


@pytest.mark.gpu
def test_one_engine_serves_the_base_and_adapters(tmp_path: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a GPU that CUDA sees")
    if find_spec("vllm") is None:
        pytest.skip("needs vLLM: pip install 'politune-harness[vllm]'")
    left, right = (adapter(tmp_path / name, seed) for seed, name in enumerate(("left", "right")))
    generator = VLLM(model=str(MODEL), max_tokens=16, max_model_len=256, gpu_memory_utilization=0.3)
    with generator.session() as answer:
        said = [list(answer(PROMPTS, a)) for a in (None, left, right, None, left)]
        with pytest.raises(ModelError, match="does not fit"):
            list(answer(PROMPTS, adapter(tmp_path / "other", 3, hidden=64)))
        assert list(answer(PROMPTS)) == said[0]
        with pytest.raises(ModelError, match="prompt 'a' has"):
            list(answer([Prompt(id="a", prompt="tax " * 300)]))
    assert [c.id for c in said[0]] == ["a", "b", "c"]
    assert said[0] == said[3]
    assert said[1] == said[4]
    assert said[0] != said[1] != said[2] != said[0]
    hot = generator.model_copy(update={"temperature": 1.0})
    with hot.session() as answer:
        assert list(answer(PROMPTS)) == list(answer(PROMPTS))
        alone = [next(iter(answer([prompt]))) for prompt in PROMPTS]
        assert [c.id for c in alone] == ["a", "b", "c"]
    held = generator.model_copy(update={"json_schema": {"enum": ["left", "right"]}})
    with held.session() as answer:
        assert {c.completion for c in answer(PROMPTS)} <= {'"left"', '"right"'}


def adapter(folder: Path, seed: int, hidden: int | None = None) -> Path:
    """Write a LoRA adapter that changes what the quickstart model says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(MODEL)
    if hidden:
        config.hidden_size, config.num_attention_heads, config.num_key_value_heads = hidden, 1, 1
    torch.manual_seed(seed)
    lora = LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, r=8, lora_alpha=32)
    lora.target_modules = ["q_proj", "v_proj", "down_proj"]
    build: Any = AutoModelForCausalLM.from_config
    get_peft_model(build(config), lora).save_pretrained(folder)
    return folder


def test_a_missing_vllm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with (
        pytest.raises(ServiceError, match=r"pip install 'politune-harness\[vllm\]'"),
        VLLM(model=str(MODEL)).session(),
    ):
        pass


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"r": 128}, "has rank 128, above max_lora_rank: 64"),
        ({"r": 8, "use_dora": True}, "does not serve use_dora"),
        ({"r": 8, "bias": "all", "modules_to_save": ["lm_head"]}, "modules_to_save, bias"),
        ({"r": 8, "alpha_pattern": {"q_proj": 4}}, "alpha_pattern"),
        ({"peft_type": "IA3"}, "is not that of a LoRA"),
        (None, "adapter_config.json is missing"),
    ],
)
def test_an_adapter_that_vllm_would_not_serve_rightly_is_refused(
    config: dict[str, object] | None, message: str, tmp_path: Path
) -> None:
    if config is not None:
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message) as caught:
        servable(tmp_path, 64, "max_lora_rank")
    assert "\n" not in str(caught.value)


def test_an_ordinary_adapter_is_not_refused(tmp_path: Path) -> None:
    config = {"r": 64, "bias": "none", "alpha_pattern": {}, "modules_to_save": None}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    servable(tmp_path, 64, "max_lora_rank")
