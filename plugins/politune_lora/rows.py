"""From preference pairs to token ids, as lm-eval's `hf` model would read the same texts.

The invariant: the ids of a prompt and its answer are those that HFLM scores when lm_eval runs with
`--apply_chat_template` (without it, for a model that has no template), with the token that ends
the answer put after them. So what is trained is what is measured, down to the token.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from politune_harness import Dropped, ModelError, Preference

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes "
    "the request.\n\n### Instruction:\n{}\n\n### Response:\n"
)
"""The template of Stanford Alpaca (Taori et al. 2023), for what was trained with it."""
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
    truncated: bool = False
    """Whether an answer was cut off."""

    @cached_property
    def width(self) -> int:
        """The tokens of the longest answer with its prompt."""
        return max(len(a.ids) for a in self.answers)

    @cached_property
    def tokens(self) -> int:
        """The tokens that pass through a model where the answers share their prompt."""
        first, *others = (a.ids[:-1] for a in self.answers)
        return len(first) + sum(len(ids) - _common(first, ids) for ids in others)

    @property
    def completion_tokens(self) -> int:
        return sum(len(a.ids) - a.prompt for a in self.answers)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens two texts begin with alike."""
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))


@dataclass(frozen=True)
class Chat:
    """How one tokenizer turns a prompt and an answer into ids."""

    tokenizer: "PreTrainedTokenizerBase"
    name: str
    """What errors call the model."""
    system: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    """Further arguments of the chat template."""
    alpaca: bool = False
    """Whether ALPACA stands in for the tokenizer's own template."""

    @cached_property
    def template(self) -> str | None:
        """The chat template; where there are several by name, all of them as JSON."""
        if self.alpaca:
            return ALPACA
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
        if self.alpaca:
            return ALPACA.format(prompt) + (answer or "")
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

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, with special tokens before those that have none yet."""
        whole = [text.startswith(self._first) for text in texts]
        bare = iter(
            self._encode([t for t, w in zip(texts, whole, strict=True) if w], special=False)
        )
        full = iter(self._encode([t for t, w in zip(texts, whole, strict=True) if not w]))
        return [next(bare if w else full) for w in whole]

    def _encode(self, texts: Sequence[str], *, special: bool = True) -> list[list[int]]:
        if not texts:
            return []
        ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=special)["input_ids"]
        return ids

    @cached_property
    def end(self) -> int:
        """The token that ends an answer: the first special one after it, or else the eos token.

        Raises ModelError where there is neither.
        """
        after = self.render("Why?", ANSWER).rpartition(ANSWER)[2] if self.templated else ""
        known = self.tokenizer.added_tokens_decoder
        for token in self._encode([after], special=False)[0]:
            if token in known and known[token].special:
                return token
        if self.tokenizer.eos_token_id is None:
            message = f"the tokenizer of {self.name} has no token that ends a text (eos_token)"
            raise ModelError(message)
        return int(self.tokenizer.eos_token_id)

    def encode(self, pairs: Sequence[tuple[str, str]]) -> list[Tokens]:
        """Return prompts with their answers as ids, cut where HFLM cuts.

        White space at the end of the prompt counts to the answer, and both are encoded as one
        text, for the sake of tokens that span the border.
        """
        contexts = {prompt: self.render(prompt) for prompt in dict.fromkeys(p for p, _ in pairs)}
        gap = "" if self.templated else " "
        whole = self._ids([f"{contexts[prompt]}{gap}{answer}" for prompt, answer in pairs])
        kept = self._ids([context.rstrip() for context in contexts.values()])
        lengths = dict(zip(contexts, map(len, kept), strict=True))
        return [
            Tokens(self._ended(ids), prompt=lengths[prompt])
            for ids, (prompt, _) in zip(whole, pairs, strict=True)
        ]

    def plain(self, texts: Sequence[str]) -> list[Tokens]:
        """Return texts as they stand, of which all is learnt but the first token."""
        return [Tokens(self._ended(ids), prompt=1) for ids in self._ids(texts)]

    def _ended(self, ids: list[int]) -> list[int]:
        return ids if ids[-1] == self.end else [*ids, self.end]


def tokenise(
    preferences: Sequence[Preference],
    chat: Chat,
    *,
    answers: int,
    max_length: int,
    max_characters: int | None = None,
    plain: bool = False,
    truncate: bool = False,
) -> tuple[list[Row], list[Dropped]]:
    """Return the rows that can be trained on, and those that cannot, with the reason.

    `answers` says how many of each row are looked at: the chosen one, the rejected one, and the
    chosen one of the next row as a third. `max_length` is in tokens: prompt, answer and end token.
    A longer row is dropped, since a cut answer teaches the model to break off, or else, where that
    is wanted, cut, if any of each answer is left.
    """
    reasons = {p.id: _unfit(p, answers, max_characters, plain=plain) for p in preferences}
    given = [p for p in preferences if reasons[p.id] is None]
    texts = [
        _answers(p, after, answers) for p, after in zip(given, given[1:] + given[:1], strict=True)
    ]
    flat = [(p.prompt, text) for p, its in zip(given, texts, strict=True) for text in its]
    encoded = iter(chat.plain([text for _, text in flat]) if plain else chat.encode(flat))
    found = {p.id: Row(p.id, tuple(islice(encoded, answers))) for p in given}
    for row in list(found.values()):
        if row.width > max_length:
            whole = all(answer.prompt < max_length for answer in row.answers)
            if truncate and whole:
                cut = tuple(Tokens(a.ids[:max_length], a.prompt) for a in row.answers)
                found[row.id] = Row(row.id, cut, truncated=True)
            else:
                reasons[row.id] = f"longer than {max_length} tokens"
    dropped = [Dropped(id=name, reason=reason) for name, reason in reasons.items() if reason]
    return [row for row in found.values() if reasons[row.id] is None], dropped


def _answers(pair: Preference, after: Preference, count: int) -> tuple[str, ...]:
    return (pair.chosen, pair.rejected, after.chosen)[:count]


def _unfit(pair: Preference, answers: int, most: int | None, *, plain: bool) -> str | None:
    texts = (pair.chosen, pair.rejected)[:answers]
    if not plain and not pair.prompt.strip():
        return "empty prompt"
    if not all(text.strip() for text in texts):
        return "empty answer"
    if most is not None and len(pair.prompt) + max(map(len, texts)) > most:
        return f"longer than {most} characters"
    return None
