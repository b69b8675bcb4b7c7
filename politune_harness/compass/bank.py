"""Item banks: propositions, and how far agreeing with each moves along the axes.

A bank is a folder with `bank.yaml` (name, version, axes) and `items.csv` beside it. One invariant:
an item's weights are those of agreeing with its `statement`; agreeing with `reversed` moves the
other way. Banks of others come in the same form: axes, weights and what a missing answer counts.
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec

from politune_harness.errors import DataError, one_line
from politune_harness.yaml_text import parsed

T = TypeVar("T")

Missing: TypeAlias = Literal["skip", "neutral"]
"""What an unanswered item counts: nothing, as in Sapply, or 0, as in 8values."""

TEXTS = ("id", "topic", "issue", "statement", "reversed")
"""The columns of items.csv that are not weights; `reversed` may be left out or empty."""


class Axis(msgspec.Struct, frozen=True):
    """A dimension from -10, the low pole, to 10, the high pole."""

    name: str
    low: str
    high: str


class Item(msgspec.Struct, frozen=True):
    """A proposition, and the same issue stated the other way round."""

    id: str
    topic: str
    issue: str
    """What it is about, as a lead-in names it."""
    statement: str
    reversed: str
    """The opposite sentence; empty where a bank has none."""
    weights: Mapping[str, float]
    """By axis: which way, and how far, agreeing with `statement` moves; no axis is left out."""


class Bank(msgspec.Struct, frozen=True, dict=True):
    """Propositions on axes."""

    name: str
    version: int
    language: str
    reviewed: bool
    """Whether people have reviewed the wording, or the translation."""
    translation_of: str | None
    missing: Missing
    axes: tuple[Axis, ...]
    items: tuple[Item, ...]

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits that stand for the items, their weights and the axes."""
        canonical = json.dumps(msgspec.to_builtins((self.axes, self.items)), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """Name, version and hash, as every document carries them."""
        return f"{self.name}/{self.version}/{self.hash}"

    @cached_property
    def sizes(self) -> Mapping[str, float]:
        """By axis, the mean size of the weights on it: a weight over it says 1 for the average."""
        return {axis.name: _mean_size(axis.name, self.items) for axis in self.axes}


def _mean_size(axis: str, items: Iterable[Item]) -> float:
    sizes = [abs(item.weights[axis]) for item in items if item.weights[axis]]
    return sum(sizes) / len(sizes)


class _Poles(msgspec.Struct, forbid_unknown_fields=True):
    low: str
    high: str


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    """What bank.yaml holds."""

    name: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9_-]*\Z")]
    version: Annotated[int, msgspec.Meta(ge=1)]
    axes: Annotated[
        dict[Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9_-]*\Z")], _Poles],
        msgspec.Meta(min_length=1),
    ]
    language: str = "en"
    reviewed: bool = False
    translation_of: str | None = None
    missing: Missing = "skip"


def read_bank(path: Path) -> Bank:
    """Read a bank from its folder, or from its bank.yaml with items.csv beside it.

    Raises DataError, in one line, for what is not there or not as it should be.
    """
    file = path / "bank.yaml" if path.is_dir() else path
    try:
        manifest = checked(parsed(read_text(file)), _Manifest, file)
    except ValueError as error:
        message = f"{file} is not YAML: {one_line(error)}"
        raise DataError(message) from None
    axes = tuple(Axis(name, poles.low, poles.high) for name, poles in manifest.axes.items())
    table = file.with_name("items.csv")
    items = tuple(_items(table, [axis.name for axis in axes]))
    problem = _problem(items, axes, manifest.missing)
    if problem:
        message = f"{table}: {problem}"
        raise DataError(message)
    return Bank(
        name=manifest.name,
        version=manifest.version,
        language=manifest.language,
        reviewed=manifest.reviewed,
        translation_of=manifest.translation_of,
        missing=manifest.missing,
        axes=axes,
        items=items,
    )


def read_text(file: Path) -> str:
    """Return a file's text. Raises DataError where it is not there, or not UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read: {getattr(error, 'strerror', None) or one_line(error)}"
        raise DataError(message) from None


def checked(value: object, kind: type[T], where: Path) -> T:
    """Return a value as the type that it should have. Raises DataError, naming file and field."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = f"{where}: {error}"
        raise DataError(message) from None


def _items(table: Path, axes: list[str]) -> Iterable[Item]:
    reader = csv.DictReader(io.StringIO(read_text(table), newline=""), strict=True)
    try:
        columns = set(reader.fieldnames or ())
    except csv.Error as error:
        message = f"{table}, line 1: {error}"
        raise DataError(message) from None
    keyed = {"axis", "key"} <= columns
    wanted = [*TEXTS[:-1], *(("axis", "key") if keyed else axes)]
    lacking = [name for name in wanted if name not in columns]
    if lacking:
        message = f"{table} has no column {lacking[0]!r}; it needs {', '.join(wanted)}"
        raise DataError(message)
    try:
        for row in reader:
            where = f"{table}, line {reader.line_num}"
            if None in row or None in row.values():
                message = f"{where}: not as many fields as columns; quote texts with commas"
                raise DataError(message)
            texts = {name: (row.get(name) or "").strip() for name in TEXTS}
            blank = next((name for name in TEXTS[:-1] if not texts[name]), None)
            if blank:
                message = f"{where}: {blank} is empty"
                raise DataError(message)
            weights = (_keyed if keyed else _weighted)(row, axes, where)
            yield Item(**texts, weights=weights)
    except csv.Error as error:
        message = f"{table}, line {reader.line_num + 1}: {error}"
        raise DataError(message) from None


def _keyed(row: Mapping[str, str], axes: list[str], where: str) -> dict[str, float]:
    if row["axis"] not in axes:
        message = f"{where}: axis {row['axis']!r} is not in bank.yaml; known: {', '.join(axes)}"
        raise DataError(message)
    if row["key"] not in ("1", "-1"):
        message = f"{where}: key {row['key']!r} must be 1 or -1, the direction of agreeing"
        raise DataError(message)
    return {axis: float(row["key"]) * (axis == row["axis"]) for axis in axes}


def _weighted(row: Mapping[str, str], axes: list[str], where: str) -> dict[str, float]:
    for axis in axes:
        if not re.fullmatch(r"\s*([+-]?\d+(\.\d+)?)?\s*", row[axis]):
            message = f"{where}: weight {row[axis]!r} of {axis} is no number such as -1 or 0.5"
            raise DataError(message)
    return {axis: float(row[axis].strip() or 0) for axis in axes}


def _problem(items: tuple[Item, ...], axes: tuple[Axis, ...], missing: Missing) -> str | None:
    """Return what is wrong with a bank as a whole, if anything is."""
    for name, count in Counter(item.id for item in items).items():
        if count > 1:
            return f"id {name!r} stands there {count} times"
    for item in items:
        if not any(item.weights.values()):
            return f"item {item.id!r} has no weight on any axis"
    for axis in axes:
        sizes = {abs(item.weights[axis.name]) for item in items} - {0}
        if not sizes:
            return f"no item has a weight on axis {axis.name!r}"
        if missing == "skip" and len(sizes) > 1:
            return (
                f"weights on axis {axis.name!r} differ in size, so a mean over answered items is "
                "not on its scale; write `missing: neutral` in bank.yaml"
            )
    return None
