"""Attention within each text of a packed row, through Transformers' own AttentionInterface.

The linear layers of a model, which are nearly all of its work, see every token once; only here is
a row taken apart into its texts, each causal, and put together again.
"""

from inspect import signature
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel

    from politune_lora.full import FullModel
    from politune_lora.packing import Documents

NAME = "politune_packed"
AMPERE = (8, 0)
"""The first GPUs that FlashAttention runs on."""
LARGEST_HEAD = 256
"""And the largest heads that it takes."""


def refusal(model: "PeftModel | FullModel", longest: int) -> str | None:
    """Say why a model cannot read packed rows of texts up to `longest` tokens, or None."""
    adapter, inner = getattr(model, "active_peft_config", None), model.get_base_model()
    config = inner.config.get_text_config()
    if adapter and (adapter.is_prompt_learning or adapter.peft_type == "ADAPTION_PROMPT"):
        return f"a {adapter.peft_type.value.lower()} adapter has an attention of its own"
    if not inner._supports_attention_backend or inner._is_stateful:  # noqa: SLF001
        return "its attention cannot be exchanged"
    kinds = set(getattr(config, "layer_types", None) or ())
    if others := sorted(kinds - {"full_attention", "sliding_attention"}):
        return f"it has layers of another kind ({', '.join(others)})"
    window = getattr(config, "sliding_window", None)
    used = getattr(config, "use_sliding_window", True)  # some name a window that they do not use
    slides = "sliding_attention" in kinds or (not kinds and used)
    if slides and window is not None and window < longest:
        return f"its attention slides over {window} tokens, and the longest row has {longest}"
    if getattr(config, "attn_logit_softcapping", None):
        return "its attention is capped"
    return None


def dense(device: "torch.device", dtype: "torch.dtype", size: int) -> bool:
    """Say whether FlashAttention takes heads of this size there, texts one after the other."""
    import torch

    if device.type != "cuda" or dtype is not torch.bfloat16 or size > LARGEST_HEAD:
        return False
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return False
    takes = signature(varlen_attn).parameters
    return torch.cuda.get_device_capability(device) >= AMPERE and "enable_gqa" in takes


def attend(
    _module: "torch.nn.Module",
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    _mask: "Tensor | None",
    *,
    documents: "Documents",
    scaling: float | None = None,
    **_options: object,
) -> "tuple[Tensor, None]":
    """Return causal attention within each text, shaped (1, tokens, heads, size).

    `query`, `key` and `value` are (1, heads, tokens, size), with fewer heads for the last two where
    queries share them.
    """
    from politune_lora.places import Collect, Spread

    by_text = [
        Spread.apply(values[0].transpose(0, 1), documents)  # type: ignore[no-untyped-call]
        for values in (query, key, value)
    ]
    work = _side_by_side if documents.starts is None else _one_after_the_other
    out = work(by_text, documents, scaling)
    return Collect.apply(out, documents)[None], None  # type: ignore[no-untyped-call]


def _side_by_side(by_text: "list[Tensor]", documents: "Documents", scale: float | None) -> "Tensor":
    from torch.nn.functional import scaled_dot_product_attention

    shape = (len(documents.lengths), documents.longest)
    query, key, value = (v.view(*shape, *v.shape[1:]).transpose(1, 2) for v in by_text)
    shared = query.shape[1] != key.shape[1]
    out = scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scale, enable_gqa=shared
    )
    return out.transpose(1, 2).flatten(0, 1)


def _one_after_the_other(
    by_text: "list[Tensor]", documents: "Documents", scale: float | None
) -> "Tensor":
    import torch
    from torch.nn.attention.varlen import varlen_attn

    edges, longest, dtype = documents.starts, documents.longest, by_text[0].dtype
    assert edges is not None
    query, key, value = (v.to(torch.bfloat16) for v in by_text)
    out = varlen_attn(
        query,
        key,
        value,
        edges,
        edges,
        longest,
        longest,
        scale=scale,
        window_size=(-1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, torch.Tensor)
    return out.to(dtype)


def install(model: "PreTrainedModel") -> None:
    """Make a model attend within the texts of a packed row."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)
