"""A filter that masks what leads to a person: addresses, links, phone numbers, user names.

It works by form alone. Names in running text have no form of their own and stay; so do places,
dates and what is written to evade such a filter.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from politune_harness import Document, Dropped, Filter, hookimpl

Kind = Literal["email", "link", "user", "phone"]

KINDS: tuple[Kind, ...] = ("email", "link", "user", "phone")

_PLAIN = "com|org|net|edu|gov|info|news"
_SHORT = f"{_PLAIN}|be|co|de|eu|fr|gl|io|it|ly|me|social|tv|uk|us"
_WITH_PATH = tuple(f".{end}/" for end in _SHORT.split("|"))

PATTERNS: Mapping[Kind, re.Pattern[str]] = {
    # No repetition is unbounded where it can begin at every character: time grows with length.
    "email": re.compile(
        r"(?<![\w.+%@-])[\w.+%-]{1,64}(?:@|\s?[\[(]at[\])]\s?)[\w-]{1,63}"
        r"(?:(?:\.|\s?[\[(]dot[\])]\s?)[\w-]{1,63}){1,8}",
        re.IGNORECASE,
    ),
    "link": re.compile(
        r"(?:(?:https?|ftp)://|(?<![\w.])www\.)[^\s<>\"\]]*[^\s<>\"\]).,;:!?'*]"
        rf"|(?<![\w.@/-])(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:(?:{_PLAIN})\b(?!\.\w)|(?:{_SHORT})(?=/\w))"
        r"(?:/[^\s<>\"\]]*[^\s<>\"\]).,;:!?'*])?",
        re.IGNORECASE,
    ),
    "user": re.compile(
        r"(?<![\w/])/?(?:u|user)/[\w-]{3,20}(?![\w/-])"
        r"|(?<![\w@/])@(?:[^\W\d]|\d+[^\W\d])[\w.]{0,62}\w(?:@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})?"
    ),
    "phone": re.compile(
        r"(?<![\w$€£.,/:-])(?:\+\d{1,3}[ ./-]?)?(?:\(\d{1,5}\)[ ./-]?)?"
        r"\d{1,12}(?:[ ./-]\d{2,8}){0,5}(?![\w%]|[.,:/-]\d)"
    ),
}

HINTS: Mapping[Kind, tuple[str, ...]] = {
    "email": ("@", "[at]", "(at)"),
    "link": ("://", "www.", *(f".{end}" for end in _PLAIN.split("|")), *_WITH_PATH),
    "user": ("@", "u/", "user/"),
    "phone": tuple("0123456789"),
}
"""What a text in lower case must hold for the dearer search to be worth while: one of these."""

AMERICAN = ([3, 3, 4], [1, 3, 3, 4], [3, 2, 4])
"""Lengths of groups of digits: a number without and with a 1, and a social security number."""

_WORD = re.compile(r"\w")


class Mask(Filter):
    """Put [email], [link], [user] and [phone] in the place of what has their form.

    How many of each were masked is in the metadata, as `masked`. A document in which no word is
    left is dropped.

    >>> text = "Ask @ann_b or u/ann, ann@example.org, +1 (555) 010-9999: https://example.org/x."
    >>> [d.text for d in Mask().apply([Document(id="a", text=text)])]
    ['Ask [user] or [user], [email], [phone]: [link].']
    """

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    """What is masked: any of email, link, user, phone."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        for document in documents:
            text, found = mask(document.text, self.kinds)
            if not found:
                yield document
            elif _WORD.search(re.sub(r"\[(?:email|link|user|phone)\]", "", text)):
                metadata = {**document.metadata, "masked": dict(found)}
                yield msgspec.structs.replace(document, text=text, metadata=metadata)
            else:
                yield Dropped(id=document.id, reason="nothing but what is masked")


def mask(text: str, kinds: Iterable[Kind] = KINDS) -> tuple[str, Counter[Kind]]:
    """Return a text without what is masked, and how many of each kind that was."""
    found: Counter[Kind] = Counter()
    lower = text.lower()
    for kind in [k for k in KINDS if k in kinds and any(hint in lower for hint in HINTS[k])]:

        def instead(match: re.Match[str], kind: Kind = kind) -> str:
            if kind == "phone" and not is_phone(match[0]):
                return match[0]
            found[kind] += 1
            return f"[{kind}]"

        text = PATTERNS[kind].sub(instead, text)
    return text, found


def is_phone(number: str) -> bool:
    """Say whether digits in groups are a phone number with an area code, by how they are written.

    >>> [is_phone(n) for n in ("555-010-9999", "020 7946 0958", "+4930123456", "(0)30 123456")]
    [True, True, True, True]
    >>> [is_phone(n) for n in ("2016-10-11", "1990 1995 2000", "1 000 000 000", "5551234567")]
    [False, False, False, False]
    """
    groups = re.findall(r"\d+", number)
    digits, sizes = sum(map(len, groups)), [*map(len, groups)]
    if number[0] in "+(":
        return 8 <= digits <= 15  # noqa: PLR2004
    if number[0] == "0":
        return len(groups) > 1 and 9 <= digits <= 15  # noqa: PLR2004
    return sizes in AMERICAN


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {"mask": Mask}
