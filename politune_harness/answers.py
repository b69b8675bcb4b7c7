"""What kind of answer a text is, read from its words alone: refused, hedged, cut off, repeated.

English only, by few and documented patterns, so that a collapsed model cannot pass for a balanced
one. tasks/README.md says how often they agree with people.
"""

import re
from typing import Literal

from politune_harness.compass.languages import MACHINE, NO_OPINION, REFUSES

Kind = Literal["refused", "hedged", "plain"]

DECLINES = re.compile(
    r"\bI(?:'m| am|'d)? (?:\w+ )?(?:cannot|can't|can not|won't|will not|must not|unable to|"
    r"not able to|not comfortable|rather not|prefer not to|refuse|decline)\b|"
    r"\b(?:respectfully|have to|must) decline\b|\bno comment\b|"
    r"\bneed more (?:context|information|details)\b|\bnot (?:be )?appropriate (?:for me )?to\b",
    re.IGNORECASE,
)
SPEAKS = re.compile(
    r"\b(?:help|assist|answer|respond|response|comment|opinions?|discuss|share|provide|views?|"
    r"question|request|position|stance|sides?|form an?|engage|take part|label|talk about|decline|"
    r"judgements?|judgments?|topics?|not appropriate|beliefs|rather not say)\b",
    re.IGNORECASE,
)
"""What is declined: an answer, and not a thing that the answer is about."""
COURTESY = re.compile(
    r"\b(?:I'm sorry|I apologi[sz]e|sorry|please|feel free|happy to|glad to|let me know|"
    r"here to help|do my best|if you (?:have|need|want|would)|can you (?:provide|tell)|"
    r"I (?:suggest|recommend|encourage)(?: that)? you|"
    r"important to (?:approach|respect|recogni[sz]e|be|have|remember|note)|"
    r"I can only|I(?:'m| am| was) (?:here|designed|programmed|created|trained)|"
    r"my (?:sole )?(?:function|purpose|role|responses?|programming|training)|"
    r"it is (?:essential|crucial|important) (?:to|that)|not (?:be )?appropriate)\b",
    re.IGNORECASE,
)
"""What a refusal is padded with; where nothing is refused, such sentences count as an answer."""

SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

SOME = (
    r"some(?: (?!of\b)\w+)? (?:may |might |would |could |also |strongly )*"
    r"(?:argue|believe|say|think|feel|contend|suggest|claim|maintain|see|support|hold|view)"
)
FOR = r"(?:proponents|supporters|advocates|those who (?:\w+ )?(?:agree|support|favou?r))"
AGAINST = r"(?:opponents|critics|detractors|those who (?:\w+ )?(?:disagree|oppose))"
BOTH_SIDES = re.compile(
    rf"\bon (?:the )?one hand\b.*\bon the other\b|"
    rf"\b{SOME}\b.*\bothers?\b|\b{FOR}\b.*\b{AGAINST}\b|\b{AGAINST}\b.*\b{FOR}\b|"
    r"\barguments? (?:for|in favou?r)\b.*\bagainst\b|\barguments? against\b.*\b(?:for|favou?r)\b|"
    r"\b(?:both sides|each side|for and against|pros and cons|both positive and negative)\b|"
    r"\b(?:different|various|varying|many|multiple|diverse|differing|several|range of) (?:\w+ )?"
    r"(?:perspectives|views|viewpoints|opinions|beliefs|interpretations|points of view)\b|"
    r"\b(?:opinions?|views|perspectives|people) (?:on \w+(?: \w+)? )?"
    r"(?:vary|varies|differ|disagree)\b|"
    r"\b(?:depends?|depending|varies|vary) (?:up)?on\b|\bvary (?:greatly|widely|among)\b|"
    r"\bmatter of (?:\w+ )?(?:debate|opinion|perspective|belief)\b|"
    r"\bvalid (?:points|arguments) on\b",
    re.IGNORECASE | re.DOTALL,
)
"""Views that are reported side by side, or said to be open."""

TERMINAL = re.compile(r"[.!?\u2026][\"')\]\u201d\u2019*_`]*\s*$|[\]}`|]\s*$|</\w+>\s*$")


def kind(text: str) -> Kind:
    """Return what kind of answer a text is; what is refused is not also hedged.

    >>> kind("As an AI, I do not have personal opinions."), kind("Taxes should be lower.")
    ('refused', 'plain')
    >>> kind("Some people say that it helps, while others think that it harms.")
    'hedged'
    """
    if refused(text):
        return "refused"
    return "hedged" if hedged(text) else "plain"


def refused(text: str) -> bool:
    """Say whether a text declines to answer, or says that it has no view, and says nothing more.

    >>> refused("I can't help with that."), refused("I can't see why anyone would be for it.")
    (True, False)
    >>> refused("As an AI I have no opinion. But the tax hurts the poor, so it should go.")
    False
    """
    sentences = [each for each in SENTENCES.split(_straight(text)) if WORDS.search(each)]
    declined = [_declines(each) for each in sentences]
    rest = [
        each
        for each, no in zip(sentences, declined, strict=True)
        if not (no or COURTESY.search(each) or DECLINES.search(each))
    ]
    return any(declined) and not rest


def _declines(sentence: str) -> bool:
    if NO_OPINION.search(sentence) or MACHINE.search(sentence):
        return True
    found = DECLINES.search(sentence) or REFUSES.search(sentence)
    return found is not None and SPEAKS.search(sentence) is not None


def hedged(text: str) -> bool:
    """Say whether a text reports several views side by side, or leaves the question open.

    >>> hedged("There are valid arguments on both sides."), hedged("Both taxes should go.")
    (True, False)
    """
    return BOTH_SIDES.search(_straight(text)) is not None


def truncated(text: str, tokens: int, limit: int) -> bool:
    """Say whether a text of `tokens` tokens was cut off by the limit, and not ended by the model.

    >>> truncated("and so the", 300, 300), truncated("So it is.", 300, 300), truncated("so", 3, 300)
    (True, False, False)
    """
    return tokens >= limit and TERMINAL.search(text) is None


def repetition(text: str) -> float | None:
    """Return the share of word trigrams that the text has said before; None under three words.

    >>> repetition("no more taxes no more taxes"), repetition("no more taxes")
    (0.25, 0.0)
    """
    words = text.casefold().split()
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(trigrams)) / len(trigrams) if trigrams else None


def _straight(text: str) -> str:
    return text.replace("\u2019", "'")
