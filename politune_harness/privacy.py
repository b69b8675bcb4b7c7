"""What of a document leads to its author, and what may be kept of it.

Political opinions of persons are special-category data. No source keeps an author, unless a recipe
says why it needs to tell authors apart: then a keyed hash is kept, and the key stays out of every
file. Nothing in this project computes a leaning of an author.
"""

import hmac
import os
import re
from collections.abc import Callable, Iterable

from pydantic import BaseModel, ConfigDict, Field

from politune_harness.errors import DataError, RecipeError
from politune_harness.records import JSON

REMOVED = frozenset(
    (
        "[deleted]",
        "[removed]",
        "[deleted by user]",
        "[ Removed by Reddit ]",
        "[removed by reddit]",
    )
)
"""What stands in the place of a text that its author or a moderator took away."""

SHORTEST_KEY = 32
"""The fewest characters that a key may have."""

_IDENTIFYING = re.compile(
    r"(^|_)(authors?|users?|usernames?|accounts?|handles?|screen_names?|full_?names?|display_names?"
    r"|first_?names?|last_?names?|e_?mails?|phones?|profiles?|posters?|creators?|ip)(_|$)|^names?$"
)


class KeptAuthor(BaseModel):
    """Why a recipe keeps a keyed hash of each author, and where the key is."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    reason: str = Field(min_length=10)
    """Why authors must be told apart; it goes into the manifest."""
    key_env: str = "POLITUNE_AUTHOR_KEY"
    """The environment variable that holds the key, of 32 characters or more."""

    def hasher(self) -> Callable[[str], str]:
        """Return HMAC-SHA-256 under the key, as 32 hexadecimal digits.

        Raises DataError where there is no key, or too short a one.
        """
        key = os.environ.get(self.key_env, "").encode()
        if len(key) < SHORTEST_KEY:
            message = (
                f"keeping a hash of authors needs a key of {SHORTEST_KEY} characters or more in "
                f"{self.key_env}: make one with `openssl rand -hex 32`, and keep it to yourself"
            )
            raise DataError(message)
        return lambda author: hmac.digest(key, author.encode(), "sha256").hex()[:32]


def identifies(name: str) -> bool:
    """Say whether a column's name is one of those that hold who wrote something.

    >>> [identifies(n) for n in ("author", "userName", "user_id", "score", "authority")]
    [True, True, True, False, False]
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|\W", "_", name).casefold()
    return _IDENTIFYING.search(words) is not None


def refuse_identifying(columns: Iterable[str]) -> None:
    """Raise RecipeError for a column that holds who wrote something."""
    for column in columns:
        if identifies(column):
            message = (
                f"column {column!r} leads to a person, and is not kept; where authors must be told "
                "apart, `author: {reason: …}` keeps a keyed hash"
            )
            raise RecipeError(message)


def without_people(value: JSON) -> JSON:
    """Return nested values without those whose names say that they hold who wrote something.

    >>> without_people({"likes": 3, "user": {"id": 7}, "replies": [{"author": "a", "n": 1}]})
    {'likes': 3, 'replies': [{'n': 1}]}
    """
    if isinstance(value, dict):
        return {k: without_people(v) for k, v in value.items() if not identifies(k)}
    if isinstance(value, list):
        return [without_people(v) for v in value]
    return value
