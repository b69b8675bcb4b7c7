"""Log-probabilities of answers under a model, in micro-batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from politune_harness import ModelError, track
from politune_lora import attention
from politune_lora.packing import Batch, cut, pack, pad
from politune_lora.rows import Row, Tokens

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor

    from politune_lora.full import FullModel
    from politune_lora.head import Head


@dataclass(frozen=True)
class Scorer:
    """A model on its device, asked for log-probabilities."""

    model: "PeftModel | FullModel"
    device: "torch.device"
    dtype: "torch.dtype"
    """Of the base model; the adapter's weights are float32, and bfloat16 means autocast."""
    micro_tokens: int
    packed: bool = False
    """Whether `packs` has found that the model can read packed rows."""
    dense: bool = False
    """Whether attention then takes texts one after the other, without filling."""

    def packs(self, longest: int, *, wanted: bool | None) -> Self:
        """Return a scorer with packed rows, where the model can read such rows up to `longest`.

        Raises ModelError where it cannot, and they are `wanted`.
        """
        if wanted is False:
            return self
        why = attention.refusal(self.model, longest)
        if why is None:
            inner = self.model.get_base_model()
            attention.install(inner)
            config = inner.config.get_text_config()
            size = getattr(config, "head_dim", None)
            size = size or config.hidden_size // config.num_attention_heads
            dense = attention.dense(self.device, self.dtype, size)
            return replace(self, packed=True, dense=dense)
        if wanted:
            message = f"packed rows do not go with this model: {why}; leave `packed` out to pad"
            raise ModelError(message)
        return self

    @cached_property
    def _head(self) -> "Head | None":
        """The stand-in for the model's head, if the model does nothing more to its logits.

        One short text tells that: caps and scales of logits are not in the head itself.
        """
        import torch

        from politune_lora.head import stand_in

        head = stand_in(self.model.get_base_model().get_output_embeddings())
        if head is None:
            return None
        training = self.model.training
        self.model.eval()
        with torch.no_grad():
            batch = self._lay([Tokens([1, 2, 3, 4], 1)])
            ours = head.logps(self._hidden(batch), batch.targets, batch.lengths)
            same = torch.allclose(ours, self._by_the_model(batch), rtol=1e-2, atol=1e-3)
        self.model.train(training)
        return head if same else None

    def _lay(self, texts: Sequence[Tokens]) -> Batch:
        if self.packed:
            return pack(texts, self.device, dense=self.dense)
        return pad(texts, self.device)

    def _run(self, batch: Batch, sources: "Tensor") -> "tuple[Tensor, Tensor]":
        """Return the hidden states that the head is given at `sources`, and its logits there.

        A hook hands the head only those.
        """
        seen: list[Tensor] = []

        def select(_head: object, args: "tuple[Tensor, ...]") -> "tuple[Tensor]":
            # Prompt tuning puts virtual tokens before the real ones.
            hidden = args[0][:, -batch.ids.shape[1] :].flatten(0, 1)
            seen.append(hidden)
            return (hidden.index_select(0, sources)[None],)

        options: dict[str, object] = {}
        if batch.documents is not None:
            options = {"position_ids": batch.positions, "documents": batch.documents}
        head = self.model.get_base_model().get_output_embeddings()
        hook = head.register_forward_pre_hook(select)
        try:
            logits = self.model(input_ids=batch.ids, use_cache=False, **options).logits[0]
        finally:
            hook.remove()
        return seen[0].index_select(0, batch.sources), logits

    def _hidden(self, batch: Batch) -> "Tensor":
        return self._run(batch, batch.sources[:1])[0]

    def _by_the_model(self, batch: Batch) -> "Tensor":
        from torch.nn.functional import cross_entropy

        logits = self._run(batch, batch.sources)[1]
        return -cross_entropy(logits.float(), batch.targets, reduction="none")

    def sums(self, texts: Sequence[Tokens]) -> "Tensor":
        """Return the log-probability of each answer, (texts,), in nats, as float32."""
        import torch

        batch = self._lay(texts)
        halved = self.dtype is torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=halved):
            head = self._head
            if head is None:
                return batch.sums(self._by_the_model(batch))
            logps = head.logps(self._hidden(batch), batch.targets, batch.lengths)
        return batch.sums(logps)

    def answers(self, rows: Sequence[Row]) -> "Tensor":
        """Return the log-probability of every answer, (answers, rows), in nats."""
        texts = [answer for row in rows for answer in row.answers]
        return self.sums(texts).view(len(rows), -1).T

    def cut(self, chosen: Sequence[int], rows: Sequence[Row]) -> list[list[int]]:
        """Cut rows, given by number, into micro-batches."""
        return list(cut(chosen, rows, self.micro_tokens, packed=self.packed))

    def all(self, rows: Sequence[Row]) -> "Tensor":
        """Return `answers` of all rows, by the model as it is now, without gradients."""
        import torch

        result = torch.zeros(len(rows[0].answers), len(rows), device=self.device)
        parts = self.cut(range(len(rows)), rows)
        training = self.model.training
        self.model.eval()
        with torch.no_grad():
            for part in track(parts, "reference batches", len(parts)):
                result[:, part] = self.answers([rows[i] for i in part])
        self.model.train(training)
        return result

    def reference(self, rows: Sequence[Row]) -> "Tensor":
        """Return `all` by the base model: the adapter is switched off."""
        with self.model.disable_adapter():
            return self.all(rows)
