"""The base model of an evaluation, loaded once, and lm-eval's model of it under any adapter.

    evaluate.backend: hf      Transformers: adapters are put on the base and taken off again
    evaluate.backend: vllm    one engine, and a LoRA request for each adapter (`lm_vllm`)

lm-evaluation-harness's own classes compute; what is here loads, exchanges adapters, and says what
numbers depend on.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from politune_harness.adapters import worn
from politune_harness.errors import ModelError, RecipeError
from politune_harness.lm import counted, seed
from politune_harness.lm_prefixes import Shared, share
from politune_harness.lm_results import remote_code
from politune_harness.models import why_unloadable
from politune_harness.progress import working
from politune_harness.recipe import Evaluate
from politune_harness.records import JSON

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PACKAGES = ("lm-eval", "peft", "politune-harness", "torch", "transformers")


class Backend(Protocol):
    """A base model that is loaded when it is first asked."""

    forced: Mapping[str, int]
    """lm-eval's generation settings that make it write as much as it may."""

    def asked(
        self, adapter: Path | None = None, *, remember: bool = False
    ) -> AbstractContextManager[Any]:
        """Return lm-eval's model of the base, or of an adapter on it, with seeds as at a start.

        With `remember`, what is encoded is kept for the next. Raises ModelError where the model or
        the adapter cannot be used.
        """

    def about(self, lm: Any) -> dict[str, JSON]:  # noqa: ANN401
        """Return what the numbers of lm-eval's model depend on: precision, device, packages."""


class Transformers:
    """The model in Transformers; weights from safetensors only."""

    forced: Mapping[str, int] = {"min_new_tokens": 32, "max_gen_toks": 32}

    def __init__(
        self,
        model: str,
        settings: Evaluate,
        tokenizer: "PreTrainedTokenizerBase",
        shared: Shared,
        *,
        trusted: bool,
    ) -> None:
        """Run Python code that comes with the model where it is `trusted`."""
        self._model, self._settings, self._trusted = model, settings, trusted
        self._tokenizer, self._shared = tokenizer, shared

    @cached_property
    def _base(self) -> "PreTrainedModel":
        import torch
        from transformers import AutoModelForCausalLM

        device, dtype = self._settings.device, self._settings.dtype
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if dtype == "auto" and device == "cpu":
            dtype = "float32"
        if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
            message = f"evaluate.dtype: {dtype!r} is no torch dtype, such as float32 or bfloat16"
            raise RecipeError(message)
        with loading(self._model), working(f"load {Path(self._model).name}"):
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                self._model,
                dtype=dtype,
                trust_remote_code=self._trusted,
                use_safetensors=True,
            )
            torch.nn.Module.to(model, torch.device(device))
            return model

    @contextmanager
    def asked(self, adapter: Path | None = None, *, remember: bool = False) -> Iterator["HFLM"]:
        base, size = self._base, len(self._tokenizer)
        seed()
        with ExitStack() as stack:
            model: PreTrainedModel | PeftModel = base
            if adapter is not None:
                model = stack.enter_context(worn(base, adapter, self._model, size))
            yield self._lm(model, remember=remember)

    def _lm(self, model: "PreTrainedModel | PeftModel", *, remember: bool) -> "HFLM":
        from lm_eval.models.huggingface import HFLM

        size = self._settings.batch_size
        lm = HFLM(pretrained=model, tokenizer=self._tokenizer, batch_size=size)
        if self._settings.share_prefixes:
            share(lm, self._shared, remember=remember)
        return counted(lm)

    def about(self, lm: "HFLM") -> dict[str, JSON]:
        return {
            "backend": "hf",
            "dtype": str(lm.model.dtype).removeprefix("torch."),
            "device": lm.device.type,
            "packages": {name: version(name) for name in PACKAGES},
            **({"remote_code": remote_code(self._base, self._tokenizer)} if self._trusted else {}),
        }


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Say in one line that a model cannot be loaded, and why."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        message = f"model {model} cannot be loaded: {why_unloadable(error)}"
        raise ModelError(message) from error
