"""From preference pairs to token ids, as lm-eval's `hf` model would read the same texts.

The invariant: the ids of a prompt and its answer are those that HFLM scores when lm_eval runs with
`--apply_chat_template` (without it, for a model that has no template), with the token that ends
the answer put after them. So what is trained is what is measured, down to the token.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from politune_harness import Dropped, ModelError, Preference

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ANSWER = "Yes"
"""An answer that every template can render, to see what a template puts after one."""


@dataclass(frozen=True)
class Tokens:
    """A prompt and an answer: token ids, the first `prompt` of which are not trained on."""

    ids: list[int]
    prompt: int


@dataclass(frozen=True)
class Row:
    """A preference pair as tokens."""

    id: str
    answers: tuple[Tokens, ...]
    """The chosen answer, then the rejected one where the objective looks at it."""

    @property
    def width(self) -> int:
        """The tokens of the longest answer with its prompt."""
        return max(len(a.ids) for a in self.answers)

    @property
    def completion_tokens(self) -> int:
        return sum(len(a.ids) - a.prompt for a in self.answers)


@dataclass(frozen=True)
class Chat:
    """How one tokenizer turns a prompt and an answer into ids."""

    tokenizer: "PreTrainedTokenizerBase"
    name: str
    """What errors call the model."""
    system: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    """Further arguments of the chat template."""

    @cached_property
    def template(self) -> str | None:
        """The chat template; where there are several by name, all of them as JSON."""
        template = self.tokenizer.chat_template
        return json.dumps(template) if isinstance(template, dict) else template

    @property
    def templated(self) -> bool:
        return self.template is not None

    def render(self, prompt: str, answer: str | None = None) -> str:
        """Return the text of a user turn, up to where the answer begins, or with an answer."""
        from jinja2 import TemplateError

        if not self.templated:
            return prompt
        turns = [{"role": "system", "content": self.system}] if self.system else []
        turns += [{"role": "user", "content": prompt}]
        turns += [{"role": "assistant", "content": answer}] if answer else []
        try:
            text = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=not answer, **dict(self.options)
            )
        except TemplateError as error:
            message = f"the chat template of {self.name} refuses the prompt: {error}"
            raise ModelError(message) from error
        return str(text)

    @cached_property
    def _first(self) -> str:
        """What a text begins with that already holds its special tokens, as HFLM has it."""
        first = self.tokenizer.bos_token_id
        first = self.tokenizer.eos_token_id if first is None else first
        if first is None:
            message = f"the tokenizer of {self.name} has neither a bos_token nor an eos_token"
            raise ModelError(message)
        return str(self.tokenizer.decode(first))

    def _ids(self, text: str) -> list[int]:
        whole = text.startswith(self._first)
        return self._encode(text, **({"add_special_tokens": False} if whole else {}))

    def _encode(self, text: str, **options: bool) -> list[int]:
        return list(self.tokenizer.encode(text, **options))

    @cached_property
    def end(self) -> int:
        """The token that ends an answer: the first special one after it, or else the eos token.

        Raises ModelError where there is neither.
        """
        after = self.render("Why?", ANSWER).rpartition(ANSWER)[2] if self.templated else ""
        known = self.tokenizer.added_tokens_decoder
        for token in self._encode(after, add_special_tokens=False):
            if token in known and known[token].special:
                return token
        if self.tokenizer.eos_token_id is None:
            message = f"the tokenizer of {self.name} has no token that ends a text (eos_token)"
            raise ModelError(message)
        return int(self.tokenizer.eos_token_id)

    def encode(self, prompt: str, answer: str) -> Tokens:
        """Return a prompt and an answer as ids, cut where HFLM cuts.

        White space at the end of the prompt counts to the answer, and both are encoded as one
        text, for the sake of tokens that span the border.
        """
        context = self.render(prompt)
        continuation = answer if self.templated else f" {answer}"
        kept = context.rstrip()
        ids = self._ids(context + continuation)
        ends = [] if ids[-1] == self.end else [self.end]
        return Tokens([*ids, *ends], prompt=len(self._ids(kept)))


def tokenise(
    preferences: Iterable[Preference], chat: Chat, *, answers: int, max_length: int
) -> tuple[list[Row], list[Dropped]]:
    """Return the rows that can be trained on, and those that cannot, with the reason.

    `max_length` is in tokens: prompt, answer and end token. A longer row is dropped, not cut: a
    cut answer would teach the model to break off.
    """
    rows, dropped = [], []
    for p in preferences:
        texts = (p.chosen, p.rejected)[:answers]
        if reason := _empty(p.prompt, texts):
            dropped.append(Dropped(id=p.id, reason=reason))
            continue
        row = Row(p.id, tuple(chat.encode(p.prompt, text) for text in texts))
        if row.width > max_length:
            dropped.append(Dropped(id=p.id, reason=f"longer than {max_length} tokens"))
        else:
            rows.append(row)
    return rows, dropped


def _empty(prompt: str, answers: Sequence[str]) -> str | None:
    if not prompt.strip():
        return "empty prompt"
    return None if all(a.strip() for a in answers) else "empty answer"
