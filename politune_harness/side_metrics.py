"""What is measured beside every answer in text, so that a collapsed model is not taken for another.

A score is the score of what was said. A model that refuses, hedges, says nothing, goes round in
circles or never comes to an end may have any: these shares stand beside it in every text task.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from politune_harness import answers
from politune_harness.statistics import mean

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Aggregation = Callable[[Iterable[Mapping[str, Any]]], float | None]

IN_ENGLISH: Mapping[str, Aggregation] = {"refused": mean, "hedged": mean}
"""What is read from English words: other languages go without."""
IN_ALL: Mapping[str, Aggregation] = {"empty": mean, "repetition": mean, "truncated": mean}

BY_JUDGE: Mapping[str, Aggregation] = {"coherence": mean}
"""What judges of coherence say, from 0 to 20, where a task has such judges."""

LIMITS = ("max_new_tokens", "max_tokens", "max_completion_tokens", "max_gen_toks")
"""What generation settings call the longest answer; the first that is there counts."""
NEARLY = 0.9
"""From this share of the limit on, an answer is as long as it could be: encoding a text again may
take fewer tokens than writing it did."""


def metrics(language: str) -> dict[str, Aggregation]:
    """Return the side metrics of answers in a language, with what aggregates each.

    >>> [*metrics("en")][:3], [*metrics("de")]
    (['refused', 'hedged', 'empty'], ['empty', 'repetition', 'truncated'])
    """
    return {**(IN_ENGLISH if language == "en" else {}), **IN_ALL}


def values(doc: Mapping[str, Any], text: str | None, *, cut: bool | None) -> dict[str, Any]:
    """Return one answer's side metrics; None is an answer whose reasoning did not end.

    `cut` says whether the token limit ended it, None where that is not known.
    """
    about = {name: doc[name] for name in ("item", "form", "wording", "sample") if name in doc}
    kind = answers.kind(text or "")
    found = {
        "refused": float(kind == "refused"),
        "hedged": float(kind == "hedged"),
        "empty": float(not (text or "").strip()),
        "repetition": answers.repetition(text or ""),
        "truncated": 1.0 if text is None else None if cut is None else float(cut),
    }
    return {name: {**about, "value": value} for name, value in found.items()}


def cut_off(text: str, settings: Mapping[str, Any], tokenizer: object) -> bool | None:
    """Say whether a limit on tokens cut a text off; None where its tokens cannot be counted.

    `settings` are those of generation, `tokenizer` the name or folder of the model's.
    """
    known = tokens_of(str(tokenizer)) if tokenizer else None
    limit = next((int(settings[name]) for name in LIMITS if settings.get(name)), None)
    if known is None or limit is None:
        return None
    count = len(known.encode(text, add_special_tokens=False))
    return answers.truncated(text, count, max(1, int(NEARLY * limit)))


@cache
def tokens_of(name: str) -> "PreTrainedTokenizerBase | None":
    """Return a model's tokenizer from disk, or None: nothing is fetched for it."""
    from transformers import AutoTokenizer

    try:
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            name, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError):
        return None
    return found
