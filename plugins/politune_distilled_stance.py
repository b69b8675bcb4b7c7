"""A filter that learns from a slow one: an encoder is tuned on what a language model kept.

A few thousand documents go to the teacher, which is any filter. Some of its verdicts train the
encoder, some set its threshold, and the rest say how far the two agree, before the encoder is put
to a single document that the teacher has not seen. After the PoliTune paper's first experiment.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from politune_asking import UNPARSED, batches
from politune_encoder import Encoder, Share, Tuning
from politune_pairs import draw
from pydantic import Field, NonNegativeInt, PositiveInt

from politune_harness import DataError, Document, Dropped, Filter, ModelName, Note, hookimpl
from politune_harness.disk import replayed

if TYPE_CHECKING:
    from politune_harness.statistics import Array

ENOUGH = 10
"""Held-out documents that a threshold must keep: of fewer, all may be right by chance."""


class Verdict(NamedTuple):
    """What the teacher said of a document."""

    text: str
    kept: bool


class DistilledStance(Filter):
    """Keep documents that an encoder, taught by another filter, expects that filter to keep.

    Documents that the teacher saw keep its own verdict; those whose reply it could not read teach
    nothing. A note says on held-out documents how far the encoder agrees with the teacher.
    """

    scope = "whole_stream"

    teacher: Filter
    """Who is learned from: `stance` or `label` with bounds, or any other filter."""
    model: ModelName
    """The encoder that learns, such as `answerdotai/ModernBERT-base`, or a folder."""
    labelled: PositiveInt = 3000
    """How many documents the teacher sees, drawn by a hash of their ids."""
    held_out: float = Field(default=0.4, gt=0, lt=1)
    """The share of those that do not train: half sets the threshold, half measures agreement."""
    threshold: Share = 0.5
    """The least probability that is kept, where `precision` is not given."""
    precision: Share | None = None
    """The share of kept documents that the teacher would have kept, to be reached by a threshold
    set on held-out documents."""
    least_kappa: float = Field(default=0.4, ge=-1, le=1)
    """The least agreement (Cohen's kappa) with which the encoder is used at all."""
    tuning: Tuning = Tuning()
    """How it is tuned: `epochs`, `learning_rate`, `batch_size`, and the `rank` of LoRA."""
    max_tokens: PositiveInt = 256
    """Where a text is cut."""
    seed: NonNegativeInt = 0
    """Seed of the draws, the order of training, and what is random in the model."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped | Note]:
        with replayed(documents, Document) as again:
            seen = self._taught(list(self._drawn(again())))
            train, tune, test = self._split(seen)
            encoder = Encoder(self.model, max_tokens=self.max_tokens, classes=2, seed=self.seed)
            kept = [int(verdict.kept) for verdict in train]
            encoder.tuned([verdict.text for verdict in train], kept, self.tuning, self.seed)
            threshold = self._threshold(tune, _expected(encoder, tune))
            chosen = (_expected(encoder, test) >= threshold).tolist()
            note, kappa = self._agreement(test, chosen, threshold)
            yield note
            if kappa is None or kappa < self.least_kappa:
                message = f"distilled-stance: below `least_kappa: {self.least_kappa}`: {note.text}"
                raise DataError(message)
            for batch in batches(again()):
                yield from self._judged(batch, encoder, threshold, seen)

    def _drawn(self, documents: Iterable[Document]) -> Iterator[Document]:
        ranked = ((draw(self.seed, "teach", d.id), d.id, d) for d in documents)
        return (d for *_, d in heapq.nsmallest(self.labelled, ranked))

    def _taught(self, drawn: Sequence[Document]) -> dict[str, tuple[Document, Document | Dropped]]:
        rows = (row for row in self.teacher.apply(drawn) if not isinstance(row, Note))
        return {d.id: (d, row) for d, row in zip(drawn, rows, strict=True)}

    def _split(
        self, seen: Mapping[str, tuple[Document, Document | Dropped]]
    ) -> tuple[list[Verdict], list[Verdict], list[Verdict]]:
        """Return the verdicts that train, that set the threshold, and that measure agreement."""
        verdicts = [
            Verdict(document.text, isinstance(row, Document))
            for document, row in seen.values()
            if not (isinstance(row, Dropped) and row.reason == UNPARSED)
        ]
        aside = round(self.held_out * len(verdicts) / 2)
        parts = verdicts[2 * aside :], verdicts[:aside], verdicts[aside : 2 * aside]
        if any({verdict.kept for verdict in part} != {True, False} for part in parts):
            kept = sum(verdict.kept for verdict in verdicts)
            message = (
                f"distilled-stance: the teacher kept {kept} of {len(verdicts)} documents that it "
                f"could read, of {len(seen)}: too few of either kind to learn from and to test on"
            )
            raise DataError(message)
        return parts

    def _threshold(self, verdicts: Sequence[Verdict], expected: "Array") -> float:
        """Return the least probability from which on the wanted share is right."""
        if self.precision is None:
            return self.threshold
        import numpy as np

        right = np.array([verdict.kept for verdict in verdicts])
        for least in np.unique(expected):
            chosen = right[expected >= least]
            if len(chosen) >= ENOUGH and chosen.mean() >= self.precision:
                return float(least)
        message = (
            f"distilled-stance: no threshold reaches `precision: {self.precision}` on "
            f"{len(verdicts)} held-out documents; lower it, or let the teacher label more"
        )
        raise DataError(message)

    def _agreement(
        self, verdicts: Sequence[Verdict], chosen: Sequence[bool], threshold: float
    ) -> tuple[Note, float | None]:
        from politune_harness.panel.classes import agreed

        words = {True: "kept", False: "dropped"}
        theirs = [words[verdict.kept] for verdict in verdicts]
        found = agreed(theirs, [words[each] for each in chosen])
        counts = {f"{a}, {b}": n for (a, b), n in found.confusion.items()}
        right = found.confusion.get(("kept", "kept"), 0)
        among, all_ = sum(chosen), theirs.count("kept")
        shares = {"precision": right / among if among else None, "recall": right / all_}
        said = ", ".join(
            f"{name} {value:.2f}" if value is not None else f"{name} unknown"
            for name, value in {"kappa": found.kappa, "agreement": found.share, **shares}.items()
        )
        text = f"on {found.n} held-out documents the encoder agrees with its teacher: {said}"
        note = Note(
            id="agreement",
            text=f"{text} (from probability {threshold:.3f} on)",
            values={
                "n": found.n,
                "kappa": found.kappa,
                "agreement": found.share,
                **shares,
                "threshold": threshold,
                "teacher, encoder": {**counts},
            },
        )
        return note, found.kappa

    def _judged(
        self,
        batch: Sequence[Document],
        encoder: Encoder,
        threshold: float,
        seen: Mapping[str, tuple[Document, Document | Dropped]],
    ) -> Iterator[Document | Dropped]:
        rest = [document for document in batch if document.id not in seen]
        rates = iter(encoder.probabilities([document.text for document in rest])[:, 1].tolist())
        for document in batch:
            if document.id in seen:
                yield seen[document.id][1]
                continue
            rate = round(next(rates), 6)
            said = {"probability": rate, "threshold": threshold, "model": self.model}
            noted = {**document.metadata, "distilled": said}
            kept = rate >= threshold
            whole = msgspec.structs.replace(document, metadata=noted)
            yield whole if kept else Dropped(id=document.id, reason="below the threshold")


def _expected(encoder: Encoder, verdicts: Sequence[Verdict]) -> "Array":
    return encoder.probabilities([verdict.text for verdict in verdicts])[:, 1]


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {"distilled-stance": DistilledStance}
