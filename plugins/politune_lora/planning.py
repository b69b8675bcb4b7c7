"""How much fits on a device: weighed before the model is loaded, measured before the first step.

What a forward pass keeps for its backward pass grows with its tokens; two small passes tell by how
much, with and without the layers' own share. Layers whose values are computed again instead are as
few as leave room for a pass worth its while: none where memory allows. On a CPU, where small
micro-batches are fast, nothing is planned.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness import ModelError
from politune_lora.rows import Row

if TYPE_CHECKING:
    import torch

    from politune_lora.scoring import Scorer

MOST = 16384
"""More tokens at once are hardly faster."""
ENOUGH = 2048
"""Fewer tokens at once waste more of a GPU than computing layers again does."""
SHARE = 0.8
"""Of the free memory: the rest is for what is not kept, and for fragments."""
GIB = 2**30


def weights(base: str) -> int:
    """Return how many numbers a model's weight files hold; 0 where they are not on disk yet."""
    from safetensors import safe_open
    from transformers.utils.hub import cached_file

    total = 0
    for path in Path(str(cached_file(base, "config.json"))).parent.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            total += sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
    return total


def weigh(base: str, bits: int, trained: float, free: int) -> None:
    """Raise ModelError, with advice, where a model's weights alone leave no room.

    `bits` are those of a weight as it is loaded, `trained` is the share of the weights for which
    training also holds a gradient and two moments, `free` is in bytes.
    """
    needed = weights(base) * (bits / 8 + trained * 12)
    if needed > free:
        smaller = {32: "dtype: bfloat16", 16: "four_bit: true"}.get(bits)
        advice = ", or ".join([*([smaller] if smaller and not trained else []), "a smaller model"])
        if trained:
            advice = f"an adapter in place of full, or {advice}"
        message = (
            f"{base} needs about {needed / GIB:.1f} GiB for its weights alone, and "
            f"{free / GIB:.1f} GiB are free: take {advice}"
        )
        raise ModelError(message)


def free_memory(device: "torch.device") -> int:
    """Return the bytes that are free on a GPU, or that a machine has for its CPU."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def kept_per_token(scorer: "Scorer", rows: Sequence[Row]) -> float:
    """Return how many bytes a forward pass over some rows keeps for each of its tokens."""
    from torch import Tensor
    from torch.autograd.graph import saved_tensors_hooks

    own = {p.untyped_storage().data_ptr() for p in scorer.model.parameters()}
    kept: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with saved_tensors_hooks(keep, lambda value: value):
        found = scorer.answers(rows)  # held until all is counted, so that no place is used twice
    total = sum(kept.values())
    del found
    return total / sum(row.tokens for row in rows)


@dataclass(frozen=True)
class Need:
    """What a forward pass keeps, in bytes a token."""

    whole: float
    """Where no layer is computed again."""
    least: float
    """Where all are."""
    layers: int

    def per_token(self, recomputed: int) -> float:
        """Return what is kept where the first so many layers are computed again, one at a time."""
        each = (self.whole - self.least) / max(1, self.layers)
        return self.whole - each * max(0, recomputed - 1)


def measure(scorer: "Scorer", rows: Sequence[Row]) -> Need:
    """Return what passes over some rows keep. Leaves the model as it was."""
    model = scorer.model.get_base_model()
    count = len(layers(model))
    whole = kept_per_token(scorer, rows)
    recompute(model, count)
    least = kept_per_token(scorer, rows)
    recompute(model, 0)
    return Need(whole, least, count)


def fit(free: int, need: Need, rows: Sequence[Row], recomputed: int | None) -> tuple[int, int]:
    """Return how many layers to compute again, and how many tokens to pass at once.

    So many layers as `recomputed` says, or else as few as leave room for ENOUGH tokens, or for the
    longest row where that is more. Raises ModelError where the longest row alone does not fit.
    """
    longest = max(row.tokens for row in rows)
    tried = range(need.layers + 1) if recomputed is None else [min(recomputed, need.layers)]
    for count in tried:
        tokens = int(free * SHARE / need.per_token(count))
        if tokens >= max(longest, ENOUGH):
            return count, min(tokens, MOST)
    if tokens < longest:
        needed = longest * need.per_token(count) / GIB
        message = (
            f"the longest row has {longest} tokens, for which training needs about "
            f"{needed:.1f} GiB beside the model, and {free / GIB:.1f} GiB "
            "are free: lower max_length, train fewer modules, or load the base in four_bit"
        )
        raise ModelError(message)
    return count, tokens


def layers(model: "torch.nn.Module") -> "Sequence[torch.nn.Module]":
    """Return a model's layers, one after the other; none where they cannot be told."""
    import torch

    wanted = getattr(model.config.get_text_config(), "num_hidden_layers", None)  # type: ignore[operator, union-attr]
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == wanted:
            return list(module)
    return []


def recompute(model: "torch.nn.Module", count: int) -> None:
    """Let the first `count` layers keep only what they are given, and all others everything."""
    for i, layer in enumerate(layers(model)):
        layer.__dict__.pop("forward", None)
        if i < count:
            layer.forward = partial(_again, layer.forward)


def compiled(model: "torch.nn.Module") -> None:
    """Let torch.compile make kernels of each layer, for passes of any length."""
    for layer in layers(model):
        layer.compile(dynamic=True)


def _again(forward: Any, *given: object, **options: Any) -> Any:  # noqa: ANN401
    from torch.utils.checkpoint import checkpoint

    return checkpoint(forward, *given, use_reentrant=False, **options)
