"""Batched generation with vLLM, on a base model or under LoRA adapters. Needs a GPU.

One engine serves a whole session. It is given token ids, the same as the `transformers` generator
gives its model, so the chat template and what surrounds it cannot differ between the two.
"""

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from politune_transformers import encode
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from politune_harness import (
    Answer,
    Completion,
    Generator,
    ModelError,
    Prompt,
    ServiceError,
    hookimpl,
)
from politune_harness.adapters import servable
from politune_harness.records import JSON


class VLLM(Generator):
    """Answer prompts with vLLM. Install it with `pip install 'politune-harness[vllm]'`."""

    max_tokens: PositiveInt = 512
    """Longest answer, in tokens."""
    temperature: NonNegativeFloat = 0.0
    """Sampling temperature; 0 takes the likeliest token each time."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the probability mass that is sampled from."""
    seed: NonNegativeInt = 0
    """With a prompt's id it seeds the sampling of that prompt, whatever it is batched with."""
    json_schema: Mapping[str, JSON] | None = None
    """JSON Schema that answers are held to, by guided decoding."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision of the weights; `auto` is bfloat16 or float16, as the model was saved."""
    max_lora_rank: Literal[0, 1, 8, 16, 32, 64, 128, 256, 320, 512] = 64
    """Largest rank of the adapters to come; 0 loads an engine that takes none."""
    max_model_len: PositiveInt | None = None
    """Longest prompt and answer together, in tokens; by default, what the model was made for."""
    tensor_parallel_size: PositiveInt = 1
    """How many GPUs share the model."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of each GPU's memory that the engine takes."""
    trust_remote_code: bool = False
    """Whether Python code that comes with the model is run."""

    @contextmanager
    def session(self) -> Iterator[Answer]:
        engine = _Engine(self)
        try:
            yield engine.answer
        finally:
            engine.release()


class _Engine:
    """A running vLLM engine with the adapters that it has been given so far."""

    def __init__(self, settings: VLLM) -> None:
        try:
            from vllm import LLM
        except ModuleNotFoundError as error:
            if error.name != "vllm":
                raise
            message = "generator 'vllm' needs vLLM: pip install 'politune-harness[vllm]'"
            raise ServiceError(message) from None
        self._settings = settings
        self._adapters: dict[Path, Any] = {}
        self._numbers = itertools.count(1)
        lora = {"enable_lora": True, "max_lora_rank": settings.max_lora_rank}
        try:
            self._llm: Any = LLM(
                settings.model,
                seed=settings.seed,
                dtype=settings.dtype,
                max_model_len=settings.max_model_len,
                tensor_parallel_size=settings.tensor_parallel_size,
                gpu_memory_utilization=settings.gpu_memory_utilization,
                trust_remote_code=settings.trust_remote_code,
                **(lora if settings.max_lora_rank else {}),
            )
        except (OSError, ValueError) as error:
            message = f"model {settings.model!r} cannot be loaded: {' '.join(str(error).split())}"
            raise ModelError(message) from error

    def answer(
        self, prompts: Sequence[Prompt], adapter: Path | None = None
    ) -> Iterator[Completion]:
        room = self._llm.llm_engine.model_config.max_model_len - self._settings.max_tokens
        rows = encode(self._llm.get_tokenizer(), prompts, room)
        outputs = self._llm.generate(
            [{"prompt_token_ids": row} for row in rows],
            [self._sampling(prompt) for prompt in prompts],
            use_tqdm=False,
            lora_request=self._lora(adapter) if adapter else None,
        )
        for prompt, output in zip(prompts, outputs, strict=True):
            text = output.outputs[0].text
            yield Completion(id=prompt.id, prompt=prompt.prompt, completion=text)

    def _sampling(self, prompt: Prompt) -> Any:  # noqa: ANN401 - vllm is imported inside
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        schema = self._settings.json_schema
        return SamplingParams(
            structured_outputs=StructuredOutputsParams(json=dict(schema)) if schema else None,
            max_tokens=self._settings.max_tokens,
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            seed=zlib.crc32(f"{self._settings.seed} {prompt.id}".encode()),
        )

    def _lora(self, folder: Path) -> Any:  # noqa: ANN401 - vllm is imported inside
        """Load an adapter on first use, apart from any prompt: a failure leaves the engine up."""
        from vllm.lora.request import LoRARequest

        if folder not in self._adapters:
            servable(folder, self._settings.max_lora_rank, "max_lora_rank of generator 'vllm'")
            number = next(self._numbers)  # never again: the engine may hold a half of one
            request = LoRARequest(f"adapter-{number}", number, str(folder))
            try:
                self._llm.llm_engine.add_lora(request)
            except Exception as error:  # what the engine's process sends back has no class
                message = (
                    f"adapter {folder} does not fit model {self._settings.model!r}; was it trained "
                    f"on another? {' '.join(str(error).split())}"
                )
                raise ModelError(message) from error
            self._adapters[folder] = request
        return self._adapters[folder]

    def release(self) -> None:
        """Stop the engine's processes, though callers may still hold `answer`."""
        from vllm.distributed import cleanup_dist_env_and_memory

        self._llm.llm_engine.engine_core.shutdown()
        del self._llm
        cleanup_dist_env_and_memory()


@hookimpl
def politune_generators() -> Mapping[str, type[Generator]]:
    return {"vllm": VLLM}
