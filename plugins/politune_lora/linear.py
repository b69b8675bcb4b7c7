"""A linear layer and the LoRA on it as one matrix product.

PEFT computes the two apart and adds them, which on a CPU costs nearly as much in passes over memory
as the products themselves. Here the sum of both matrices is formed for each pass and dropped after
it: that costs rank / tokens of the pass. Values are PEFT's, but for rounding. In bfloat16 small
updates would be lost in the sum, so there PEFT's own way stays.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import torch  # noqa: TID253 - adapters imports this module where it is used

if TYPE_CHECKING:
    from torch import Tensor

EXACT = (torch.float32, torch.float64)
"""Types of weights whose sums lose nothing that matters."""


def install(model: torch.nn.Module) -> None:
    """Let every LoRA of a model that is no more than the two matrices be one product."""
    from peft.tuners.lora import Linear

    for layer in model.modules():
        if isinstance(layer, Linear) and _plain(layer):
            layer.forward = partial(_forward, layer, layer.forward)


def _plain(layer: Any) -> bool:  # noqa: ANN401
    base, names = layer.base_layer, list(layer.lora_A)
    return (
        type(base) is torch.nn.Linear
        and len(names) == 1
        and not layer.lora_variant
        and not layer.lora_bias[names[0]]
        and base.weight.dtype in EXACT
        and base.weight.dtype == layer.lora_A[names[0]].weight.dtype
        and not any(p.requires_grad for p in base.parameters())
    )


def _forward(layer: Any, by_peft: Any, given: "Tensor", *args: object, **options: object) -> Any:  # noqa: ANN401
    base, (name,) = layer.base_layer, layer.lora_A
    dropout = layer.lora_dropout[name]
    drops = isinstance(dropout, torch.nn.Dropout) and dropout.training
    weight, used = base.weight, layer.active_adapters == [name]
    unlike = given.dtype != weight.dtype or torch.is_autocast_enabled(given.device.type)
    if layer.disable_adapters or layer.merged or not used or drops or unlike or args or options:
        return by_peft(given, *args, **options)
    down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
    return _Product.apply(given, weight, base.bias, down, up, layer.scaling[name])  # type: ignore[no-untyped-call]


class _Product(torch.autograd.Function):
    """given @ (weight + scale * up @ down).T + bias."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        given: "Tensor",
        weight: "Tensor",
        bias: "Tensor | None",
        down: "Tensor",
        up: "Tensor",
        scale: float,
    ) -> "Tensor":
        """Form the sum of the matrices, and keep none of it."""
        ctx.save_for_backward(given, weight, down, up)
        ctx.scale = scale
        return torch.nn.functional.linear(given, torch.addmm(weight, up, down, alpha=scale), bias)

    @staticmethod
    def backward(ctx: Any, pushed: "Tensor") -> Any:  # noqa: ANN401
        """Give LoRA's two gradients without ever forming that of the whole matrix."""
        given, weight, down, up = ctx.saved_tensors
        flat, rows, scale = pushed.flatten(0, -2), given.flatten(0, -2), ctx.scale
        back = None
        if ctx.needs_input_grad[0]:
            back = pushed @ torch.addmm(weight, up, down, alpha=scale)
        # Narrow products are several times as fast where the narrow side comes first and whole.
        low = torch.nn.functional.linear(flat, up.T.contiguous()).mul_(scale)
        pull_up = ((rows @ down.T).mul_(scale).T @ flat).T
        return back, None, None, low.T @ rows, pull_up, None
