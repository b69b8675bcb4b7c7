"""A model all of whose weights are trained, asked as one with an adapter is.

What it saves is a model of its own, with its tokenizer: `lm_eval --model_args pretrained=…` loads
it, and the harness lends its weights to the base that it evaluates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch  # noqa: TID253 - job imports this module where it is used

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class FullModel(torch.nn.Module):
    """In place of a PeftModel."""

    def __init__(self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
        super().__init__()
        self.model, self.tokenizer = model.requires_grad_(requires_grad=True), tokenizer

    def forward(self, **inputs: object) -> Any:  # noqa: ANN401 - what Transformers returns
        return self.model(**inputs)

    def get_base_model(self) -> "PreTrainedModel":
        return self.model

    @contextmanager
    def disable_adapter(self) -> Iterator[None]:
        """Be the base, as it is until the first step: its reference is computed before."""
        yield

    def save_pretrained(self, folder: str, **_of_adapters: object) -> None:
        """Write model.safetensors, config.json and the tokenizer."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
