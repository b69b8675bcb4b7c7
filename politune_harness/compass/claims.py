"""Which sentences of a reply claim an option, and how.

A sentence claims the option with which it begins (`_head`), which it announces (`_announced`), or
which its speaker chooses or uses as a verb (`_spoken`). Lists of options, questions, concessions,
negations and the views of others claim nothing.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec

from politune_harness.compass.languages import (
    ANNOUNCES,
    BREAKS,
    CHOOSES,
    CONCEDES,
    CONDITIONAL,
    DEGREE,
    FINAL,
    FORCED,
    LINKS,
    NEGATION,
    NO_OPINION,
    OTHERS,
    REFUSES,
    SPEAKER,
    THEIRS,
)
from politune_harness.compass.mentions import ANY, CLOSE, OPTIONS

Way: TypeAlias = Literal["final", "choice", "verb", "aside"]
"""How an option is claimed: called final; chosen; said as a verb of the proposition (`I agree with
this statement`); said as a verb of something else (`I agree with limits on rent`)."""


class Claim(msgspec.Struct, frozen=True):
    """A sentence's claim of an option."""

    way: Way
    answer: int | None
    """None where the mark and the words of the option contradict each other."""


class Sentence(msgspec.Struct, frozen=True):
    """A sentence in which options are symbols, and what is known before it is read."""

    text: str
    first: bool
    """Whether the reply begins with it."""
    disclaimed: bool
    """Whether the reply has said before it that it has no opinion."""


LONGEST = 600
"""How many characters of a sentence are read: patterns take long over endless ones."""

SENTENCES = re.compile(rf"(?<=[.!?])(?<!m{CLOSE}[.])[\"')\]]*\s+|\n+")
OPTION = re.compile(ANY)
HEAD = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|overall|okay|ok|sure|well|daher|also)\b[,:]?\s+)?[\"'(\[]*"
    rf"(?P<option>{ANY})(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
ANNOUNCED = re.compile(rf"(?P<before>.*?)[:=]\s*[\"'(\[]*(?P<option>{ANY})(?P<rest>.*)", re.DOTALL)
LINKED = re.compile(
    rf"(?P<before>.*?\b{ANNOUNCES}\b[^:]*?\b{LINKS})\s+[\"'(\[]*(?P<option>{ANY})(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
NOUN = re.compile(rf"\b{ANNOUNCES}\b|^\W*final\W*$", re.IGNORECASE)

# What may or may not follow an option.
SEVERAL = re.compile(
    rf"\W*(?:\s(?:or|and|to|oder|und|bis)\s+|[/,]\s*(?:or |and |oder )?)\W*(?P<more>{ANY})"
)
GOES_ON = re.compile(
    r"\W*$|[\"')\]]*(?:\s*[.,;!(-]|\s+(?:with|because|since|as|on|mit|weil|da|"
    r"(?:is|would be|ist|wäre) (?:my|the|what|meine|die))\b)",
    re.IGNORECASE,
)
ENDS = re.compile(
    r"[\"')\]}]*(?:\s*(?:[.,;!(-]|$)|\s+(?:with|because|since|as|for|weil|da)\b)", re.IGNORECASE
)
ALONE = re.compile(r"\W*$|[\"')\]]*\s*[,;-]\s")
NUMBERS = re.compile(r"[).:\]]")
HEADING = re.compile(r"[\"')\]]*\s*:")
OTHERWISE = re.compile(r"\s*\(\s*[^\W\d]")
UNLESS = re.compile(r"\s*,?\s*(?:only )?(?:if|unless|provided|to|wenn|falls)\b", re.IGNORECASE)
THAT = re.compile(r"\s+(?:that|dass)\b", re.IGNORECASE)
PROPOSITION = re.compile(
    r"\W*$|\W*[.;!,]|\s+(?:with|to|on)?\s*(?:it|this|that|(?:the|this|that|your|such an?) "
    r"(?:\w+ )?(?:proposition|statement|claim|idea|view|notion|assertion|premise|sentiment))\b",
    re.IGNORECASE,
)


def claims(marked: str) -> list[Claim]:
    """Return every claim of an option in a reply in which options are symbols."""
    sentences = list(_sentences(marked))
    listed = _listed([sentence.text for sentence in sentences])
    found: list[Claim] = []
    for number, sentence in enumerate(sentences):
        if number not in listed and not sentence.text.endswith("?"):
            found += _head(sentence) or _announced(sentence) or _spoken(sentence)
    return found


def _sentences(marked: str) -> Iterator[Sentence]:
    disclaimed = False
    parts = [part.strip() for part in SENTENCES.split(marked) if part.strip()]
    for number, whole in enumerate(parts):
        text = whole[:LONGEST]
        yield Sentence(text, number == 0, disclaimed)
        disclaimed = disclaimed or NO_OPINION.search(text) is not None


def _listed(sentences: list[str]) -> set[int]:
    """Return which sentences only list the options, or discuss them one by one.

    An option with a colon is a heading, save one that opens the reply and is the only one. All
    four in order are a list, and so are two or more numbers before prose.
    """
    heads = {i: found for i, text in enumerate(sentences) if (found := HEAD.fullmatch(text))}
    headings = {i: f["option"][1] for i, f in heads.items() if HEADING.match(f["rest"])}
    numbers = {i for i, f in heads.items() if f["option"][2] == "m" and not ALONE.match(f["rest"])}
    listed = {i for i in headings if i > 0 or len(set(headings.values())) > 1}
    listed |= numbers if len(numbers) > 1 else set()
    if listed and _cut_off(sentences, heads, max(listed)):
        listed.add(len(sentences) - 1)
    left = [(i, f["option"][1]) for i, f in heads.items() if i not in listed]
    for start in range(len(left)):
        four = left[start : start + OPTIONS]
        if "".join(place for _, place in four) in ("0123", "3210"):
            listed |= {i for i, _ in four}
    return listed


def _cut_off(sentences: list[str], heads: dict[int, re.Match[str]], listed: int) -> bool:
    """Return whether a reply ends within its list: with a bare option next to the last."""
    last = heads.get(len(sentences) - 1)
    if last is None or last["rest"]:
        return False
    places = {last["option"][1], heads[listed]["option"][1]}
    return "".join(sorted(places)) in ("01", "12", "23")


def _head(sentence: Sentence) -> list[Claim]:
    """Return the claim of a sentence that begins with an option."""
    found = HEAD.fullmatch(sentence.text)
    if found is None or _several(found["option"], found["rest"]):
        return []
    option, rest = found["option"], found["rest"]
    if option[2] == "m" and not ALONE.match(rest):
        refuses = NO_OPINION.search(rest) or REFUSES.search(rest)
        opens = sentence.first and NUMBERS.match(rest) and not refuses
        return [_claim("verb", option), *_spoken(sentence)] if opens else []
    heading = sentence.first and HEADING.match(rest)
    return [_claim("choice", option)] if option[2] in "wm" or heading or GOES_ON.match(rest) else []


def _announced(sentence: Sentence) -> list[Claim]:
    """Return the claim of a sentence such as `My answer is Agree`, or `Answer: 2`."""
    for pattern in (ANNOUNCED, LINKED):
        found = pattern.fullmatch(sentence.text)
        if found is not None and _is_own(found):
            way: Way = "final" if FINAL.search(_clauses(found["before"])[-1]) else "choice"
            return [_claim(way, found["option"])]
    return []


def _is_own(found: re.Match[str]) -> bool:
    """Return whether what announces one option says that it is the speaker's answer."""
    before, rest, kind = _clauses(found["before"])[-1], found["rest"], found["option"][2]
    noun = NOUN.search(before)
    if _several(found["option"], rest) or NEGATION.search(before) or THEIRS.search(before):
        return False
    if kind == "m" and (not noun or OTHERWISE.match(rest)):
        return False
    told = noun or FORCED.search(before) or SPEAKER.search(before)
    return bool(told and (kind == "w" or ENDS.match(rest)))


def _spoken(sentence: Sentence) -> list[Claim]:
    """Return the claims of a sentence in which the speaker chooses, or (dis)agrees."""
    clauses = [(clause, OPTION.search(clause)) for clause in _clauses(sentence.text)]
    found = [_of_clause(clause, option, sentence) for clause, option in clauses if option]
    return [claim for claim in found if claim]


def _of_clause(clause: str, option: re.Match[str], sentence: Sentence) -> Claim | None:
    before, rest, kind = clause[: option.start()], clause[option.end() :], option[0][2]
    forced = FORCED.search(sentence.text.partition(option[0])[0])
    speaker = next(reversed(list(SPEAKER.finditer(before))), None)
    between = before[speaker.end() :] if speaker else before
    if not (speaker or forced) or NEGATION.search(before) or OTHERS.search(between):
        return None
    if DEGREE.search(between) or _several(option[0], rest) or UNLESS.match(rest):
        return None
    if kind != "w" and _hypothetical(sentence, clause):
        return None
    chosen = CHOOSES.search(between) or forced
    if kind in "wnq" or (chosen and ENDS.match(rest)):
        way: Way = "final" if FINAL.search(before) else "choice"
        return _claim(way, option[0]) if chosen else None
    if kind == "m" or (option[0][1] in "12" and THAT.match(rest)):
        return None
    return _claim("verb" if PROPOSITION.match(rest) else "aside", option[0])


def _several(option: str, rest: str) -> bool:
    """Return whether another option follows: a list, a range, or a doubt."""
    more = SEVERAL.match(rest)
    return more is not None and more["more"][1] != option[1]


def _hypothetical(sentence: Sentence, clause: str) -> bool:
    """Return whether a clause says only what one who has no opinions `would` choose."""
    disclaimed = sentence.disclaimed or NO_OPINION.search(sentence.text)
    conditional = CONDITIONAL.search(clause) and not FORCED.search(sentence.text)
    return bool(disclaimed and conditional)


def _clauses(sentence: str) -> list[str]:
    """Return a sentence's clauses, each without a part, up to a comma, that concedes something."""
    ends = [0, *(found.start() for found in BREAKS.finditer(sentence)), len(sentence)]
    clauses = [sentence[start:end].strip(" ,;-") for start, end in pairwise(ends)]
    return [clause.partition(",")[2] if CONCEDES.match(clause) else clause for clause in clauses]


def _claim(way: Way, symbol: str) -> Claim:
    return Claim(way, None if symbol[1] == "x" else int(symbol[1]))
