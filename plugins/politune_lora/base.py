"""The base model and its tokenizer: where they are loaded from, where to, and how they fail."""

from typing import TYPE_CHECKING, Any, Literal

from politune_harness import HarnessError, ModelError
from politune_harness.models import why_unloadable

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def _unloadable(base: str, error: Exception) -> HarnessError:
    return ModelError(f"the base model {base} cannot be loaded: {why_unloadable(error)}")


def load_tokenizer(base: str, *, trusted: bool = False) -> "PreTrainedTokenizerBase":
    """Load the tokenizer as lm-eval does; code that comes with it is run where it is `trusted`.

    Raises ModelError.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(base, use_fast=True, trust_remote_code=trusted)
    except (OSError, ValueError) as error:
        raise _unloadable(base, error) from error


def context_length(base: str, *, trusted: bool = False) -> int | None:
    """Return how many tokens the model can read at once, where it says so. Raises ModelError."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=trusted)
    except (OSError, ValueError) as error:
        raise _unloadable(base, error) from error
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def load_model(
    base: str,
    dtype: "torch.dtype",
    device: "torch.device",
    *,
    four_bit: bool = False,
    trusted: bool = False,
) -> "PreTrainedModel":
    """Load a causal language model with its own dropout off, as DPO's reference has it.

    Raises ModelError.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM

    options = _in_four_bits(dtype, device) if four_bit else {}
    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=trusted)
        for name, value in list(vars(config).items()):
            if isinstance(value, float) and "drop" in name:
                setattr(config, name, 0.0)
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            base,
            config=config,
            dtype=dtype,
            trust_remote_code=trusted,
            use_safetensors=True,
            **options,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise _unloadable(base, error) from error
    return model if four_bit else model.to(device)  # type: ignore[arg-type]


def _in_four_bits(dtype: "torch.dtype", device: "torch.device") -> dict[str, object]:
    """Return how to load a model in NF4. Raises ModelError where that cannot be done here."""
    from importlib.util import find_spec

    from transformers import BitsAndBytesConfig

    if device.type != "cuda" or find_spec("bitsandbytes") is None:
        message = "four_bit needs a CUDA GPU and bitsandbytes: pip install bitsandbytes"
        raise ModelError(message)
    options: dict[str, object] = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": dtype,
    }
    untyped: Any = BitsAndBytesConfig
    return {"quantization_config": untyped(**options), "device_map": {"": device}}


def pick_device(rank: int = 0) -> "torch.device":
    """Return the GPU of a process, or the CPU where there is none."""
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device


def pick_dtype(
    name: Literal["auto", "float32", "bfloat16"], device: "torch.device"
) -> "torch.dtype":
    import torch

    if name == "auto":
        name = "bfloat16" if device.type == "cuda" else "float32"
    return torch.bfloat16 if name == "bfloat16" else torch.float32
