"""Documents from the Reddit Politosphere, or from Pushshift's monthly dumps of Reddit comments.

The format is that of Hofmann et al. (2022), Zenodo 5851729: a folder of `comments_YYYY-MM.bz2`
(Pushshift: `RC_YYYY-MM.zst`), with `subreddits_metadata.json` and `users_metadata.json`. No author
is kept.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from politune_tables import json_fault, lines
from pydantic import StringConstraints

from politune_harness import DataError, Document, Dropped, InputPath, Source, hookimpl

MONTHLY = re.compile(r"(?:comments|RC)_(\d{4}-\d{2})(?:\.jsonl?)?(?:\.(?:bz2|gz|zst))?")

REMOVED = {"[deleted]", "[removed]"}

Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]

Number = int | float | str | None
"""A number as the files hold it: its type varies from year to year."""

Flag = bool | Number

T = TypeVar("T")


class Comment(msgspec.Struct):
    """The columns of a comment that are read."""

    id: str
    subreddit: str
    author: str | None = None
    body: str | None = None
    body_cleaned: str | None = None
    score: Number = None
    created_utc: Number = None


class Subreddit(msgspec.Struct):
    """A row of subreddits_metadata.json."""

    subreddit: str
    party: str | None = None


class User(msgspec.Struct):
    """A row of users_metadata.json."""

    author: str | None
    bot: Flag = None
    automoderator: Flag = None


COMMENT = msgspec.json.Decoder(Comment)


class Politosphere(Source):
    """Comments of chosen subreddits and months, without authors.

    Left out, and counted: comments that were deleted or removed, those of AutoModerator, and, where
    the folder has a `users_metadata.json`, those of the bots that it marks.
    """

    path: InputPath
    """The folder of the monthly files and the metadata, or one monthly file without metadata."""
    party: Literal["dem", "rep"] | None = None
    """Keep subreddits of this party; needs `subreddits_metadata.json` in the folder."""
    subreddits: tuple[str, ...] = ()
    """Keep these subreddits, in any case; empty for all."""
    min_score: int | None = None
    """Keep comments with at least this score."""
    since: Month | None = None
    """The first month to read, as 2016-01."""
    until: Month | None = None
    """The last month to read."""
    body: Literal["body", "body_cleaned"] = "body"
    """The text as written, or in lower case and cut into words."""

    def load(self) -> Iterator[Document | Dropped]:
        months, wanted, bots = self._months(), self._wanted(), self._bots()
        for path in months:
            for number, line in enumerate(lines(path), 1):
                if not line.strip():
                    continue
                try:
                    comment = COMMENT.decode(line)
                except ValueError as error:
                    place = f"{path.name}:{number}"
                    yield Dropped(id=place, reason=json_fault(error), malformed=True)
                else:
                    yield self._select(comment, wanted, bots)

    def _months(self) -> list[Path]:
        files = self.path.iterdir() if self.path.is_dir() else [self.path]
        months = {f: named[1] for f in files if (named := MONTHLY.fullmatch(f.name))}
        if not months or not self.path.exists():
            message = f"{self.path}: no file here is called like comments_2016-01.bz2"
            raise DataError(message)
        first, last = self.since or min(months.values()), self.until or max(months.values())
        chosen = sorted((month, f) for f, month in months.items() if first <= month <= last)
        if not chosen:
            has = f"{min(months.values())} to {max(months.values())}"
            message = f"{self.path}: no month from {first} to {last}; its files are of {has}"
            raise DataError(message)
        return [f for _, f in chosen]

    def _wanted(self) -> set[str] | None:
        """Return the chosen subreddits in lower case, or None for all."""
        named = {name.casefold() for name in self.subreddits} or None
        if self.party is None:
            return named
        path = self.path / "subreddits_metadata.json"
        if not path.is_file():
            message = f"{path}: there is no such file, and selecting by party needs it"
            raise DataError(message)
        rows = _metadata(path, Subreddit)
        party = {r.subreddit.casefold() for r in rows if (r.party or "").casefold() == self.party}
        chosen = party if named is None else party & named
        if not chosen:
            message = f"{path}: none of the chosen subreddits is of party {self.party!r}"
            raise DataError(message)
        return chosen

    def _bots(self) -> dict[str, str]:
        """Return the authors who are no persons, and what they are."""
        bots = {"AutoModerator": "AutoModerator"}
        path = self.path / "users_metadata.json"
        for user in _metadata(path, User) if path.is_file() else ():
            if user.author and _is_set(user.automoderator):
                bots[user.author] = "AutoModerator"
            elif user.author and _is_set(user.bot):
                bots[user.author] = "bot"
        return bots

    def _select(
        self, comment: Comment, wanted: set[str] | None, bots: Mapping[str, str]
    ) -> Document | Dropped:
        """Return a comment as a document, or why it is none."""
        text = comment.body if self.body == "body" else comment.body_cleaned
        score = _number(comment.score)
        if wanted is not None and comment.subreddit.casefold() not in wanted:
            reason = "another subreddit"
        elif comment.author and comment.author in bots:
            reason = bots[comment.author]
        elif text is None:
            return Dropped(id=comment.id, reason=f"no {self.body!r}", malformed=True)
        elif comment.body in REMOVED or text in REMOVED:
            reason = "deleted or removed"
        elif not text.strip():
            reason = "empty text"
        elif self.min_score is not None and (score is None or score < self.min_score):
            reason = "no score" if score is None else "low score"
        else:
            created = _number(comment.created_utc)
            kept = {"subreddit": comment.subreddit, "score": score, "created_utc": created}
            return Document(id=comment.id, text=text, metadata=kept)
        return Dropped(id=comment.id, reason=reason)


def _metadata(path: Path, row: type[T]) -> Iterator[T]:
    """Yield the rows of a metadata file: JSON lines, or one array, which is read as a whole."""
    rows = (line for line in lines(path) if line.strip())
    first = next(rows, b"[]")
    try:
        items: Iterable[bytes | msgspec.Raw] = chain([first], rows)
        if first.lstrip().startswith(b"["):
            items = msgspec.json.decode(b"\n".join(items), type=list[msgspec.Raw])
        yield from map(msgspec.json.Decoder(row).decode, items)
    except ValueError as error:
        message = f"{path}: {json_fault(error)}: {error}"
        raise DataError(message) from error


def _number(value: Number) -> int | float | None:
    """Return what the files hold now as a number, now as a string; None where it is neither."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _is_set(flag: Flag) -> bool:
    return str(flag).casefold() in {"1", "1.0", "true", "t", "yes"}


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"politosphere": Politosphere}
