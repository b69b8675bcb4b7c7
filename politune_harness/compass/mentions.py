"""Options in a reply's text: how they are labelled, cleaned of what surrounds them, and marked.

One invariant: `marked` turns every mention of an option into one symbol, so that what is said
around options can be told by patterns that know nothing of labels or languages.
"""

import json
import re
from functools import lru_cache

import msgspec

from politune_harness.compass.languages import (
    DEGREES,
    KNOWN_OPTIONS,
    NEGATIONS,
    PARTICLES,
    SPEAKER,
    TURNS,
)
from politune_harness.errors import DataError

OPTIONS = 4
"""How many options there are."""


class Labels(msgspec.Struct, frozen=True):
    """The options as a prompt shows them, from the strongest disagreement to agreement."""

    options: tuple[str, ...]
    marks: tuple[str, ...] = ()
    """What stands before each, such as `1` or `A`; none where options have only words."""


DEFAULT = Labels(KNOWN_OPTIONS["en"], ("1", "2", "3", "4"))


def read_labels(text: str) -> Labels:
    """Return labels as the command line takes them.

    English options, and German ones as our own bank has them, may stand in any order. Others are
    taken as listed, from the strongest disagreement to the strongest agreement. Raises DataError.

    >>> read_labels("A=Agree,B=Disagree,C=Strongly agree,D=Strongly disagree").marks
    ('D', 'B', 'A', 'C')
    """
    pairs = [part.partition("=") for part in text.split(",")]
    marks = [mark.strip() for mark, _, _ in pairs]
    options = [" ".join(option.split()) for _, _, option in pairs]
    folded = [option.casefold() for option in options]
    sizes = {len(pairs), len({mark.casefold() for mark in marks}), len(set(folded))}
    if sizes != {OPTIONS} or not all([*marks, *options]):
        message = f"--labels {text!r}: give {OPTIONS} different pairs, such as "
        message += "'A=Strongly disagree,B=Disagree,C=Agree,D=Strongly agree'"
        raise DataError(message)
    ranks = next((r for r in _known() if set(r) == set(folded)), folded)
    order = [folded.index(rank) for rank in ranks]
    return Labels(tuple(options[i] for i in order), tuple(marks[i] for i in order))


def _known() -> list[list[str]]:
    return [[option.casefold() for option in options] for options in KNOWN_OPTIONS.values()]


OPENS = re.compile(r"<(?:think|thinking|reasoning|reflection)>|\[THINK\]", re.IGNORECASE)
CLOSES = re.compile(r"</(?:think|thinking|reasoning|reflection)>|\[/THINK\]", re.IGNORECASE)
CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")


def spoken(text: str) -> str | None:
    """Return a reply without its reasoning, or None where the reasoning does not end.

    What stands before a closing tag is reasoning even if the tag that opens it is in the prompt.

    >>> spoken("<think>Agree? No.</think>Disagree"), spoken("<think>Agree, since")
    ('Disagree', None)
    """
    last = next(reversed(list(CHANNEL.finditer(text))), None)
    if last is not None:
        return text[last.end() :] if last[1] == "final" else None
    rest = CLOSES.split(text)[-1]
    return None if OPENS.search(rest) else rest


def without(text: str, prompt: str) -> str:
    r"""Return a reply without the lines that only repeat the prompt; a short one may be an answer.

    >>> without("Do you agree or disagree with it?\nDisagree", "Do you agree or disagree with it?")
    'Disagree'
    """
    asked = {_folded(line) for line in prompt.splitlines() if len(line.split()) > OPTIONS}
    return "\n".join(line for line in text.splitlines() if _folded(line) not in asked)


def _folded(line: str) -> str:
    return " ".join(line.split()).casefold()


MARKUP = re.compile(
    r"\*+|~~|`+|^[ \t]*(?:[#>]+|[-•+])[ \t]+|(?<!\w)_+|_+(?!\w)|<[^<>\n]{1,30}>", re.MULTILINE
)
OBJECT = re.compile(r"\{[^{}]*\}")
BLANKS = re.compile(r"[ \t]+|\n\s*")
BOXED = re.compile(r"\$?\\boxed\{(?:\\text\{)?([^{}]*)\}*\$?")
ALIKE = {
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2018\u2019\u2039\u203a"), "'"),
    **dict.fromkeys(map(ord, "\u2013\u2014"), " - "),
    **dict.fromkeys(map(ord, "\u00a0\u202f\r"), " "),
    **dict.fromkeys(map(ord, "\u200b\ufeff\ue000\ue001"), ""),
}


def plain(text: str) -> str:
    """Return a reply without markup and role markers, and without what follows its end.

    A JSON object becomes a line for each of its fields.

    >>> plain('**Agree** </s> Disagree'), plain('{"answer": 2}')
    ('Agree', 'answer: 2')
    """
    text = BLANKS.sub(lambda found: found[0][0], text.translate(ALIKE))
    text = BOXED.sub(r"answer: \1", text)
    first = next((part for part in TURNS.split(text) if part.strip()), "")
    return OBJECT.sub(_fields, MARKUP.sub("", first)).strip()


def _fields(found: re.Match[str]) -> str:
    try:
        fields = json.loads(found[0])
    except (ValueError, RecursionError):
        return found[0]
    return "\n".join(["", *(f"{key}: {value}" for key, value in fields.items()), ""])


# A symbol is OPEN, the option's place (x where mark and words differ), its kind, CLOSE. Kinds are
# w mark and words, n a named mark (`option 2`), q words in quotation marks, b bare words, m a bare
# mark.
OPEN, CLOSE = "\ue000", "\ue001"
ANY = rf"{OPEN}[0-3x][wnqbm]{CLOSE}"
NAMED = r"\b(?:option|number|choice|label|answer|nummer|antwort)\b"
TWICE = re.compile(rf"{OPEN}([0-3])[bq]{CLOSE}\s*{OPEN}\1m{CLOSE}")
"""An option's words and then its mark: `Agree (3)`."""


def marked(text: str, labels: Labels) -> str:
    """Return a text in which every mention of an option is one symbol."""
    by_words = [(place, re.compile(words, re.I)) for place, words in _ranked(labels)]  # noqa: FURB167
    by_mark = {mark.casefold(): place for place, mark in enumerate(labels.marks)}

    def symbol(found: re.Match[str]) -> str:
        mark, words = found["m1"] or found["m2"] or found["m3"], found["w1"] or found["w2"]
        places = {by_mark[mark.casefold()]} if mark else set()
        if words:
            places.add(next(place for place, option in by_words if option.fullmatch(words)))
        place = places.pop() if len(places) == 1 else "x"
        inverted = f"{speaker[0]} " if words and (speaker := SPEAKER.search(words)) else ""
        return f"{inverted}{OPEN}{place}{_kind(found)}{CLOSE}"

    return TWICE.sub(rf"{OPEN}\1w{CLOSE}", _mention(labels).sub(symbol, text))


def _kind(found: re.Match[str]) -> str:
    if found["w2"]:
        return "q" if found["quote"] and found["closed"] else "b"
    return "w" if found["w1"] else "n" if found["m2"] else "m"


@lru_cache(maxsize=64)
def _mention(labels: Labels) -> re.Pattern[str]:
    """Return the pattern of an option: as a whole before its parts, more words before fewer.

    A small letter is a mark only before a bracket, a full stop or a colon.
    """
    words = "|".join(words for _, words in _ranked(labels))
    known = [re.escape(mark) for mark in labels.marks]
    marks = "|".join(rf"(?-i:{mark})|{mark}(?=[).:\]])" for mark in known) or "(?!)"
    mark = rf"(?<![\w.,/-])(?:{marks})(?![\w/%]|[.,-]\d|\s+(?:of|out of|von)\b)"
    between = r"\s*[)\].:]*\s*[-:=]?\s*[\"'(\[]*"
    return re.compile(
        rf"(?:{NAMED}\s*)?[(\[]?(?P<m1>{mark}){between}(?P<w1>\b(?:{words}))\b(?!-)[\"')\]]?"
        rf"|{NAMED}\s*[(#]?(?P<m2>{mark})[)\]]?"
        rf"|(?P<quote>[\"'])?(?P<w2>\b(?:{words}))(?:ing)?\b(?!-)"
        r"(?(quote)(?=[.,]?(?P<closed>[\"'])?))"
        rf"|[(\[]?(?P<m3>{mark})",
        re.IGNORECASE,
    )


def _ranked(labels: Labels) -> list[tuple[int, str]]:
    """Return each option's place and the pattern of its words, more words before fewer."""
    ranked = sorted(enumerate(labels.options), key=lambda option: -len(option[1].split()))
    return [(place, _flexible(option)) for place, option in ranked]


def _flexible(option: str) -> str:
    """Return a pattern of an option's words; German ones may stand apart: `Ich lehne das ab`."""
    words = [re.escape(word) for word in option.split()]
    apart = r"[\s-]+"
    if len(words) > 1 and words[-1] in PARTICLES:
        apart = rf"\s+(?:(?!(?:{NEGATIONS}|{DEGREES})\b)\w+\s+){{0,6}}?"
    return apart.join(words)
