"""The built-in trainer: adapters on a causal language model, tuned on preference pairs.

A small loop on Transformers and PEFT. Training reads texts through the chat template exactly as
lm-eval does under `--apply_chat_template`, and what it writes, `lm_eval --model_args peft=…` loads.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from politune_harness import (
    DataError,
    ModelError,
    ModelRef,
    Preference,
    Trainer,
    hookimpl,
    working,
)
from politune_harness.adapters import base_digest
from politune_lora import adapters, base, loop, saving
from politune_lora.objectives import OBJECTIVES
from politune_lora.rows import Chat, Row, tokenise
from politune_lora.scoring import Scorer

log = logging.getLogger(__name__)

LORA_FIELDS = {
    "rank": "r",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
    "target_modules": "target_modules",
}
"""Our names of what nearly everybody sets, and PEFT's."""


class LoRA(Trainer):
    """Train an adapter on preference pairs, or on their chosen answers alone."""

    objective: Literal["sft", "dpo"] = "dpo"
    """`dpo` prefers the chosen answer to the rejected one (Rafailov et al. 2023); `sft` imitates
    the chosen one."""
    adapter: str | dict[str, Any] = "lora"
    """Any adapter of PEFT by name, or a mapping of `use` (the name) and that adapter's fields."""
    rank: PositiveInt = 16
    """Rank of LoRA's update."""
    alpha: PositiveFloat = 32
    """LoRA's update is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of LoRA's inputs that are dropped in training."""
    target_modules: str | list[str] = "all-linear"
    """Which modules LoRA adapts: names, a regular expression, or `all-linear` for every linear
    layer but the output head; name `lm_head` to have that too."""
    beta: PositiveFloat = 0.1
    """How strongly DPO holds to the base model."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of pairs that DPO takes to be labelled the wrong way round."""
    learning_rate: PositiveFloat | None = None
    """Peak rate of AdamW; 5e-5 for DPO and 2e-4 for SFT where none is given."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of AdamW, on the adapter alone."""
    epochs: PositiveInt = 1
    """How often each pair is seen."""
    batch_size: PositiveInt = 32
    """Pairs in an optimiser step, however many micro-batches that takes."""
    warmup: NonNegativeFloat = 0.1
    """Steps in which the rate rises to its peak; below 1, a share of all steps."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after that, to zero or not at all."""
    max_grad_norm: PositiveFloat | None = 1.0
    """The gradient is scaled down to this norm where it is longer; null leaves it as it is."""
    max_length: PositiveInt = 1024
    """Tokens of a prompt with its answer and end token, and at most what the model can read; a
    longer pair is dropped and counted."""
    micro_tokens: PositiveInt | None = None
    """Tokens, padding included, that pass through the model at once; where not given, 8192 on a
    GPU and 1024 on a CPU. Changes memory and speed, not the result; a longer pair passes alone."""
    every_steps: PositiveInt | None = None
    """Optimiser steps between intermediate checkpoints; none where not given."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the base model's weights: `auto` is bfloat16 on a GPU, float32 on a CPU. The adapter is
    float32 always."""
    system: str | None = None
    """A system prompt before every pair; evaluate with the same (`--system_instruction`)."""
    enable_thinking: bool | None = None
    """Passed to the chat template where given, as lm-eval's model argument of the same name is."""

    @model_validator(mode="after")
    def _one_place_for_each_field(self) -> Self:
        if isinstance(self.adapter, dict) and "use" not in self.adapter:
            message = "an adapter given as a mapping names itself in 'use', such as {use: ia3}"
            raise ValueError(message)
        for field in sorted(self.model_fields_set & LORA_FIELDS.keys()):
            if self._kind != "lora":
                message = f"{field!r} is for LoRA; write the fields of {self._kind!r} beside 'use'"
                raise ValueError(message)
        return self

    @property
    def _kind(self) -> str:
        name = self.adapter if isinstance(self.adapter, str) else self.adapter["use"]
        return str(name).lower()

    def _adapter_fields(self) -> dict[str, Any]:
        fields = dict(self.adapter) if isinstance(self.adapter, dict) else {}
        fields.pop("use", None)
        if self._kind != "lora":
            return fields
        return {theirs: getattr(self, ours) for ours, theirs in LORA_FIELDS.items()} | fields

    def train(
        self,
        preferences: Sequence[Preference],
        model: ModelRef,
        folder: Path,
        *,
        seed: int,
        on_checkpoint: Callable[[ModelRef], None] | None = None,
    ) -> ModelRef:
        """Train an adapter, and write it under `folder` with its log.

        Writes adapter/, checkpoints/step-N/ (each an adapter with README.md and politune.json),
        log.jsonl (a line an optimiser step) and rows.json (what was kept, what was dropped). One
        seed on one CPU gives the same bytes. Raises RecipeError for an adapter that PEFT does not
        have, ModelError for a model that cannot be loaded or adapted and for a loss that is not
        finite, DataError where no row is left, HarnessError where the folder cannot be written.
        """
        import torch

        if model.adapter is not None:
            message = f"{model.adapter} is an adapter already: lora starts from a base model"
            raise ModelError(message)
        config = adapters.configure(self._kind, self._adapter_fields())
        chat = self._chat(model.base)
        rows = self._rows(preferences, chat, folder)
        device = base.pick_device()
        dtype = base.pick_dtype(self.dtype, device)
        gpus = [torch.cuda.current_device()] if device.type == "cuda" else []
        with torch.random.fork_rng(gpus):
            torch.manual_seed(seed)
            loaded = base.load_model(model.base, dtype, device)
            adapted = adapters.attach(loaded, config, model.base)
            scorer = Scorer(adapted, device, dtype, self.micro_tokens or base.micro_tokens(device))
            kept = {row.id for row in rows}
            provenance = saving.Provenance(
                base=model.base,
                base_sha256=base_digest(model.base),
                template_sha256=saving.text_digest(chat.template),
                data_sha256=saving.data_digest([p for p in preferences if p.id in kept]),
                rows=len(rows),
                objective=self.objective,
                seed=seed,
                settings=self.model_dump(mode="json"),
                versions=saving.versions(),
            )
            self._run(scorer, rows, folder, provenance, on_checkpoint)
        return ModelRef(base=model.base, adapter=str(folder / "adapter"))

    def _chat(self, name: str) -> Chat:
        thinking = self.enable_thinking
        options = () if thinking is None else (("enable_thinking", thinking),)
        chat = Chat(base.load_tokenizer(name), name, self.system, options)
        if self.system and not chat.templated:
            message = f"{name} has no chat template, so no place for a system prompt: leave it out"
            raise ModelError(message)
        return chat

    def _rows(self, preferences: Sequence[Preference], chat: Chat, folder: Path) -> list[Row]:
        answers = OBJECTIVES[self.objective].answers
        longest = min(self.max_length, base.context_length(chat.name) or self.max_length)
        rows, dropped = tokenise(preferences, chat, answers=answers, max_length=longest)
        saving.write_rows(folder / "rows.json", [row.id for row in rows], dropped)
        if not rows:
            reasons = ", ".join(sorted({d.reason for d in dropped})) or "none was given"
            message = f"no pair is left to train {chat.name} on: {reasons}"
            raise DataError(message)
        if dropped:
            log.warning("%d of %d pairs dropped; see rows.json", len(dropped), len(preferences))
        return rows

    def _run(
        self,
        scorer: Scorer,
        rows: Sequence[Row],
        folder: Path,
        provenance: saving.Provenance,
        on_checkpoint: Callable[[ModelRef], None] | None,
    ) -> None:
        total = -(-len(rows) // self.batch_size) * self.epochs
        saving.write(folder / "log.jsonl", "")
        with working("steps", total) as work:
            for step, figures in enumerate(loop.steps(scorer, rows, self, provenance.seed), 1):
                saving.append(folder / "log.jsonl", msgspec.json.encode(figures))
                work.advance()
                if self.every_steps and step % self.every_steps == 0 and step < total:
                    checkpoint = folder / "checkpoints" / f"step-{step}"
                    saving.save(scorer.model, checkpoint, provenance, step)
                    if on_checkpoint:
                        on_checkpoint(ModelRef(base=provenance.base, adapter=str(checkpoint)))
        saving.save(scorer.model, folder / "adapter", provenance, total)


@hookimpl
def politune_trainers() -> Mapping[str, type[Trainer]]:
    return {"lora": LoRA}
