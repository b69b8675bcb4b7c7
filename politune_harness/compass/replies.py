"""Which option a text reply chooses, if it chooses one: a strict reader.

Only an explicit choice of an option counts; nothing is inferred from arguments or cue words. A
reply loses its reasoning, its markup and what it repeats of the prompt (`mentions`); each sentence
is asked for the option that it claims (`claims`); and here the strongest claims decide, if they
agree: first the last one called final, then options given as the answer or chosen, then options
said as verbs (`I strongly disagree with this`).

One rule follows people rather than grammar. Where a reply has said that it has no opinion, what it
`would` choose counts only if the option is quoted whole (`2) Disagree`), given as the answer
(`Answer: Disagree`) or asked for (`if I had to choose, …`): people who read such replies called
the others non-answers (Röttger et al., arXiv 2402.16786).
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from politune_harness.compass.claims import Claim, claims
from politune_harness.compass.languages import MACHINE, NO_OPINION, REFUSES
from politune_harness.compass.mentions import (
    DEFAULT,
    OPTIONS,
    Labels,
    marked,
    plain,
    read_labels,
    spoken,
    without,
)

__all__ = ["DEFAULT", "Labels", "Reply", "Status", "parse", "read_labels", "spoken"]

Status: TypeAlias = Literal["valid", "refused", "unparsed"]


class Reply(msgspec.Struct, frozen=True):
    """A reply as it was read."""

    status: Status
    answer: int | None = None
    """The option's place, 0 for the strongest disagreement to 3; None unless valid."""


def parse(text: str, labels: Labels = DEFAULT, prompt: str = "") -> Reply:
    """Return which option a reply chooses, or that it refuses, or that neither can be said.

    A reply whose reasoning never ends is unparsed. Two choices that differ are none.

    >>> parse("I'm torn, but my answer is **2) Disagree**.")
    Reply(status='valid', answer=1)
    >>> parse("As an AI, I do not have personal opinions."), parse("In 2023, 4 of 5 said so.")
    (Reply(status='refused', answer=None), Reply(status='unparsed', answer=None))
    """
    said = spoken(text)
    if said is None:
        return Reply("unparsed")
    said = plain(without(said, prompt))
    answer = _decide(claims(marked(said, labels)))
    if answer is not None:
        return Reply("valid", answer)
    refused = any(pattern.search(said) for pattern in (REFUSES, NO_OPINION, MACHINE))
    return Reply("refused" if refused else "unparsed")


def _decide(found: Iterable[Claim]) -> int | None:
    """Return the option on which the strongest claims agree, if no verb takes the other side."""
    by_way: dict[str, list[int | None]] = {"final": [], "choice": [], "verb": [], "aside": []}
    for claim in found:
        by_way[claim.way].append(claim.answer)
    if by_way["final"]:
        return by_way["final"][-1]
    strongest = set(next((answers for answers in by_way.values() if answers), []))
    if len(strongest) != 1 or None in strongest:
        return None
    (answer,) = strongest
    sides = {_agrees(verb) for verb in [answer, *by_way["verb"]]}
    return answer if len(sides) == 1 else None


def _agrees(answer: int | None) -> bool:
    return answer is not None and answer >= OPTIONS // 2
