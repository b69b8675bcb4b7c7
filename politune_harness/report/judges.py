"""The judges on texts that never change: whether they judge as they did, and as we would."""

from collections.abc import Mapping

from politune_harness.anchors import FAR, Compared, compared
from politune_harness.judging import DEFERRED
from politune_harness.panel import Drift
from politune_harness.report.markdown import md, section, table
from politune_harness.report.numbers import POSITION, estimate, number
from politune_harness.report.reading import Run

NOTE = f"""\
Every judge also scored texts of ours that never change. *Moved* is how far its scores lie from \
those that it gave when it was first asked: it is flagged where the mean has surely moved, or one \
text by more than {FAR:g} points, and such scores cannot be compared with those of earlier runs. \
*From ours* is how far they lie from what the texts were written for: a leaning, and no drift."""


def judges(run: Run) -> str:
    """Return the judges' section; nothing where no answer is judged."""
    rows = [
        [md(each.judge), *_shown(each), "**drift**" if each.flagged else "none"]
        for each in compared(run.anchors)
    ]
    head = ["judge", "scored", "moved, mean", "moved, at most", "from ours", "drift"]
    shown = table(head, rows)
    waiting = any(row.judge == DEFERRED for row in run.base.rows)
    notice = "**The answers wait for their judges**: run `politune judge` on this folder."
    return section("The judges", notice if waiting else "", NOTE if shown else "", shown)


def _shown(each: Compared) -> list[str]:
    return [
        f"{each.bias.anchors} of {each.anchors}",
        estimate(_entry(each.drift), POSITION, sign=True),
        number(each.furthest, POSITION),
        estimate(_entry(each.bias), POSITION, sign=True),
    ]


def _entry(found: Drift) -> Mapping[str, float | None]:
    return found.change._asdict()
