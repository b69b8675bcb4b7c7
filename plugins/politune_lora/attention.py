"""Attention within each text of a packed row, through Transformers' own AttentionInterface.

The linear layers of a model, which are nearly all of its work, see every token once; only here is
a row taken apart into its texts, each causal, and put together again.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel

    from politune_lora.packing import Documents

NAME = "politune_packed"


def refusal(model: "PeftModel", longest: int) -> str | None:
    """Say why a model cannot read packed rows of texts up to `longest` tokens, or None."""
    adapter, inner = model.active_peft_config, model.get_base_model()
    config = inner.config.get_text_config()
    if adapter.is_prompt_learning or adapter.peft_type == "ADAPTION_PROMPT":
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
    from torch.nn.functional import scaled_dot_product_attention

    def by_text(values: "Tensor") -> "Tensor":
        rows = values[0].transpose(0, 1).index_select(0, documents.places)
        return rows.view(len(documents.lengths), documents.longest, *rows.shape[1:]).transpose(1, 2)

    out = scaled_dot_product_attention(
        by_text(query),
        by_text(key),
        by_text(value),
        is_causal=True,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out.transpose(1, 2).flatten(0, 1).index_select(0, documents.back)[None], None


def install(model: "PreTrainedModel") -> None:
    """Make a model attend within the texts of a packed row."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)
