"""Files about the official 62: a user's propositions, and answers that anyone collected.

Both are checked before they are used, and an error names the line. The propositions belong to the
site: they are read from the user's file, and only their hash goes into results.
"""

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

from politune_harness.compass.bank import read_text
from politune_harness.compass.mentions import DEFAULT
from politune_harness.compass.official import items
from politune_harness.errors import DataError, one_line

COUNT = 62
FORMER = {"plantresources": {"plant", "resources"}}
"""Items whose text the site has replaced, with words that only the former text has."""

TEXT_COLUMNS = ("proposition", "statement", "text", "pct_prompt", "prompt", "question")
ID_COLUMNS = ("id", "pct_id", "slug", "item", "position", "number")
UNANSWERED = {"", "null", "none", "nan", "na", "n/a"}


class Propositions(msgspec.Struct, frozen=True):
    """The text of the official items, in their order."""

    texts: tuple[str, ...]
    hash: str
    """Twelve hexadecimal digits that stand for the text."""
    former: tuple[str, ...]
    """Items that have a text which the site has replaced."""
    recognised: int
    """How many are word for word the site's; of the others only ids can show the order."""


class Answers(msgspec.Struct, frozen=True):
    """What one responder answered."""

    id: str | int | float
    answers: tuple[int | None, ...]


def read_propositions(path: Path) -> Propositions:
    """Read the 62 propositions: a CSV with a header, or one a line.

    A CSV has its text in a column such as `proposition`, and may name items in one such as `id`;
    a line may begin with its number. Raises DataError, in one line, where there are not 62, or
    where an id, or a text that is known, is not in the site's order.
    """
    text = read_text(path)
    rows = list(_table(text, path) or _lines(text))
    if len(rows) != COUNT:
        message = f"{path} has {len(rows)} propositions, not {COUNT}"
        raise DataError(message)
    for place, (where, name, proposition) in enumerate(rows):
        named = by_name().get(name.casefold()) if name else place
        known = _by_text().get(fingerprint(proposition), place)
        if {named, known} != {place}:
            message = f"{path}, {where}: {name or 'this text'} is not item {place + 1} "
            message += f"({items()[place].id}); items must stand in the site's order"
            raise DataError(message)
    return _propositions(tuple(proposition for _, _, proposition in rows))


def _propositions(texts: tuple[str, ...]) -> Propositions:
    words = [set(re.findall(r"\w+", text.casefold())) for text in texts]
    former = [
        item.id
        for item, has in zip(items(), words, strict=True)
        if item.id in FORMER and FORMER[item.id] <= has
    ]
    return Propositions(
        texts=texts,
        hash=hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12],
        former=tuple(former),
        recognised=sum(fingerprint(text) in _by_text() for text in texts),
    )


def fingerprint(text: str) -> str:
    """Return twelve digits for a text, whatever its case, quotation marks, spaces and stops."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return hashlib.sha256("".join(re.findall(r"[a-z0-9]+", plain)).encode()).hexdigest()[:12]


@cache
def by_name() -> Mapping[str, int]:
    """Return the place of an item by every name it has: its slug, 1 to 62, and pc-01 to pc-62."""
    names: dict[str, int] = {}
    for place, item in enumerate(items()):
        number = place + 1
        forms = (item.id, f"{number}", f"{number:02}", f"pc-{number}", f"pc-{number:02}")
        names |= dict.fromkeys(forms, place)
    return names


@cache
def _by_text() -> Mapping[str, int]:
    return {item.text: place for place, item in enumerate(items())}


Row = tuple[str, str, str]
"""Where a proposition stands, what it is called there (or nothing), and its text."""


def _table(text: str, path: Path) -> list[Row]:
    """Return the rows of a CSV with a header that names the text, or nothing."""
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        columns = {(name or "").strip().casefold(): name for name in reader.fieldnames or ()}
        shown = next((columns[name] for name in TEXT_COLUMNS if name in columns), None)
        named = next((columns[name] for name in ID_COLUMNS if name in columns), None)
        if shown is None:
            return []
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        message = f"{path}, line {reader.line_num}: {one_line(error)}"
        raise DataError(message) from None
    cells = [(line, row.get(named) if named else "", row[shown]) for line, row in rows]
    return [(f"line {n}", (name or "").strip(), _spaced(text or "")) for n, name, text in cells]


def _lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        found = re.fullmatch(r"\s*(?:(\d{1,2})[.):]\s+)?(.*?)\s*", line)
        if found and found[2]:
            yield f"line {number}", found[1] or "", _spaced(found[2].strip('"'))


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _delimiter(text: str) -> str:
    """Return what parts the columns: whichever of comma, semicolon and tab the header has most."""
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def read_answers(path: Path) -> list[Answers]:
    """Read answers: a CSV with a column `id` and one an item, or JSON lines with `id`, `answers`.

    Columns are called by slug, 1 to 62 or pc-01 to pc-62, in any order; others are passed over. A
    value is 0 to 3, an option's words in any case, or null or nothing. Raises DataError, in one
    line, naming line, column and value.
    """
    text = read_text(path)
    read = _json_answers if text.lstrip().startswith("{") else _csv_answers
    rows = list(read(text, path))
    if not rows:
        message = f"{path} holds no answers"
        raise DataError(message)
    return rows


def _json_answers(text: str, path: Path) -> Iterator[Answers]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = msgspec.json.decode(line, type=_JsonRow)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            message = f'{where}: {one_line(error)}; a line is {{"id": …, "answers": [62 values]}}'
            raise DataError(message) from None
        if len(row.answers) != COUNT:
            message = f"{where}: {len(row.answers)} answers, not {COUNT}"
            raise DataError(message)
        yield Answers(row.id, tuple(_answers(row.answers, range(1, COUNT + 1), where)))


class _JsonRow(msgspec.Struct):
    id: str | int | float
    answers: list[str | int | float | bool | None]


def _csv_answers(text: str, path: Path) -> Iterator[Answers]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        id_, columns = _columns(reader.fieldnames or (), path)
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or None in row.values():
                message = f"{where}: not as many fields as the header has columns"
                raise DataError(message)
            values = [row[column] for column in columns]
            yield Answers(row[id_].strip(), tuple(_answers(values, columns, where)))
    except csv.Error as error:
        message = f"{path}, line {reader.line_num}: {one_line(error)}"
        raise DataError(message) from None


def _columns(names: Iterable[str], path: Path) -> tuple[str, list[str]]:
    """Return the column of ids, and those of the items in their order."""
    found: dict[int | None, str] = {}
    for name in names:
        plain = name.strip().casefold()
        place = by_name().get(plain)
        if place is None and plain != "id":
            continue
        if place in found:
            message = f"{path}: columns {found[place]!r} and {name!r} are the same item"
            raise DataError(message)
        found[place] = name
    lacking = next((place for place in (None, *range(COUNT)) if place not in found), ...)
    if lacking is not ...:
        wanted = "id" if lacking is None else f"{items()[lacking].id} (or {lacking + 1})"
        message = f"{path} has no column {wanted}; it needs `id` and one for each of 62 items"
        raise DataError(message)
    return found[None], [found[place] for place in range(COUNT)]


def _answers(
    values: Sequence[str | float | bool | None], columns: Iterable[object], where: str
) -> Iterator[int | None]:
    for value, column in zip(values, columns, strict=True):
        try:
            yield read_answer(value)
        except ValueError:
            message = f"{where}, column {column}: {value!r} is no answer; use 0 to 3, "
            message += f"{', '.join(DEFAULT.options)}, or nothing"
            raise DataError(message) from None


def read_answer(value: str | float | bool | None) -> int | None:  # noqa: FBT001
    """Return an answer from a cell: 0 to 3, None for what is not answered.

    A whole number may be written as a float, as tables with gaps are. Raises ValueError.

    >>> [read_answer(value) for value in (3, "2.0", "Strongly_Agree", " disagree ", "", "NaN")]
    [3, 2, 3, 1, None, None]
    """
    text = "" if value is None else str(value).strip().casefold()
    words = " ".join(re.split(r"[\s_-]+", text))
    options = [option.casefold() for option in DEFAULT.options]
    if text in UNANSWERED:
        return None
    if words in options:
        return options.index(words)
    if not re.fullmatch(r"[0-3](\.0*)?", text):
        raise ValueError(value)
    return int(text[0])
