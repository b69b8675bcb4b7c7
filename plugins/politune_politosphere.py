"""Documents from the Reddit Politosphere, or from Pushshift's monthly dumps of Reddit comments.

The format is that of Hofmann et al. (2022), Zenodo 5851729: a folder of `comments_YYYY-MM.bz2`
(Pushshift: `RC_YYYY-MM.zst`), with `subreddits_metadata.json` and `users_metadata.json`. No author
is kept.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from politune_tables import json_fault
from pydantic import AfterValidator, StringConstraints

from politune_harness import DataError, Document, Dropped, InputPath, Shard, Source, hookimpl
from politune_harness.files import blocks, lines, split_lines
from politune_harness.privacy import REMOVED, KeptAuthor
from politune_harness.records import JSON

MONTHLY = re.compile(r"(?:comments|RC)_(\d{4}-\d{2})(?:\.jsonl?)?(?:\.(?:bz2|gz|zst))?")


def _is_date(day: str) -> str:
    date.fromisoformat(f"{day}-01"[:10])
    return day


Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d(-\d\d)?$"), AfterValidator(_is_date)]

Number = int | float | str | None
"""A number as the files hold it: its type varies from year to year."""

Flag = bool | Number

T = TypeVar("T")

NO_USER = "[deleted]"
"""The author of a comment whose account is no more."""


class Comment(msgspec.Struct, gc=False):
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
    region: str | None = None


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

    terms: str = "as Zenodo record 5851729 and Reddit's terms have it; personal data"
    """Terms of use beside the licence, for the manifest."""
    path: InputPath
    """The folder of the monthly files and the metadata, or one monthly file without metadata."""
    party: Literal["dem", "rep"] | None = None
    """Keep subreddits of this party; needs `subreddits_metadata.json` in the folder."""
    regions: tuple[str, ...] = ()
    """Keep subreddits of these regions, in any case; needs the same file."""
    subreddits: tuple[str, ...] = ()
    """Keep these subreddits, in any case; empty for all."""
    min_score: int | None = None
    """Keep comments with at least this score."""
    since: Day | None = None
    """The first month or day (UTC) to keep, as 2016-01 or 2016-01-20."""
    until: Day | None = None
    """The last month or day to keep."""
    body: Literal["body", "body_cleaned"] = "body"
    """The text as written, or in lower case and cut into words."""
    author: KeptAuthor | None = None
    """Keep a keyed hash of the author as `author_hash`; say why. By default no author is kept."""

    def load(self) -> Iterator[Document | Dropped]:
        wanted, bots = self._wanted(), self._bots()
        for month in self._months():
            yield from self.read(month, wanted, bots)

    def shards(self) -> Sequence[Shard]:
        wanted, bots = self._wanted(), self._bots()
        return [partial(self.read, month, wanted, bots) for month in self._months()]

    def read(
        self, month: Path, wanted: frozenset[str] | None, bots: Mapping[str, str]
    ) -> Iterator[Document | Dropped]:
        """Yield one month's comments; `wanted` subreddits are in lower case, and None is all."""
        select = self._select(bots)
        chosen: dict[str, bool] = {}
        for comment in _comments(month):
            if isinstance(comment, Dropped):
                yield comment
                continue
            name = comment.subreddit
            if name not in chosen:
                chosen[name] = wanted is None or name.casefold() in wanted
            if chosen[name]:
                yield select(comment)
            else:
                yield Dropped(id=comment.id, reason="another subreddit")

    def _months(self) -> list[Path]:
        files = self.path.iterdir() if self.path.is_dir() else [self.path]
        months = {f: named[1] for f in files if (named := MONTHLY.fullmatch(f.name))}
        if not months or not self.path.exists():
            message = f"{self.path}: no file here is called like comments_2016-01.bz2"
            raise DataError(message)
        first = (self.since or min(months.values()))[:7]
        last = (self.until or max(months.values()))[:7]
        chosen = sorted((month, f) for f, month in months.items() if first <= month <= last)
        if not chosen:
            has = f"{min(months.values())} to {max(months.values())}"
            message = f"{self.path}: no month from {first} to {last}; its files are of {has}"
            raise DataError(message)
        if twice := {m for (m, _), (next_, _) in pairwise(chosen) if m == next_}:
            message = f"{self.path}: two files are of {min(twice)}; keep one of them"
            raise DataError(message)
        return [f for _, f in chosen]

    def _wanted(self) -> frozenset[str] | None:
        """Return the chosen subreddits in lower case, or None for all."""
        named = frozenset(name.casefold() for name in self.subreddits) or None
        if self.party is None and not self.regions:
            return named
        path = self.path / "subreddits_metadata.json"
        if not path.is_file():
            message = f"{path}: there is no such file, and selecting by party or region needs it"
            raise DataError(message)
        regions = {region.casefold() for region in self.regions}
        found = {
            row.subreddit.casefold()
            for row in _metadata(path, Subreddit)
            if (self.party is None or (row.party or "").casefold() == self.party)
            and (not regions or (row.region or "").casefold() in regions)
        }
        chosen = frozenset(found if named is None else found & named)
        if not chosen:
            asked = [f"party {self.party!r}"] if self.party else []
            asked += [f"region {', '.join(self.regions)}"] if regions else []
            message = f"{path}: none of the chosen subreddits is of {' and '.join(asked)}"
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

    def _select(self, bots: Mapping[str, str]) -> Callable[[Comment], Document | Dropped]:
        """Return what makes a comment of a chosen subreddit a document, or says why it is none."""
        cleaned, least = self.body == "body_cleaned", self.min_score
        first, last = self._seconds()
        hashed = self.author.hasher() if self.author else None

        def select(comment: Comment) -> Document | Dropped:
            text = comment.body_cleaned if cleaned else comment.body
            author = comment.author
            score, created = _number(comment.score), _number(comment.created_utc)
            if author and author in bots:
                reason = bots[author]
            elif text is None:
                return Dropped(id=comment.id, reason=f"no {self.body!r}", malformed=True)
            elif comment.body in REMOVED or text in REMOVED:
                reason = "deleted or removed"
            elif not text.strip():
                reason = "empty text"
            elif "\0" in text:
                return Dropped(id=comment.id, reason="NUL in text", malformed=True)
            elif least is not None and (score is None or score < least):
                reason = "no score" if score is None else "low score"
            elif first is not None and (created is None or not first <= created < last):
                reason = "no date" if created is None else "another date"
            else:
                kept: dict[str, JSON] = {
                    "platform": "reddit",
                    "subreddit": comment.subreddit,
                    "score": score,
                    "created_utc": created,
                }
                if hashed and author and author != NO_USER:
                    kept["author_hash"] = hashed(author)
                return Document(id=comment.id, text=text, metadata=kept)
            return Dropped(id=comment.id, reason=reason)

        return select

    def _seconds(self) -> tuple[float | None, float]:
        """Return when the chosen days begin and have ended, as Unix times; None where all count.

        Months are chosen by the names of files alone.
        """
        days = [day for day in (self.since, self.until) if day and len(day) > len("2016-01")]
        if not days:
            return None, 0
        first = f"{self.since or '1970'}-01-01"[:10]
        last = date.fromisoformat(self.until) if self.until in days and self.until else None
        start = datetime.fromisoformat(first).replace(tzinfo=UTC).timestamp()
        if last is None:
            return start, float("inf")
        end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
        return start, end.timestamp()


def _comments(month: Path) -> Iterator[Comment | Dropped]:
    """Yield a month's comments, and what cannot be decoded, as Dropped."""
    number = 1
    for block in blocks(month):
        try:
            yield from COMMENT.decode_lines(block)
        except (ValueError, RecursionError):
            yield from _one_by_one(block, month.name, number)
        number += block.count(b"\n")


def _one_by_one(block: bytes, name: str, first: int) -> Iterator[Comment | Dropped]:
    for number, line in enumerate(split_lines(block), first):
        try:
            yield COMMENT.decode(line)
        except (ValueError, RecursionError) as error:
            if line.strip():
                fault = json_fault(error, line)
                yield Dropped(id=f"{name}:{number}", reason=fault, malformed=True)


def _metadata(path: Path, row: type[T]) -> Iterator[T]:
    """Yield the rows of a metadata file: JSON lines, or one array, which is read as a whole."""
    rows = (line for line in lines(path) if line.strip())
    first = next(rows, b"[]")
    try:
        items: Iterable[bytes | msgspec.Raw] = chain([first], rows)
        if first.lstrip().startswith(b"["):
            items = msgspec.json.decode(b"\n".join(items), type=list[msgspec.Raw])
        yield from map(msgspec.json.Decoder(row).decode, items)
    except (ValueError, RecursionError) as error:
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
