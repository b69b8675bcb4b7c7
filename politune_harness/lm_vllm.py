"""lm-evaluation-harness's `vllm` model: one engine for the base, and for adapters by LoRA requests.

Log-likelihoods and greedy answers are those of lm-eval's own backend with `lora_local_path`.
"""

import gc
import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness.adapters import fits, servable
from politune_harness.errors import ModelError, one_line
from politune_harness.lm import counted, seed
from politune_harness.lm_backends import PACKAGES, loading
from politune_harness.lm_results import remote_code
from politune_harness.progress import working
from politune_harness.recipe import Evaluate
from politune_harness.records import JSON

if TYPE_CHECKING:
    from lm_eval.models.vllm_causallms import VLLM

IN_PROCESS = "VLLM_ENABLE_V1_MULTIPROCESSING"
"""vLLM's switch for an engine in a process of its own. In ours it schedules the same each time, and
draws from the generator that is set back before each task."""


class Vllm:
    """The model in vLLM."""

    forced: Mapping[str, int] = {"ignore_eos": True, "max_gen_toks": 32}

    def __init__(self, model: str, settings: Evaluate, *, trusted: bool) -> None:
        """Run Python code that comes with the model where it is `trusted`."""
        self._model, self._settings, self._trusted = model, settings, trusted
        self._numbers = itertools.count(1)

    @cached_property
    def _lm(self) -> "VLLM":
        import torch

        os.environ.setdefault(IN_PROCESS, "0")
        try:
            from lm_eval.models.vllm_causallms import VLLM
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "vllm":
                raise
            message = "evaluate.backend: vllm needs vLLM: pip install 'politune-harness[vllm]'"
            raise ModelError(message) from None
        # What trainings left in the GPU's memory is of no use any more.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        with loading(self._model), working(f"load {Path(self._model).name}"):
            lm = VLLM(
                pretrained=self._model,
                dtype=self._settings.dtype,
                batch_size="auto",
                enable_lora=True,
                load_format="safetensors",
                trust_remote_code=self._trusted,
                **self._settings.vllm.model_dump(),
            )
        return counted(lm)

    @contextmanager
    def asked(self, adapter: Path | None = None, *, remember: bool = False) -> Iterator["VLLM"]:
        del remember
        lm = self._lm
        seed()
        lm.lora_request = None if adapter is None else self._request(lm, adapter)
        try:
            yield lm
        finally:
            lm.lora_request = None

    def _request(self, lm: "VLLM", adapter: Path) -> Any:  # noqa: ANN401
        """Return a request under a number that no other adapter ever had, once the engine takes it.

        An engine keeps adapters by their numbers.
        """
        from vllm.lora.request import LoRARequest

        servable(adapter, self._settings.vllm.max_lora_rank, "evaluate.vllm.max_lora_rank")
        fits(adapter, self._model, trusted=self._trusted)
        number = next(self._numbers)
        request = LoRARequest(f"adapter-{number}", number, str(adapter))
        try:
            lm.model.llm_engine.add_lora(request)
        except Exception as error:  # what the engine's process sends back has no class
            message = f"adapter {adapter} does not fit {self._model}: {one_line(error)}"
            raise ModelError(message) from error
        return request

    def about(self, lm: "VLLM") -> dict[str, JSON]:
        from vllm.platforms import current_platform

        code = {"remote_code": remote_code(lm.tokenizer)} if self._trusted else {}
        return {
            "backend": "vllm",
            "batch_size": "auto",
            "dtype": str(lm.model.llm_engine.model_config.dtype).removeprefix("torch."),
            "device": current_platform.device_type,
            "packages": {name: version(name) for name in (*PACKAGES, "vllm")},
            **code,
        }
