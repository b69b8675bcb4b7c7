"""How training went, by what the trainer logged: the table beside its curves."""

from collections.abc import Iterator, Mapping, Sequence

from politune_harness.report.markdown import md, section, table
from politune_harness.report.numbers import MINUS, NONE
from politune_harness.report.reading import Used
from politune_harness.report.told import Told

CURVES = {
    "loss": "loss",
    "accuracy": "share of pairs told apart",
    "chosen_logp": "log-probability of the chosen answer",
}
"""What is shown of the training log, where it is there."""

Log = Sequence[Mapping[str, float]]


def training(told: Told) -> str:
    """Return what was trained on, and where each logged figure began and ended, by arm and seed."""
    logs = [log for each in told.run.losses.values() for log in each.values()]
    names = [name for name in CURVES if any(name in row for log in logs for row in log)]
    rows = [
        [
            *(md(arm), md(seed), *_pairs(told.run.used.get(arm, {}).get(seed)), str(len(log))),
            *(cell for name in names for cell in _ends(log, name)),
        ]
        for arm, each in told.run.losses.items()
        for seed, log in each.items()
    ]
    head = ["arm", "seed", "pairs", "left out, by reason", "cut", "steps"]
    head += [text for name in names for text in (f"{CURVES[name]}, first", "last")]
    return section("How training went", table(head, rows, words=2))


def _pairs(used: Used | None) -> list[str]:
    if used is None:
        return [NONE] * 3
    left = "; ".join(f"{number} {md(reason)}" for reason, number in used.reasons.items())
    return [str(len(used.kept)), left or "0", str(len(used.truncated))]


def _ends(log: Log, name: str) -> Iterator[str]:
    """Return the first and the last value, three digits each."""
    values = [row[name] for row in log if name in row]
    for place in (0, -1):
        yield f"{values[place]:.3g}".replace("-", MINUS) if values else NONE
