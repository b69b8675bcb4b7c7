"""What lm-eval's `vllm` model asks of vLLM, on a CPU: real weights, in Transformers and PEFT.

As in vLLM, an adapter is known by its number alone, whatever its path.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from vllm.lora.request import LoRARequest

TokensPrompt = dict[str, list[int]]
"""{"prompt_token_ids": [...]}"""


@dataclass
class SamplingParams:
    temperature: float = 0
    max_tokens: int = 16
    prompt_logprobs: int | None = None
    stop: list[str] = field(default_factory=list)
    detokenize: bool = True
    ignore_eos: bool = False
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True


class LLM:
    started: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, model: str, **settings: Any) -> None:
        LLM.started.append({"model": model, **settings})
        self._name, self._adapters = model, dict[int, Any]()
        self._base, self._tokenizer = self._load(), AutoTokenizer.from_pretrained(model)
        self._rank = settings["max_lora_rank"]
        length = settings["max_model_len"] or self._base.config.max_position_embeddings
        self.model_config = SimpleNamespace(max_model_len=length, dtype=torch.float32)
        self.llm_engine = self

    def _load(self) -> Any:
        return AutoModelForCausalLM.from_pretrained(self._name, dtype=torch.float32)

    def add_lora(self, request: LoRARequest) -> bool:
        if request.lora_int_id in self._adapters:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PEFT speaks of Transformers' own changes
            dressed = PeftModel.from_pretrained(self._load(), request.lora_path)
        if dressed.peft_config["default"].r > self._rank:
            message = "LoRA rank is greater than max_lora_rank"
            raise ValueError(message)
        self._adapters[request.lora_int_id] = dressed.eval()
        return True

    def generate(
        self,
        prompts: Sequence[dict[str, list[int]]],
        sampling_params: Sequence[SamplingParams],
        *,
        use_tqdm: bool,
        lora_request: LoRARequest | None,
    ) -> list[Any]:
        del use_tqdm
        model = self._base
        if lora_request is not None:
            self.add_lora(lora_request)
            model = self._adapters[lora_request.lora_int_id]
        return [
            self._one(model, prompt["prompt_token_ids"], asked)
            for prompt, asked in zip(prompts, sampling_params, strict=True)
        ]

    @torch.inference_mode()
    def _one(self, model: Any, tokens: list[int], asked: SamplingParams) -> Any:
        assert len(tokens) < self.model_config.max_model_len
        if asked.prompt_logprobs:
            scores = model(torch.tensor([tokens])).logits[0].log_softmax(-1)
            told: list[Any] = [None]
            for before, token in enumerate(tokens[1:]):
                best = int(scores[before].argmax())
                told.append({t: _Logprob(float(scores[before, t])) for t in {token, best}})
            return SimpleNamespace(prompt_logprobs=told, outputs=[SimpleNamespace(text="")])
        said, text = list[int](), ""
        for _ in range(asked.max_tokens):
            scores = model(torch.tensor([tokens + said])).logits[0, -1]
            if asked.temperature:
                share = (scores / asked.temperature).softmax(-1)
                said.append(int(torch.multinomial(share, 1)))
            else:
                said.append(int(scores.argmax()))
            text = str(self._tokenizer.decode(said))
            if any(stop in text for stop in asked.stop) and not asked.ignore_eos:
                break
        return SimpleNamespace(outputs=[SimpleNamespace(text=text)])


@dataclass
class _Logprob:
    logprob: float
