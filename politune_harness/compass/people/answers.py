"""Human answers to a bank: a table with a row a person and a column an item.

One invariant: messages name lines and columns, never what stands in a cell, since an id or an
opinion may be all that it takes to recognise somebody.
"""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from politune_harness.compass.bank import Bank, read_text
from politune_harness.compass.results import AGREEMENT, LIMIT
from politune_harness.errors import DataError
from politune_harness.registry import nearest
from politune_harness.statistics import Array

WORDS = ("Strongly disagree", "Disagree", "Agree", "Strongly agree")
"""The options that any bank's answers may be written in, beside the bank's own."""

REVERSED = "~r"
"""Ends the name of a column that holds the answers to an item's reversed statement."""

GROUPS = ("party", "language")
"""Columns that put persons into groups; `--group` names more."""

PLACEMENT = "self"
"""Left-right self-placement; `self_AXIS` is that on an axis."""


class Answers(msgspec.Struct, frozen=True):
    """What persons answered; row i of everything is the same person."""

    agreement: Array
    """(persons, items in the bank's order), agreement with `statement` in [-1, 1], NaN missing.

    Where somebody answered a statement and its reversal, the mean of the two.
    """
    placements: Mapping[str, Array]
    """By column: (persons,), the higher the closer to the high pole; NaN is missing."""
    groups: Mapping[str, Sequence[str]]
    """By column: each person's group; empty is missing."""

    @property
    def persons(self) -> int:
        """How many there are."""
        return len(self.agreement)


def read_answers(
    file: Path, bank: Bank, options: Sequence[str] = WORDS, groups: Sequence[str] = ()
) -> Answers:
    """Read a CSV file of answers to `bank`.

    `options` are the words for 0 to 3, beside the English ones; `groups` are further columns that
    hold groups. Every column must be known, and `id` must be there and differ from line to line.
    Raises DataError, in one line, for what is not as it should be.
    """
    reader = csv.DictReader(read_text(file).splitlines(), strict=True)
    try:
        header = reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        _check_columns(file, header, bank, groups)
        rows = list(_rows(file, reader))
    except csv.Error as error:
        message = f"{file}, after line {reader.line_num}: {error}"
        raise DataError(message) from None
    lines = [line for line, _ in rows]
    cells = {name: [row[name].strip() for _, row in rows] for name in header}
    _check_ids(file, cells["id"], lines)

    def numbers(name: str, read: Callable[[str], float], kind: str) -> Array:
        return np.array(list(_numbers(file, name, cells[name], lines, read, kind)))

    words = {word.casefold(): n for n, word in (*enumerate(WORDS), *enumerate(options))}
    known = words | {str(n): n for n in range(len(AGREEMENT))}
    kind = f"an answer: 0 to 3, {', '.join(options)}, or empty"
    given = {
        name: numbers(name, lambda text: AGREEMENT[known[text.casefold()]], kind)
        for name in header
        if name.removesuffix(REVERSED) in {item.id for item in bank.items}
    }
    return Answers(
        agreement=np.column_stack([_agreement(item.id, given) for item in bank.items]),
        placements={
            name: numbers(name, _finite, "a number, or empty")
            for name in header
            if name in _placements(bank)
        },
        groups={name: cells[name] for name in header if name in {*GROUPS, *groups}},
    )


def _placements(bank: Bank) -> list[str]:
    return [PLACEMENT, *(f"{PLACEMENT}_{axis.name}" for axis in bank.axes)]


def _check_columns(file: Path, header: list[str], bank: Bank, groups: Sequence[str]) -> None:
    items = [item.id for item in bank.items]
    turned = [item.id + REVERSED for item in bank.items if item.reversed]
    known = ["id", *items, *turned, *GROUPS, *_placements(bank), *groups]
    wrong = next((name for name in header if name not in known), None)
    twice = next((name for name in header if header.count(name) > 1), None)
    lacking = [name for name in ("id", *groups) if name not in header]
    lacking += [i for i in items if not {i, i + REVERSED} & set(header)]
    if twice is not None:
        problem = f"column {twice!r} stands there twice"
    elif wrong is not None:
        problem = (
            f"column {wrong!r} is neither an item of {bank.name} nor known; "
            f"{nearest(wrong, known)} (--group NAME reads a column as groups)"
        )
    elif lacking:
        problem = f"column {lacking[0]!r} is missing"
        problem += f", and {len(lacking) - 1} more" * (len(lacking) > 1)
    else:
        return
    message = f"{file}: {problem}"
    raise DataError(message)


def _rows(file: Path, reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        if None in row or None in row.values():
            message = f"{file}, line {reader.line_num}: not as many fields as columns"
            raise DataError(message)
        yield reader.line_num, row


def _check_ids(file: Path, ids: Sequence[str], lines: list[int]) -> None:
    seen: dict[str, int] = {}
    for line, name in zip(lines, ids, strict=True):
        if not name or name in seen:
            problem = f"the id of line {seen[name]} again" if name else "id is empty"
            message = f"{file}, line {line}: {problem}; every person needs one of their own"
            raise DataError(message)
        seen[name] = line


def _numbers(
    file: Path,
    name: str,
    cells: Sequence[str],
    lines: list[int],
    read: Callable[[str], float],
    kind: str,
) -> Iterator[float]:
    for line, cell in zip(lines, cells, strict=True):
        try:
            yield read(cell) if cell else math.nan
        except (KeyError, ValueError):
            message = f"{file}, line {line}, column {name}: not {kind}"
            raise DataError(message) from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _agreement(item: str, given: Mapping[str, Array]) -> Array:
    """Return agreement with an item's statement: as answered, minus that with its reversal."""
    signs = {item: 1, item + REVERSED: -1}
    sides = np.array([sign * given[name] for name, sign in signs.items() if name in given])
    answered = (~np.isnan(sides)).sum(0)
    total = np.nansum(sides, axis=0)
    mean: Array = np.divide(total, answered, out=np.full(len(total), np.nan), where=answered > 0)
    return mean


def weighted(bank: Bank, axis: str, agreement: Array) -> tuple[Array, list[int]]:
    """Return agreement times weight of the items on an axis, (persons, p), and which they are."""
    on = [i for i, item in enumerate(bank.items) if item.weights[axis]]
    return agreement[:, on] * [bank.items[i].weights[axis] for i in on], on


def positions(bank: Bank, axis: str, agreement: Array, kept: Sequence[int] | None = None) -> Array:
    """Return persons' positions in [-10, 10] as the bank scores them, over the items `kept`.

    NaN for who answered none of them. Shape (persons,).
    """
    on = list(range(len(bank.items)) if kept is None else kept)
    weights = np.array([bank.items[i].weights[axis] for i in on])
    given = agreement[:, on]
    answered = ~np.isnan(given) & (weights != 0)
    total = np.where(answered, given * weights, 0).sum(1)
    counted = answered if bank.missing == "skip" else np.ones_like(answered)
    size = (counted * np.abs(weights)).sum(1)
    found = np.full(len(given), np.nan)
    np.divide(LIMIT * total, size, out=found, where=answered.any(1))
    return found
