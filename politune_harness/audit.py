"""Put annotators beside people: the same texts, the labels of each, and how far they agree.

A study is a YAML file:

    labels: {ann: ann.jsonl, ben: ben.jsonl}      # lines of {"id": …, "label": …}
    source: {use: politosphere, path: comments_2019-10.bz2}
    annotators:
      llm: {read: label.label, filter: {use: label, generator: …, question: …, labels: …}}
    classes: {support: [Support Gun Polarized, support], against: [Anti Gun Polarized, against]}

Where `classes` are given, every label is put into the one that lists it, in any case; a label that
none lists counts as missing. A text without a label is missing too, and nothing is filled in.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from politune_harness.components import Filter, Source
from politune_harness.errors import DataError, RecipeError
from politune_harness.panel.classes import Agreed, agreed
from politune_harness.recipe import Use
from politune_harness.records import Document, Dropped, Record, at
from politune_harness.registry import Registry, explain
from politune_harness.yaml_text import parsed

KEPT = "kept"
"""The label of a document that a filter without one of its own lets through."""


class Annotator(BaseModel):
    """A filter, and where in a document's metadata its label stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: Use
    read: str | None = None
    """Such as `label.label` or `stance.topic`; by default the label is `kept`, or the reason for
    which a document was dropped."""
    cuts: dict[str, tuple[float, float]] = {}
    """Where `read` is a number: each label with the lowest and the highest value that it takes in,
    the first that fits."""


class Study(BaseModel):
    """What is put beside what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: dict[str, Path] = Field(min_length=1)
    """Files of labels by reader, people or models."""
    source: Use | None = None
    """Where the texts come from that annotators are to read."""
    annotators: dict[str, Annotator] = {}
    """Filters by name."""
    classes: dict[str, tuple[str, ...]] = {}
    """Labels that mean the same, by the name of their class."""


class _Labelled(msgspec.Struct):
    id: str
    label: str


class Compared(msgspec.Struct, frozen=True):
    """Two readers, and how far they agree."""

    a: str
    b: str
    agreed: Agreed


def load(path: Path) -> Study:
    """Read a study. Raises RecipeError, in one line, where it is none."""
    try:
        return Study.model_validate(parsed(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        message = f"{path.name}: {explain(error, '', Study.model_fields)}"
        raise RecipeError(message) from None
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {' '.join(str(error).split())}"
        raise RecipeError(message) from None


def compare(study: Study, folder: Path, registry: Registry) -> list[Compared]:
    """Return every two readers of a study, on the texts that anybody labelled.

    `folder` is where relative paths start. Raises DataError for a file of labels that is none.
    """
    given = {name: dict(_labels(folder / path)) for name, path in study.labels.items()}
    for name, annotator in study.annotators.items():
        given[name] = dict(_annotated(study, name, annotator, folder, registry))
    people = [given[name] for name in study.labels]
    ids = sorted({id_ for each in people for id_ in each})
    classes = {label.casefold(): c for c, labels in study.classes.items() for label in labels}
    columns = {name: [_class(each.get(i), classes) for i in ids] for name, each in given.items()}
    return [Compared(a, b, agreed(columns[a], columns[b])) for a, b in combinations(columns, 2)]


def _labels(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = path.read_bytes().splitlines()
        rows = [msgspec.json.decode(line, type=_Labelled) for line in lines if line.strip()]
    except (OSError, msgspec.DecodeError) as error:
        message = f'{path}: no lines of {{"id": …, "label": …}}: {error}'
        raise DataError(message) from error
    return ((row.id, row.label) for row in rows)


def _annotated(
    study: Study, name: str, annotator: Annotator, folder: Path, registry: Registry
) -> Iterator[tuple[str, str]]:
    """Yield the labels that an annotator gives the texts of the study."""
    if study.source is None:
        message = f"annotators.{name}: the study has no `source`, where the texts come from"
        raise RecipeError(message)
    use = annotator.filter
    where = f"annotators.{name}.filter"
    built = registry.build(Filter, use.use, use.fields, folder=folder, where=where)
    source = registry.build(
        Source, study.source.use, study.source.fields, folder=folder, where="source"
    )
    texts = (row for row in source.load() if isinstance(row, Document))
    for row in built.apply(texts):
        label = _label(row, annotator)
        if label is not None:
            yield row.id, label


def _label(row: Record, annotator: Annotator) -> str | None:
    if annotator.read is None:
        return row.reason if isinstance(row, Dropped) else KEPT
    value = at(row.metadata, annotator.read) if isinstance(row, Document) else None
    if isinstance(value, int | float):
        cuts = annotator.cuts.items()
        return next((name for name, (low, high) in cuts if low <= value <= high), str(value))
    return None if value is None else str(value)


def _class(label: str | None, classes: Mapping[str, str]) -> str | None:
    """Return a label's class; without classes, each label in small letters is one."""
    if label is None:
        return None
    return classes.get(label.casefold()) if classes else label.casefold()


def encode(found: Sequence[Compared]) -> bytes:
    """Return comparisons as JSON; a confusion is a list of both labels and their number."""
    plain = [
        {
            "a": each.a,
            "b": each.b,
            **each.agreed._asdict(),
            "confusion": [[*pair, n] for pair, n in each.agreed.confusion.items()],
        }
        for each in found
    ]
    return msgspec.json.format(msgspec.json.encode(plain)) + b"\n"


def table(found: Sequence[Compared]) -> str:
    """Return comparisons for a terminal: each pair of readers, then how they confuse classes."""
    parts = []
    for each in found:
        n, missing, share, kappa, confusion = each.agreed
        known = [f"kappa {kappa:.2f}" if kappa is not None else "kappa unknown"]
        known += [f"agreement {share:.0%}"] if share is not None else []
        head = f"{each.a} and {each.b}: {', '.join(known)}, n = {n}, missing {missing}"
        columns = sorted({b for _, b in confusion})
        lines = [
            [row, *(str(confusion.get((row, column), 0)) for column in columns)]
            for row in sorted({a for a, _ in confusion})
        ]
        lines.insert(0, ["", *columns])
        parts.append("\n".join([head, *_aligned(lines)]))
    return "\n\n".join(parts)


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
        if len(line) > 1
    ]
