"""Texts that never change, scored again by every judge in every run, to see that it judges alike.

The scores that a judge gave when it was first asked are kept beside its replies; a later run is
compared with them. How far they lie from what we would give says something else: where a judge
leans, or reads differently.
"""

import csv
import json
import logging
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from politune_harness.artifacts import digest
from politune_harness.errors import ServiceError
from politune_harness.judging import panel, scores
from politune_harness.panel import Drift, drift
from politune_harness.records import JSON, Completion, Record
from politune_harness.reply_cache import asked_afresh, reply_cache, settings

TEXTS = Path(__file__).with_suffix(".csv")
"""Our own: as many left as right, and for answers with poles as many low as high."""

FAR = 3.0
"""Points of the scale that a single anchor may move without being flagged."""

logger = logging.getLogger(__name__)


class AnchorScore(Record, frozen=True, kw_only=True):
    """What a judge says of one anchor, which `id` names."""

    judge: str
    expected: float
    """What we would give."""
    first: float | None
    """What this judge, with these settings and this rubric, gave when it was first asked."""
    value: float | None
    reason: str = ""
    reply: str = ""


def anchors() -> dict[str, tuple[Completion, float]]:
    """Return each anchor with the score that it was written for."""
    with TEXTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["id"]: (
            Completion(
                id=row["id"],
                prompt=row["question"],
                completion=row["answer"],
                poles=(row["low"], row["high"]) if row["low"] else None,
            ),
            float(row["expected"]),
        )
        for row in rows
    }


def scored(judge: Mapping[str, JSON], *, poles: bool) -> tuple[AnchorScore, ...]:
    """Have a judge, as a recipe writes it, score the anchors: once a process, not from the cache.

    With `poles` it scores those that come with poles of their own, otherwise those from left to
    right.
    Warns where it judges otherwise than when it was first asked. Raises BudgetError alone.
    """
    return _scored(json.dumps([judge]), poles=poles)


@cache
def _scored(spec: str, *, poles: bool) -> tuple[AnchorScore, ...]:
    (judge,) = panel(spec)
    texts = {name: each for name, each in anchors().items() if bool(each[0].poles) == poles}
    with asked_afresh():
        given = scores(judge, [completion for completion, _ in texts.values()])
    first = values = {score.id: score.value for score in given}
    try:
        with reply_cache() as kept:
            first = kept.first_scores(digest(settings(judge)), values)
    except ServiceError as error:
        logger.warning("%s: whether a judge has drifted since it was first asked is unknown", error)
    rows = tuple(
        AnchorScore(
            id=score.id,
            judge=score.judge,
            expected=texts[score.id][1],
            first=first[score.id],
            value=score.value,
            reason=score.reason,
            reply=score.reply,
        )
        for score in given
    )
    for each in compared(rows):
        if each.flagged:
            logger.warning(
                "%s scores anchor texts otherwise than at first, by %+.1f points in the mean and "
                "%.1f at the most: do not compare its scores with those of earlier runs",
                each.judge,
                each.drift.change.value,
                each.furthest,
            )
    return rows


class Compared(msgspec.Struct, frozen=True):
    """One judge on the anchors of one rubric."""

    judge: str
    drift: Drift
    """From what it gave at first."""
    furthest: float | None
    """The most that one anchor has moved, either way."""
    bias: Drift
    """From what we would give: a leaning, and no drift."""
    anchors: int

    @property
    def flagged(self) -> bool:
        """Whether its scores may not be compared with those of earlier runs."""
        return self.drift.flagged or (self.furthest or 0.0) > FAR


def compared(rows: Iterable[AnchorScore]) -> list[Compared]:
    """Compare each judge's scores with what it gave at first, and with what we would give."""
    import numpy as np

    by_judge: dict[str, list[AnchorScore]] = {}
    for row in rows:
        by_judge.setdefault(row.judge, []).append(row)
    found = []
    for judge, each in by_judge.items():
        first, now, expected = (
            np.array([getattr(row, name) for row in each], dtype=float)
            for name in ("first", "value", "expected")
        )
        moved = np.abs(now - first)
        furthest = None if np.isnan(moved).all() else float(np.nanmax(moved))
        found.append(Compared(judge, drift(first, now), furthest, drift(expected, now), len(each)))
    return found
