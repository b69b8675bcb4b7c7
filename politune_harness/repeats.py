"""Answers that repeat what a model was trained on, so that no training text leaves among them.

The invariant: an answer that shares `RUN` words in a row with a text that the run read or trained
on, or holds the whole of a shorter one, is found, whatever the case and punctuation.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.artifacts import Artifact
from politune_harness.overlap import LEAST, Gram, grams, words

RUN = 8
"""The words in a row that make a repetition, as in `overlap`."""
READ = "[1-3]-*"
"""The stages of a run whose rows are texts from its sources, or made of them."""


def repeated(answers: Collection[str], texts: Iterable[str]) -> set[str]:
    """Return the answers that repeat one of the texts.

    Memory grows with the answers and with the texts under `RUN` words, whatever the others are.

    >>> post = "We should never again pay for a road that nobody uses."
    >>> repeated(["They say: we should never again pay for a road.", "No road."], [post])
    {'They say: we should never again pay for a road.'}
    >>> repeated(["Well, lower the taxes NOW!", "Lower them."], ["Lower the taxes now"])
    {'Well, lower the taxes NOW!'}
    """
    said = {answer: words(answer) for answer in answers}
    looked_for = {gram for each in said.values() for gram in grams(each, RUN)}
    held: set[Gram] = set()
    for each in map(words, texts):
        if len(each) >= RUN:
            held |= looked_for.intersection(grams(each, RUN))
        elif len(each) >= LEAST:
            held.add(tuple(each))
    lengths = {len(gram) for gram in held}
    return {
        answer
        for answer, each in said.items()
        if any(gram in held for n in lengths for gram in grams(each, n))
    }


def texts(run: Path) -> Iterator[str]:
    """Yield every text that a run read, or trained on."""
    for rows in _rows(run):
        with rows.open("rb") as lines:
            for row in map(msgspec.json.Decoder(dict[str, Any]).decode, lines):
                yield from (row[name] for name in TEXTS if isinstance(row.get(name), str))


TEXTS = ("text", "prompt", "chosen", "rejected")


def gone(run: Path) -> list[str]:
    """Return the stages whose texts are not there any more."""
    return [rows.parent.relative_to(run).as_posix() for rows in _listed(run) if not rows.is_file()]


def _rows(run: Path) -> Iterator[Path]:
    return (rows for rows in _listed(run) if rows.is_file())


def _listed(run: Path) -> Iterator[Path]:
    """Yield the rows that manifests vouch for."""
    for path in sorted(each for top in run.glob(READ) for each in top.rglob("manifest.json")):
        manifest = Artifact(path.parent).manifest
        if manifest is not None and "rows.jsonl" in manifest.files:
            yield path.parent / "rows.jsonl"
