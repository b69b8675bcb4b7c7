"""Documents from Truth Social, in the format of Gerard et al. (2023), Zenodo 7522646.

`truths.tsv` is tab-separated with a header, and quotes mean nothing in it. A post with line breaks
takes several lines: it is put together again where its columns then come out right, and is
malformed otherwise. No author is kept, and `users.tsv`, which tells of authors only, is not read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from politune_tables import lines, require

from politune_harness import Document, Dropped, InputPath, Source, hookimpl
from politune_harness.records import JSON

COLUMNS = ("id", "is_retruth", "text")

COUNTS = ("like_count", "retruth_count", "reply_count")


class TruthSocial(Source):
    """Posts ("truths") that have a text of their own, without authors."""

    path: InputPath
    """The folder of `truths.tsv`, or such a file."""

    def load(self) -> Iterator[Document | Dropped]:
        path = self.path / "truths.tsv" if self.path.is_dir() else self.path
        rows = lines(path)
        header = next(rows, b"").decode(errors="replace").rstrip("\r").split("\t")
        require(path, COLUMNS, header)
        for number, fields in _records(rows, header):
            yield _document(f"{path.name}:{number}", header, fields)


def _records(rows: Iterable[bytes], header: Sequence[str]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield each post's line number and fields; a wrong number of them where it is broken.

    A line begins a post where it has an id, says whether it is a retruth, and comes as far as the
    text; any other line continues the post before it, as long as columns are missing there.
    """
    name, retruth, text = (header.index(column) for column in COLUMNS)
    post: list[bytes] = []
    start = 0
    for number, line in enumerate(rows, 2):
        fields = line.removesuffix(b"\r").split(b"\t")
        begins = len(fields) > text and fields[name].isdigit() and fields[retruth] in {b"t", b"f"}
        if not begins and 0 < len(post) < len(header):
            post[-1] += b"\n" + fields[0]
            post += fields[1:]
        elif any(fields):
            if post:
                yield start, post
            post, start = fields, number
    if post:
        yield start, post


def _document(place: str, header: Sequence[str], fields: Sequence[bytes]) -> Document | Dropped:
    """Return a post as a document, or why it is none."""
    if len(fields) != len(header):
        return Dropped(id=place, reason="broken line", malformed=True)
    try:
        post = {name: field.decode() for name, field in zip(header, fields, strict=True)}
    except UnicodeDecodeError:
        return Dropped(id=place, reason="invalid UTF-8", malformed=True)
    if not post["id"].isdigit() or post["is_retruth"] not in {"t", "f"}:
        return Dropped(id=place, reason="broken line", malformed=True)
    if post["is_retruth"] == "t" or not post["text"].strip():
        return Dropped(id=post["id"], reason="no text of its own")
    return Document(id=post["id"], text=post["text"], metadata=_metadata(post))


def _metadata(post: Mapping[str, str]) -> dict[str, JSON]:
    """Return when a post was written, what kind it is and its counts, where they are known."""
    known: dict[str, JSON] = {k: int(post[k]) for k in COUNTS if post.get(k, "").isdigit()}
    if post.get("timestamp", "") not in {"", "-1"}:
        known["timestamp"] = post["timestamp"]
    if post.get("is_reply") in {"t", "f"}:
        known["is_reply"] = post["is_reply"] == "t"
    return known


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"truth-social": TruthSocial}
