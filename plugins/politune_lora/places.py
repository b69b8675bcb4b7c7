"""Between the tokens of a packed row and its texts side by side, both ways by reading alone.

PyTorch turns a gather round by adding to places one at a time, which is slow on a CPU and in no
fixed order on a GPU. Here nearly every place has one token, and only what texts share is added.
"""

from typing import TYPE_CHECKING, Any

import torch  # noqa: TID253 - attention imports this module where it is used

if TYPE_CHECKING:
    from torch import Tensor

    from politune_lora.packing import Documents


class Spread(torch.autograd.Function):
    """The rows of tokens, (tokens, …), at the places of texts, (texts * longest, …)."""

    @staticmethod
    def forward(ctx: Any, rows: "Tensor", documents: "Documents") -> "Tensor":  # noqa: ANN401
        """Read each place's token; what stands after a text's end is no matter."""
        ctx.documents = documents
        return rows.index_select(0, documents.places)

    @staticmethod
    def backward(ctx: Any, pushed: "Tensor") -> Any:  # noqa: ANN401
        """Sum what a token's places push."""
        documents = ctx.documents
        pulled = pushed.index_select(0, documents.back)
        again = pushed.index_select(0, documents.again)
        return pulled.index_add_(0, documents.shared, again), None


class Collect(torch.autograd.Function):
    """The rows of texts' places, (texts * longest, …), one for each token, (tokens, …)."""

    @staticmethod
    def forward(ctx: Any, rows: "Tensor", documents: "Documents") -> "Tensor":  # noqa: ANN401
        """Read each token's place: of several, which hold the same, the last."""
        ctx.documents = documents
        return rows.index_select(0, documents.back)

    @staticmethod
    def backward(ctx: Any, pushed: "Tensor") -> Any:  # noqa: ANN401
        """Push nothing to places that were not read."""
        none = pushed.new_zeros(1, *pushed.shape[1:])
        return torch.cat([pushed, none]).index_select(0, ctx.documents.owners), None
