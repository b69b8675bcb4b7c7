"""Read which of some labels a judge's reply gives."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import TypeAlias

import msgspec

from politune_harness.compass.mentions import spoken
from politune_harness.judge_replies.parsed import Parsed
from politune_harness.judge_replies.words import (
    ANNOUNCED,
    BARE,
    CHOSEN,
    CUTS,
    DENIED,
    FINAL,
    LINKED,
    NAMED,
    POINTS,
    PRAISED,
    STOPS,
    plain,
)

Options: TypeAlias = Sequence[str] | Mapping[str, str | Sequence[str]]


def read_choice(text: str, options: Options) -> Parsed[str]:
    r"""Return which of some labels a judge's reply gives.

    `options` are the labels, such as `["1", "2", "refusal"]`, or a mapping from each label to its
    wording or wordings, which then count as the label. A label counts where a line is nothing
    else, at the head of the reply's first line, and where it is announced (`Label: 3`, `I would
    rate it as 3`). All that count must agree, except that one called final goes before others. A
    list of the options chooses none of them, nor does a range, a label that is denied, or one
    that stands beside another's wording.

    >>> scale = {"1": "pro", "2": ["neutral", "balanced"], "3": "con"}
    >>> read_choice("The text is balanced.", scale).value, read_choice("2 - con", scale).value
    ('2', None)
    >>> read_choice("4", scale).status, read_choice("I'm sorry, I can't help.", scale).status
    ('unparsed', 'unparsed')
    """
    said = spoken(text)
    if said is None:
        return Parsed("unparsed")
    found = _Labels.of(options).read(plain(said))
    return Parsed("unparsed") if found is None else Parsed("valid", found)


GLOSS = re.compile(
    r"\s+(?!of\b|or\b|and\b|to\b|out\b|\w+s\b)[^\W\d]\S*(?: [^\W\d]\S*){0,3}", re.IGNORECASE
)
"""A few words that can only be a number's meaning, where they and it are the whole reply."""
MAXIMUM = re.compile(r"\s*(?:/|out of)\s*(\d+)\b")
RANGE = re.compile(r"[\"')\]]*\s*(?:[-/&,]|to|or|and|through|vs\.?|versus)\s*[\"'(\[]*")


BEFORE = "\"'([#< "
"""What may stand before a label that heads its line."""


class _Mention(msgspec.Struct, frozen=True):
    """A label, or its wording, somewhere in a line."""

    label: str | None
    """None where the label stands beside another's wording."""
    before: str
    after: str
    worded: bool
    """Whether the label's wording stands beside it."""


class _Labels:
    """The patterns of one set of options."""

    def __init__(self, options: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
        self.labels = {_fold(label): label for label, _ in options}
        self.wordings = {_fold(words): label for label, known in options for words in known}
        self.number = {label for label in self.labels if re.fullmatch(r"[-+]?\d+", label)}
        names = "|".join(map(_name, sorted(self.labels.values(), key=len, reverse=True)))
        words = "|".join(map(_pattern, sorted(self.wordings, key=len, reverse=True))) or r"(?!)"
        between = r"[\"')\].:]*\s*[-:=(,]?\s*[\"'(]*"
        self.mention = re.compile(
            rf"(?<![\w~])(?<!\d[.,:/])(?:(?<![-+])|(?<=\s[-+])(?=\D))(?:(?P<label>{names})"
            rf"(?:{between}(?P<beside>{words})(?!\w|-\w))?|(?P<words>{words}))"
            r"(?!\w|[-']\w|%|\s?%|[.,:]\d)",
            re.IGNORECASE,
        )

    @classmethod
    def of(cls, options: Options) -> "_Labels":
        """Return the patterns of `options`, built once for each set."""
        if not isinstance(options, Mapping):
            return _built(tuple((label, ()) for label in options))
        known = {k: (v,) if isinstance(v, str) else tuple(v) for k, v in options.items()}
        return _built(tuple(known.items()))

    def read(self, text: str) -> str | None:
        """Return the label that a reply gives."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        heads = self._heads(lines)
        if len(lines) == 1 and heads[0] and self._is_glossed(heads[0]):
            return heads[0].label
        claims = [x for i, line in enumerate(lines) for x in self._said(line, heads[i], i == 0)]
        final = [label for label, is_final in claims if is_final]
        found = {final[-1]} if final else {label for label, _ in claims}
        return found.pop() if len(found) == 1 else None

    def _is_glossed(self, head: _Mention) -> bool:
        return head.label in self.number and GLOSS.fullmatch(head.after) is not None

    def _heads(self, lines: Sequence[str]) -> list[_Mention | None]:
        """Return the label that heads each line, none in lines that list several."""
        found = [self._head(line) for line in lines]
        heads: list[_Mention | None] = []
        for headed, group in groupby(found, key=lambda head: head is not None):
            run = list(group)
            listed = headed and len({head.label for head in run if head}) > 1
            heads += [None] * len(run) if listed else run
        return heads

    def _head(self, line: str) -> _Mention | None:
        first = next(self._mentions(line), None)
        return first if first and not first.before.strip(BEFORE) else None

    def _said(
        self,
        line: str,
        head: _Mention | None,
        first: bool,  # noqa: FBT001
    ) -> Iterator[tuple[str | None, bool]]:
        """Yield each label that a line gives, and whether it is called final."""
        if head is not None and (_alone(head) or (first and _cut(head))):
            yield head.label, False
        listed = head is None and self._head(line) is not None
        for mention in () if listed else self._mentions(line):
            if mention.before.strip(BEFORE) and self._announced(mention):
                yield mention.label, FINAL.search(mention.before) is not None

    def _announced(self, mention: _Mention) -> bool:
        before = re.split(r"(?<=[.!?;])\s", mention.before)[-1]
        patterns = (ANNOUNCED, NAMED, LINKED, CHOSEN, POINTS)
        said = any(pattern.search(before) for pattern in patterns)
        said = said and STOPS.match(mention.after) is not None
        said = said or (BARE.fullmatch(before) is not None and _alone(mention))
        praised = PRAISED.match(mention.after) is not None
        return (said or praised) and not DENIED.search(before)

    def _mentions(self, line: str) -> Iterator[_Mention]:
        """Yield the labels in a line, without ranges; of `3/5` and `3 out of 5` the 3."""
        found = list(self.mention.finditer(line))
        skip: set[int] = set()
        for i, (a, b) in enumerate(pairwise(found)):
            if self._is_maximum(line, a):
                skip.add(i + 1)
            elif RANGE.fullmatch(line[a.end() : b.start()]) and self._label(a) != self._label(b):
                skip |= {i, i + 1}
        for i, each in enumerate(found):
            if i not in skip:
                after = line[each.end() :]
                whole = MAXIMUM.match(after) if self._is_maximum(line, each) else None
                after = after[whole.end() :] if whole else after
                yield _Mention(
                    self._label(each), line[: each.start()], after, each["beside"] is not None
                )

    def _is_maximum(self, line: str, found: re.Match[str]) -> bool:
        top = MAXIMUM.match(line, found.end())
        return top is not None and int(top[1]) == max(map(int, self.number), default=-1)

    def _label(self, found: re.Match[str]) -> str | None:
        name, words = found["label"], found["beside"] or found["words"]
        by_words = self.wordings[_fold(words)] if words else None
        if name is None:
            return by_words
        label = self.labels[_fold(name)]
        return label if by_words in {None, label} else None


@lru_cache
def _built(options: tuple[tuple[str, tuple[str, ...]], ...]) -> _Labels:
    return _Labels(options)


def _alone(head: _Mention) -> bool:
    """Say whether nothing, or only a remark in brackets, follows a label on its line."""
    return re.fullmatch(r"[\"')\]>.:,!;\s]*(?:[(\[][^()\[\]]*[)\]]?\W*)?", head.after) is not None


def _cut(head: _Mention) -> bool:
    """Say whether a label stands apart from what follows it."""
    return head.worded or any(each.match(head.after) for each in (CUTS, PRAISED))


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _pattern(text: str) -> str:
    return r"\s+".join(map(re.escape, text.split()))


def _name(label: str) -> str:
    """Return a label's pattern: a small letter counts only where it is marked off, as in `a)`."""
    if not re.fullmatch(r"[A-Za-z]", label):
        return _pattern(label)
    return rf"(?-i:{label.upper()})|{label}(?=[).:\]]|\W*$)"
