"""Log-probabilities of answers under a model, in micro-batches.

How rows are cut into micro-batches changes memory and speed, never a value. Padding is on the
right and needs no mask, since a causal model sees nothing to its right, and the head is applied to
completion positions only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from politune_harness import track
from politune_lora.rows import Row, Tokens

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Sequences padded to one width, and where their completion tokens are predicted."""

    ids: "Tensor"
    """(sequences, width)"""
    index: "Tensor"
    """(completion tokens,): positions in the flattened `ids` that predict one."""
    targets: "Tensor"
    """(completion tokens,): the tokens to predict."""


def collate(sequences: Sequence[Tokens], device: "torch.device") -> Batch:
    """Pad sequences on the right."""
    import torch

    width = max(len(s.ids) for s in sequences)
    ids = torch.zeros(len(sequences), width, dtype=torch.long)
    spans = []
    for i, s in enumerate(sequences):
        ids[i, : len(s.ids)] = torch.tensor(s.ids)
        spans.append(torch.arange(i * width + s.prompt, i * width + len(s.ids)))
    places = torch.cat(spans)
    targets = ids.flatten()[places]
    return Batch(ids.to(device), (places - 1).to(device), targets.to(device))


def cut(chosen: Sequence[int], rows: Sequence[Row], micro_tokens: int) -> Iterator[list[int]]:
    """Cut rows, given by number, into micro-batches of like length, the longest first.

    A micro-batch holds at most `micro_tokens` with its padding, but one row at least; the answers
    of a row stay together.
    """
    part: list[int] = []
    for i in sorted(chosen, key=lambda i: (-rows[i].width, i)):
        widest = rows[part[0]].width if part else 0
        if part and (len(part) + 1) * len(rows[i].answers) * widest > micro_tokens:
            yield part
            part = []
        part.append(i)
    yield part


@dataclass(frozen=True)
class Scorer:
    """A model on its device, asked for log-probabilities."""

    model: "PeftModel"
    device: "torch.device"
    dtype: "torch.dtype"
    """Of the base model; the adapter's weights are float32, and bfloat16 means autocast."""
    micro_tokens: int

    def token_logps(self, batch: Batch) -> "Tensor":
        """Return the log-probability of each completion token, in nats, as float32.

        A hook hands the head only the hidden states that predict a completion token; whatever
        else a model does to its logits, such as a soft cap, still happens.
        """
        from torch.nn.functional import cross_entropy

        def select(_head: object, args: "tuple[Tensor, ...]") -> "tuple[Tensor]":
            # Prompt tuning puts virtual tokens before the real ones.
            hidden = args[0][:, -batch.ids.shape[1] :]
            return (hidden.flatten(0, 1).index_select(0, batch.index).unsqueeze(0),)

        head = self.model.get_base_model().get_output_embeddings()
        hook = head.register_forward_pre_hook(select)
        try:
            logits = self.model(input_ids=batch.ids, use_cache=False).logits[0]
        finally:
            hook.remove()
        return -cross_entropy(logits.float(), batch.targets, reduction="none")

    def answers(self, rows: Sequence[Row]) -> "Tensor":
        """Return the summed log-probability of every answer, shaped (answers, rows), in nats."""
        import torch

        columns = list(zip(*(row.answers for row in rows), strict=True))
        batch = collate([answer for column in columns for answer in column], self.device)
        halved = self.dtype is torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=halved):
            logps = self.token_logps(batch)
        # Sums of padded rows, and not index_add, which adds in no fixed order on a GPU.
        padded = logps.new_zeros(batch.ids.numel()).index_copy(0, batch.index, logps)
        return padded.view(len(columns), len(rows), -1).sum(-1)

    def reference(self, rows: Sequence[Row]) -> "Tensor":
        """Return `answers` of all rows by the base model: the adapter is switched off.

        It does not change while the adapter is trained, so it is computed once.
        """
        import torch

        result = torch.zeros(len(rows[0].answers), len(rows), device=self.device)
        parts = list(cut(range(len(rows)), rows, self.micro_tokens))
        with torch.no_grad(), self.model.disable_adapter():
            for part in track(parts, "reference batches", len(parts)):
                result[:, part] = self.answers([rows[i] for i in part])
        return result
