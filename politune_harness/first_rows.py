"""The first rows of each arm's source, so that a wrong column or encoding is known early."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from politune_harness.artifacts import Tally
from politune_harness.components import Source
from politune_harness.errors import DataError, located
from politune_harness.plan import Plan
from politune_harness.records import Dropped
from politune_harness.stage import several

ROWS = 100
"""How many rows of a source are looked at."""


def look(plan: Plan) -> Iterator[str]:
    """Yield a line for each source of whose first rows too many are broken.

    Raises DataError, naming the arm, where a source cannot be read or holds nothing. Only those
    that read local files are looked at: others may download theirs.
    """
    for arm in plan.arms:
        if arm.source is not None and _is_local(arm.source):
            where = f"arms.{arm.name}.source"
            with located(where):
                tally = _tally(arm.source, plan.recipe.max_malformed)
            if tally.malformed > plan.recipe.max_malformed * tally.seen:
                yield (
                    f"{where}: {tally.malformed} of the first {tally.seen} rows are malformed; "
                    f"dropped: {tally.told}"
                )


def _is_local(source: Source) -> bool:
    """Say whether a source reads local files, as do all those that it is made of."""
    held = [getattr(source, name) for name in type(source).model_fields]
    inner = [each for value in held for each in several(value) if isinstance(each, Source)]
    return all(map(_is_local, inner)) if inner else any(isinstance(v, Path) for v in held)


def _tally(source: Source, allowed: float) -> Tally:
    """Count the first rows. Raises DataError where there is none, or none that may be used."""
    rows = [*islice(chain.from_iterable(shard() for shard in source.shards()), ROWS)]
    out = [row for row in rows if isinstance(row, Dropped)]
    tally = Tally(len(rows) - len(out), sum(row.malformed for row in out))
    tally.reasons.update(row.reason for row in out)
    if tally.seen == 0 or (tally.malformed == tally.seen and allowed < 1):
        message = f"it holds no rows that can be read; dropped: {tally.told or 'none'}"
        raise DataError(message)
    return tally
