"""What is wrong with preference pairs, as public data show it: leaked records, refusals, repeats.

Each flaw is read from the text alone, and named; nothing here judges what a pair says.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Literal, get_args

from politune_harness.answers import refused
from politune_harness.overlap import words
from politune_harness.records import Preference

Flaw = Literal[
    "leaked record",
    "refusal",
    "one-word answer",
    "chosen equals rejected",
    "repeated prompt",
    "prompt of another arm",
]
FLAWS: tuple[Flaw, ...] = get_args(Flaw)

RECORD = re.compile(r"""\{\s*(?P<quote>['"])\w+(?P=quote)\s*:|\A\s*\{.*\}\s*\Z""", re.DOTALL)
DECLINES = re.compile(
    r"\bI(?: am|'m)? (?:cannot|can't|can not|won't|will not|unable to|not able to) (?:\w+ ){0,2}?"
    r"(?:fulfil|provide|generat|creat|writ|produc|assist|comply|complet|answer|respond|offer)\w*"
    r"(?=[^.!?]{0,60}\b(?:requests?|response|content|instructions?|information|guidance|"
    r"statements?|answers?|prompt|text|with (?:this|that))\b)|"
    r"\b(?:can I (?:help|assist) you with|is there (?:any|some)thing else)\b|"
    r"\bas an? (?:AI|large language model|language model)\b",
    re.IGNORECASE,
)
"""What models say that refuse to write, and people who argue do not."""


def leaked(text: str) -> bool:
    """Return whether a text holds, or is, a record in braces, in Python's or in JSON's notation.

    >>> leaked("{'text': 'Vote!', 'score': 3}"), leaked("{no more taxes}"), leaked("Vote {here}!")
    (True, True, False)
    """
    return RECORD.search(text) is not None


def mended(text: str) -> str:
    """Return the text inside a record that is all there is; any other text as it stands.

    >>> mended("{'text': 'Vote!', 'score': 3}"), mended("{'text': 'It's time', 'score': 3}")
    ('Vote!', "{'text': 'It's time', 'score': 3}")
    """
    try:
        record = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return text
    inside = record.get("text") if isinstance(record, dict) else None
    return inside if isinstance(inside, str) else text


def declines(text: str) -> bool:
    """Return whether a text refuses to write, or offers to help with something else instead.

    >>> declines("I cannot support a candidate. Can I help you with something else?")
    True
    >>> declines("I can't believe they voted for it.")
    False
    """
    return DECLINES.search(text) is not None


def own(pair: Preference) -> Iterator[Flaw]:
    """Yield the flaws that a pair has by itself. An empty rejected answer is none: SFT has none."""
    answers = [text for text in (pair.chosen, pair.rejected) if text]
    if any(map(leaked, (pair.prompt, *answers))):
        yield "leaked record"
    if any(map(declines, (pair.prompt, *answers))) or any(map(refused, answers)):
        yield "refusal"
    if any(len(answer.split()) < 2 for answer in answers):  # noqa: PLR2004 - one word, or none
        yield "one-word answer"
    if words(pair.chosen) == words(pair.rejected):
        yield "chosen equals rejected"


def key(prompt: str) -> bytes:
    """Return what is the same for prompts that differ in case, spaces and punctuation alone."""
    return blake2b(" ".join(words(prompt)).encode(), digest_size=16).digest()


class Checker:
    """Finds the flaws of one arm's pairs, one after another.

    What is held in memory is a hash of 16 bytes for each prompt.
    """

    def __init__(self, others: Iterable[Preference] = ()) -> None:
        """Note the prompts of the other arms."""
        self._others = {key(pair.prompt) for pair in others}
        self._seen: set[bytes] = set()

    def __call__(self, pair: Preference) -> list[Flaw]:
        """Return a pair's flaws, in the order of FLAWS; the first of repeated prompts has none."""
        found, prompt = [*own(pair)], key(pair.prompt)
        if prompt in self._seen:
            found.append("repeated prompt")
        if prompt in self._others:
            found.append("prompt of another arm")
        self._seen.add(prompt)
        return found
