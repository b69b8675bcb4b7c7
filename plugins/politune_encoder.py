"""Sequence-classification models of Transformers: applied in batches, and fine-tuned on labels.

Texts are cut at `max_tokens`. The same texts, labels and seed give the same model on one machine.
"""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, PositiveInt

from politune_harness import DataError, ModelError, track
from politune_harness.models import why_unloadable

if TYPE_CHECKING:
    from politune_harness.statistics import Array


class Tuning(BaseModel):
    """How an encoder is fine-tuned."""

    epochs: PositiveInt = 3
    """How often each text is seen."""
    learning_rate: PositiveFloat = 5e-5
    """Step size of AdamW; it falls to zero along a line."""
    batch_size: PositiveInt = 16
    """Texts a step."""
    rank: NonNegativeInt = 0
    """Rank of LoRA matrices on all linear layers; 0 tunes the whole model."""


class Encoder:
    """A loaded model that puts texts into classes."""

    def __init__(
        self,
        model: str,
        *,
        max_tokens: int,
        classes: int | None = None,
        names: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        """Load a model; one with another number of `classes` gets a new head of that many.

        `names` are what the classes are called from then on, and `seed` is what a new head is
        drawn with. Raises ModelError where there is no such model.
        """
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        how: dict[str, Any] = {}
        if classes is not None:
            # A head that is new is tuned, which half precision does not bear.
            how |= {"num_labels": classes, "ignore_mismatched_sizes": True}
            how |= {"dtype": torch.float32}
        if names:
            how |= {"id2label": dict(enumerate(names))}
            how |= {"label2id": {name: n for n, name in enumerate(names)}}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self._model: Any = AutoModelForSequenceClassification.from_pretrained(
                    model, trust_remote_code=False, use_safetensors=True, **how
                )
        except (OSError, ValueError, SafetensorError) as error:
            message = f"model {model!r} cannot be loaded: {why_unloadable(error)}"
            raise ModelError(message) from error
        found = torch.accelerator.current_accelerator(check_available=True)
        self._device = found.type if found else "cpu"
        self._model = self._model.to(self._device).eval()
        self._name, self._longest = model, max_tokens

    def place(self, label: str) -> int:
        """Return the number of a class. Raises DataError, naming the classes, where it has none."""
        known = {str(name).casefold(): int(n) for n, name in self._model.config.id2label.items()}
        if label.casefold() not in known:
            message = f"model {self._name!r} has no class {label!r}; it has {', '.join(known)}"
            raise DataError(message)
        return known[label.casefold()]

    def probabilities(self, texts: Sequence[str], batch_size: int = 32) -> "Array":
        """Return the probability of each class, of shape (texts, classes).

        Where a text may be of several classes, each has a probability of its own.
        """
        import torch

        several = self._model.config.problem_type == "multi_label_classification"
        parts = []
        with torch.inference_mode():
            for start in range(0, len(texts), batch_size):
                logits = self._logits(texts[start : start + batch_size]).float()
                parts.append(logits.sigmoid() if several else logits.softmax(-1))
        return torch.cat(parts).cpu().numpy() if parts else torch.empty(0, 0).numpy()

    def _logits(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - torch is imported inside
        encoded = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        return self._model(**encoded.to(self._device)).logits

    def tuned(self, texts: Sequence[str], classes: Sequence[int], how: Tuning, seed: int) -> Self:
        """Fine-tune on texts and their classes, and return itself."""
        import torch

        torch.manual_seed(seed)
        if how.rank:
            self._put_lora(how.rank)
        self._model.train()
        weights = [p for p in self._model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=how.learning_rate)
        steps = list(_batches(len(texts), how, seed))
        for step, batch in enumerate(track(steps, "tuning", len(steps))):
            for group in optimizer.param_groups:
                group["lr"] = how.learning_rate * (1 - step / len(steps))
            target = torch.tensor([classes[i] for i in batch], device=self._device)
            logits = self._logits([texts[i] for i in batch])
            loss: Any = torch.nn.functional.cross_entropy(logits, target)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
        self._model.eval()
        return self

    def save(self, folder: Path) -> None:
        """Write the model with its tokenizer, a LoRA merged into it."""
        plain = (
            self._model.merge_and_unload() if hasattr(self._model, "peft_config") else self._model
        )
        plain.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)

    def _put_lora(self, rank: int) -> None:
        from peft import LoraConfig, TaskType, get_peft_model

        config = LoraConfig(
            task_type=TaskType.SEQ_CLS, r=rank, lora_alpha=2 * rank, target_modules="all-linear"
        )
        with warnings.catch_warnings():
            # PEFT 0.21 reads an attribute that Transformers 5.23 renamed.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing")
            self._model = get_peft_model(self._model, config)


def _batches(size: int, how: Tuning, seed: int) -> Iterator[list[int]]:
    """Yield the places of each step's texts, every epoch in another order."""
    import numpy as np

    order = np.random.default_rng(seed)
    for _ in range(how.epochs):
        places = order.permutation(size).tolist()
        for start in range(0, size, how.batch_size):
            yield places[start : start + how.batch_size]


Share = Annotated[float, Field(ge=0, le=1)]
