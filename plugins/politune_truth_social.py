"""Documents from Truth Social, in the format of Gerard et al. (2023), Zenodo 7522646.

`truths.tsv` is tab-separated with a header, and quotes mean nothing in it. A post with line breaks
takes several lines: it is put together again where its columns then come out right. Otherwise each
of its lines is malformed, so that their count is that of the lines that could not be saved.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from politune_tables import require
from pydantic import model_validator

from politune_harness import Document, Dropped, InputPath, Source, hookimpl
from politune_harness.files import lines
from politune_harness.privacy import REMOVED, KeptAuthor, refuse_identifying
from politune_harness.records import JSON

COLUMNS = ("id", "is_retruth", "text")

COUNTS = ("like_count", "retruth_count", "reply_count")

MISSING = {"", "-1"}

NUMBER = re.compile(r"[0-9]{1,18}")
"""A count: longer digits are none, and cannot always be read."""

About = Callable[[str], dict[str, JSON]]
"""What is kept of an author, by the id that posts have."""


class TruthSocial(Source):
    """Posts ("truths") that have a text of their own: no retruths, and no authors."""

    terms: str = "as Zenodo record 7522646 and Truth Social's terms have it; personal data"
    """Terms of use beside the licence, for the manifest."""
    path: InputPath
    """The folder of `truths.tsv` and `users.tsv`, or a file like the first."""
    user_columns: tuple[str, ...] = ()
    """Columns of `users.tsv` to keep with each post, such as `follower_count`; those that lead to
    a person are refused. They are held in memory meanwhile."""
    author: KeptAuthor | None = None
    """Keep a keyed hash of the author as `author_hash`; say why. By default no author is kept."""

    @model_validator(mode="after")
    def _no_people(self) -> Self:
        refuse_identifying(self.user_columns)
        return self

    def load(self) -> Iterator[Document | Dropped]:
        path = self.path / "truths.tsv" if self.path.is_dir() else self.path
        users: dict[str, dict[str, JSON]] = {}
        if self.user_columns:
            yield from _read_users(path.with_name("users.tsv"), self.user_columns, users)
        needs_author = [*(["author"] if self.user_columns or self.author else [])]
        hashed = self.author.hasher() if self.author else None

        def about(author: str) -> dict[str, JSON]:
            kept = users.get(author, {})
            known = hashed is not None and author not in MISSING
            return {**kept, "author_hash": hashed(author)} if hashed and known else kept

        for post in _posts(path, [*COLUMNS, *needs_author]):
            if isinstance(post, Dropped):
                yield post
            else:
                yield _document(post, about(post.fields.get("author", "")))


@dataclass(frozen=True)
class Post:
    """One post's columns, from as many lines as it took."""

    fields: Mapping[str, str]
    lines: int


def _posts(path: Path, needed: Sequence[str]) -> Iterator[Post | Dropped]:
    """Yield the posts of a file, and each line that belongs to none."""
    rows = lines(path)
    header = next(rows, b"").decode(errors="replace").rstrip("\r").split("\t")
    require(path, needed, header)
    for numbers, fields in _records(rows, header):
        fault = "broken line" if len(fields) != len(header) else ""
        try:
            post = dict(zip(header, [f.decode() for f in fields], strict=False))
        except UnicodeDecodeError:
            fault = fault or "invalid UTF-8"
        if not fault and not (post["id"].isdigit() and post["is_retruth"] in {"t", "f"}):
            fault = "broken line"
        if fault:
            for number in numbers:
                yield Dropped(id=f"{path.name}:{number}", reason=fault, malformed=True)
        else:
            yield Post(post, len(numbers))


def _records(
    rows: Iterable[bytes], header: Sequence[str]
) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
    """Yield each post's line numbers and fields; a wrong number of those where it is broken.

    A line begins a post where it has an id, says whether it is a retruth, and comes as far as the
    text; any other line continues the post before it, as long as columns are missing there.
    """
    name, retruth, text = (header.index(column) for column in COLUMNS)
    post: list[bytes] = []
    numbers: list[int] = []
    for number, line in enumerate(rows, 2):
        fields = line.removesuffix(b"\r").split(b"\t")
        begins = len(fields) > text and fields[name].isdigit() and fields[retruth] in {b"t", b"f"}
        if not begins and 0 < len(post) < len(header):
            post[-1] += b"\n" + fields[0]
            post += fields[1:]
            numbers.append(number)
        elif any(fields):
            if post:
                yield numbers, post
            post, numbers = fields, [number]
    if post:
        yield numbers, post


def _document(post: Post, about: Mapping[str, JSON]) -> Document | Dropped:
    """Return a post as a document, or why it is none."""
    text, id_ = post.fields["text"], post.fields["id"]
    if post.fields["is_retruth"] == "t":
        return Dropped(id=id_, reason="retruth")
    if not text.strip():
        return Dropped(id=id_, reason="no text of its own")
    if text in REMOVED:
        return Dropped(id=id_, reason="deleted or removed")
    if "\0" in text:
        return Dropped(id=id_, reason="NUL in text", malformed=True)
    metadata = {"platform": "truth-social", **_known(post.fields), **about}
    if post.lines > 1:
        metadata["lines"] = post.lines
    return Document(id=id_, text=text, metadata=metadata)


def _known(post: Mapping[str, str]) -> dict[str, JSON]:
    """Return when a post was written, what kind it is and its counts, where they are known."""
    known: dict[str, JSON] = {k: int(post[k]) for k in COUNTS if NUMBER.fullmatch(post.get(k, ""))}
    if post.get("timestamp", "") not in MISSING:
        known["timestamp"] = post["timestamp"]
    if post.get("is_reply") in {"t", "f"}:
        known["is_reply"] = post["is_reply"] == "t"
    return known


def _read_users(
    path: Path, columns: Sequence[str], users: dict[str, dict[str, JSON]]
) -> Iterator[Dropped]:
    """Put the `columns` that are known of each user into `users`; yield the lines that are broken.

    Raises DataError where there is no such file or column.
    """
    rows = lines(path)
    header = next(rows, b"").decode(errors="replace").rstrip("\r").split("\t")
    require(path, ["id", *columns], header)
    for number, line in enumerate(rows, 2):
        fields = line.decode(errors="replace").removesuffix("\r").split("\t")
        if len(fields) != len(header):
            yield Dropped(
                id=f"{path.name}:{number}", reason="broken line of users.tsv", malformed=True
            )
            continue
        user = dict(zip(header, fields, strict=True))
        users[user["id"]] = {
            c: int(user[c]) if NUMBER.fullmatch(user[c]) else user[c]
            for c in columns
            if user[c] not in MISSING
        }


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"truth-social": TruthSocial}
