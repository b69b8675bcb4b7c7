"""How far system prompts move the base: what an instrument can show, and how firm a position is.

A measure's persona range is its position under its high persona minus that under its low one. A
shift that is told as a share of that range can be read beside the same shift by another channel.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from politune_harness.report.instruments import Key, Scale
from politune_harness.report.matrices import Cells, cells
from politune_harness.report.reading import BASE, Run
from politune_harness.statistics import difference, interval

Ranges = Mapping[Key, Mapping[str, Any]]


def ranges(run: Run, scales: Mapping[Key, Scale]) -> dict[Key, dict[str, Any]]:
    """Return the persona range of each measure that has personas, and whether it is `sensitive`.

    What the personas do not move towards their own end for sure says nothing about this model.
    """
    found: dict[Key, dict[str, Any]] = {}
    for measure, poles in run.personas.items():
        under = cells({end: {"": each} for end, each in poles.items()}, scales)
        for key in under["low"].keys() & under["high"].keys() & scales.keys():
            if key[1] == measure:
                low, high = (under[end][key].matrix for end in ("low", "high"))
                moved = difference(high, low, under["low"][key].strata)
                found[key] = {
                    **moved._asdict(),
                    "sensitive": moved.low is not None and moved.low > 0,
                    "low_persona": interval(low).value,
                    "high_persona": interval(high).value,
                }
    return found


def share(moved: Mapping[str, Any], wide: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a shift as a share of the persona range, or None where that is not sensitive.

    Its interval is the shift's, over the range as measured: how unsure the range itself is, does
    not widen it.

    >>> share({"value": -1.0, "low": -2.0, "high": 0.0}, {"value": 4.0, "sensitive": True})
    {'value': -0.25, 'low': -0.5, 'high': 0.0}
    """
    if wide is None or not wide["sensitive"] or moved["value"] is None:
        return None
    return {
        end: None if moved[end] is None else moved[end] / wide["value"]
        for end in ("value", "low", "high")
    }


def systems(run: Run, scales: Mapping[Key, Scale], wide: Ranges) -> Iterator[dict[str, Any]]:
    """Yield where the base stands under each further system prompt, and its shift from none."""
    found = cells({BASE: {"": run.base}, **{n: {"": e} for n, e in run.systems.items()}}, scales)
    for name in run.systems:
        for key in sorted(found[name].keys() & found[BASE].keys() & scales.keys()):
            here, start = found[name][key].matrix, found[BASE][key].matrix
            strata = found[BASE][key].strata
            moved = difference(here, start, strata)
            yield {
                "system": name,
                "task": key[0],
                "metric": key[1],
                "position": interval(here, scales[key].ends, strata)._asdict(),
                **moved._asdict(),
                "share": share(moved._asdict(), wide.get(key)),
            }


def shares(found: Cells, scales: Mapping[Key, Scale], wide: Ranges) -> Iterator[dict[str, Any]]:
    """Yield each arm's shift from the base as a share of the persona range."""
    for arm in found:
        for key in sorted(found[arm].keys() & wide.keys() & scales.keys()):
            cell, base = found[arm][key], found[BASE][key]
            moved = difference(cell.matrix, base.matrix, cell.strata)
            part = share(moved._asdict(), wide[key])
            if arm != BASE and part is not None:
                yield {"arm": arm, "task": key[0], "metric": key[1], **part}
