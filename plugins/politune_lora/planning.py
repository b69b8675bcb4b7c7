"""How many tokens fit on a device at once: measured, not guessed.

What a forward pass keeps for its backward pass grows with its tokens; one small pass tells by how
much. On a CPU, where memory is plenty and small micro-batches are fast, nothing is planned.
"""

from collections.abc import Sequence

from politune_harness import ModelError
from politune_lora.rows import Row
from politune_lora.scoring import Scorer

MOST = 16384
"""More tokens at once are hardly faster."""
SHARE = 0.8
"""Of the free memory: the rest is for what is not kept, and for fragments."""


def kept_per_token(scorer: Scorer, rows: Sequence[Row]) -> float:
    """Return how many bytes a forward pass over some rows keeps for each of its tokens."""
    from torch import Tensor
    from torch.autograd.graph import saved_tensors_hooks

    weights = {p.untyped_storage().data_ptr() for p in scorer.model.parameters()}
    kept: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with saved_tensors_hooks(keep, lambda value: value):
        found = scorer.answers(rows)  # held until all is counted, so that no place is used twice
    total = sum(kept.values())
    del found
    return total / sum(row.tokens for row in rows)


def fit(free: int, per_token: float, rows: Sequence[Row]) -> int:
    """Return how many tokens to pass at once with `free` bytes.

    Raises ModelError where the longest row alone does not fit.
    """
    tokens = int(free * SHARE / per_token)
    longest = max(row.tokens for row in rows)
    if tokens < longest:
        message = (
            f"the longest row has {longest} tokens, for which training needs about "
            f"{longest * per_token / 2**30:.1f} GiB beside the model, and {free / 2**30:.1f} GiB "
            "are free: lower max_length, train fewer modules, or load the base in four_bit"
        )
        raise ModelError(message)
    return min(tokens, MOST)
