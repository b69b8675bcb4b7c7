"""Micro-batches: many answers laid out as one row without padding, or side by side with it.

The invariant: how answers are laid out changes memory and speed, never a value. In a packed row a
token that follows the same tokens as another is there once, so that the two answers of a pair
share their prompt, and all of a batch the beginning of the chat template.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from politune_lora.rows import Row, Tokens

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Documents:
    """Where in a packed row the tokens of each of its texts are."""

    places: "Tensor"
    """(texts * longest,): the tokens of each text in order, filled up with 0."""
    back: "Tensor"
    """(tokens,): where in `places` each token is; of several, the last."""
    owners: "Tensor"
    """(texts * longest,): the token that `back` finds there, or else the number of tokens."""
    again: "Tensor"
    """(copies,): where in `places` tokens are that `back` finds elsewhere."""
    shared: "Tensor"
    """(copies,): which tokens those are."""
    lengths: tuple[int, ...]
    starts: "Tensor | None" = None
    """(texts + 1,), int32: where each text starts in `places`, and where the last one ends, where
    texts stand one after the other without filling."""

    @property
    def longest(self) -> int:
        return max(self.lengths)


@dataclass(frozen=True)
class Batch:
    """Some texts for one pass through a model, and where their answers are predicted."""

    ids: "Tensor"
    """(1, tokens) where packed; else (texts, longest), filled up with 0 on the right."""
    sources: "Tensor"
    """(answer tokens,): places in the flattened `ids` that predict one, text by text."""
    targets: "Tensor"
    """(answer tokens,): the tokens to predict."""
    lengths: tuple[int, ...]
    """Answer tokens of each text."""
    positions: "Tensor | None" = None
    """(1, tokens): each token's position in its text, where packed."""
    documents: Documents | None = None

    def sums(self, values: "Tensor") -> "Tensor":
        """Return the sum over each answer of a value per answer token.

        A sum of padded rows, and not index_add, which adds in no fixed order on a GPU.
        """
        longest = max(self.lengths)
        places = chain.from_iterable(
            range(i * longest, i * longest + length) for i, length in enumerate(self.lengths)
        )
        index = _tensor(list(places), values.device)
        padded = values.new_zeros(len(self.lengths) * longest).index_copy(0, index, values)
        return padded.view(-1, longest).sum(-1)


def _tensor(values: Sequence[int], device: "torch.device") -> "Tensor":
    import torch

    return torch.tensor(values, dtype=torch.long).to(device, non_blocking=True)


def pack(texts: Sequence[Tokens], device: "torch.device", *, dense: bool = False) -> Batch:
    """Lay texts out as one row in which no beginning that they share is repeated.

    The last token of a text predicts nothing, and is left out. `dense` says that attention takes
    texts one after the other, instead of side by side.
    """
    known: dict[tuple[int, int], int] = {}
    ids: list[int] = []
    positions: list[int] = []
    paths = []
    for text in texts:
        path: list[int] = []
        before = -1
        for position, token in enumerate(text.ids[:-1]):
            place = known.setdefault((before, token), len(ids))
            if place == len(ids):
                ids.append(token)
                positions.append(position)
            path.append(place)
            before = place
        paths.append(path)
    return Batch(
        _tensor(ids, device)[None],
        _tensor(
            [p for path, t in zip(paths, texts, strict=True) for p in path[t.prompt - 1 :]], device
        ),
        _targets(texts, device),
        tuple(len(t.ids) - t.prompt for t in texts),
        _tensor(positions, device)[None],
        _documents(paths, len(ids), device, dense=dense),
    )


def _documents(
    paths: Sequence[Sequence[int]], tokens: int, device: "torch.device", *, dense: bool
) -> Documents:
    import torch

    lengths = tuple(map(len, paths))
    longest = max(lengths)
    starts = [0, *accumulate(lengths if dense else [longest] * len(paths))]
    places, back = [0] * starts[-1], [0] * tokens
    for start, path in zip(starts, paths, strict=False):
        places[start : start + len(path)] = path
        for at, token in enumerate(path, start):
            back[token] = at
    owners = [tokens] * len(places)
    for token, at in enumerate(back):
        owners[at] = token
    real = (at for start, n in zip(starts, lengths, strict=False) for at in range(start, start + n))
    again = [at for at in real if owners[at] == tokens]
    return Documents(
        _tensor(places, device),
        _tensor(back, device),
        _tensor(owners, device),
        _tensor(again, device),
        _tensor([places[at] for at in again], device),
        lengths,
        torch.tensor(starts, dtype=torch.int32).to(device) if dense else None,
    )


def pad(texts: Sequence[Tokens], device: "torch.device") -> Batch:
    """Lay texts out side by side, padded on the right.

    That needs no mask, since a causal model sees nothing to its right.
    """
    longest = max(len(t.ids) for t in texts) - 1
    ids = [[*t.ids[:-1], *[0] * (longest + 1 - len(t.ids))] for t in texts]
    sources = [
        i * longest + j for i, t in enumerate(texts) for j in range(t.prompt - 1, len(t.ids) - 1)
    ]
    return Batch(
        _tensor(list(chain.from_iterable(ids)), device).view(len(texts), -1),
        _tensor(sources, device),
        _targets(texts, device),
        tuple(len(t.ids) - t.prompt for t in texts),
    )


def _targets(texts: Sequence[Tokens], device: "torch.device") -> "Tensor":
    return _tensor([token for t in texts for token in t.ids[t.prompt :]], device)


def cut(
    chosen: Sequence[int], rows: Sequence[Row], micro_tokens: int, *, packed: bool
) -> Iterator[list[int]]:
    """Cut rows, given by number, into micro-batches of like length, the longest first.

    A micro-batch holds at most `micro_tokens` with its padding, but one row at least; the answers
    of a row stay together.
    """
    part: list[int] = []
    used = 0
    for i in sorted(chosen, key=lambda i: (-rows[i].width, i)):
        wide = rows[part[0]].width if part else rows[i].width
        cost = rows[i].tokens if packed else len(rows[i].answers) * wide
        if part and used + cost > micro_tokens:
            yield part
            part, used = [], 0
            cost = rows[i].tokens if packed else len(rows[i].answers) * rows[i].width
        part.append(i)
        used += cost
    yield part
