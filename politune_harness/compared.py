"""Results of several runs side by side: ours, and the output folders of plain lm-eval, anyone's.

One invariant: numbers stand in one row only where the same instrument in the same version gave
them, unless someone asks for the mixture by name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.errors import DataError

Z = 1.96
"""Standard errors on either side of a 95 % interval, where lm-eval gave one."""
SKIPPED = ("alias", "name", "sample_len", "sample_count")


class Entry(msgspec.Struct, frozen=True):
    """A value with its interval, if it has one."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Column(msgspec.Struct, frozen=True):
    """One arm of one run, or one evaluation by lm-eval."""

    run: str
    arm: str
    model: str
    versions: dict[str, str]
    """By task: the version of its instrument."""
    values: dict[tuple[str, str], Entry]
    """By task and metric."""
    partial: bool = False

    @property
    def name(self) -> str:
        """How it is called in tables and figures."""
        return f"{self.run}: {self.arm}" if self.arm else self.run


def read(folder: Path) -> list[Column]:
    """Read a run, or a folder that plain `lm_eval --output_path` wrote into, at any depth.

    Raises DataError, in one line, where there is neither.
    """
    ours = folder / "results.json"
    if ours.is_file() and "arms" in (told := _json(ours)):
        return list(_of_run(folder.name, told))
    found = sorted(folder.rglob("results*.json")) if folder.is_dir() else [folder]
    columns = [
        _of_lm_eval(name, told)
        for path in found
        if path.is_file() and "results" in (told := _json(path))
        for name in (_named(folder, path, len(found)),)
    ]
    if not columns:
        message = f"{folder} holds no results: neither a run's nor lm-eval's (results_*.json)"
        raise DataError(message)
    return columns


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {error}"
        raise DataError(message) from None
    return found if isinstance(found, dict) else {}


def _named(folder: Path, path: Path, count: int) -> str:
    if count == 1:
        return folder.stem if path == folder else folder.name
    return f"{folder.name}/{path.relative_to(folder).with_suffix('')}"


def _of_run(name: str, told: Mapping[str, Any]) -> Iterator[Column]:
    for arm, each in told["arms"].items():
        yield Column(
            run=name,
            arm=arm,
            model=str(told.get("model", "")),
            versions={task: str(v) for task, v in told.get("instruments", {}).items()},
            values={
                (task, metric): Entry(e["value"], e["low"], e["high"])
                for task, metrics in each["tasks"].items()
                for metric, e in metrics.items()
            },
            partial=bool(told.get("partial")),
        )


def _of_lm_eval(name: str, told: Mapping[str, Any]) -> Column:
    values: dict[tuple[str, str], Entry] = {}
    for task, metrics in told["results"].items():
        several = len({key.partition(",")[2] for key in metrics if "," in key}) > 1
        for key, value in metrics.items():
            metric, comma, which = key.partition(",")
            if metric in SKIPPED or metric.endswith("_stderr") or not _number(value):
                continue
            error = metrics.get(f"{metric}_stderr{comma}{which}")
            wide = Z * float(error) if _number(error) else None
            ends = (None, None) if wide is None else (value - wide, value + wide)
            label = key if several else metric
            values[task, label] = Entry(float(value), *ends)
    limited = told.get("config", {}).get("limit") is not None
    return Column(
        run=name,
        arm="",
        model=str(told.get("model_name") or told.get("config", {}).get("model", "")),
        versions={task: str(v) for task, v in told.get("versions", {}).items()},
        values=values,
        partial=limited,
    )


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def mixtures(columns: Sequence[Column]) -> dict[str, dict[str, list[str]]]:
    """Return the tasks that were asked in several versions: by version, who was asked.

    >>> a, b = (Column(run=n, arm="", model="", versions={"t": n}, values={}) for n in "ab")
    >>> mixtures([a, b]), mixtures([a, a])
    ({'t': {'a': ['a'], 'b': ['b']}}, {})
    """
    found: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        for task, version in column.versions.items():
            found.setdefault(task, {}).setdefault(version, []).append(column.name)
    return {task: versions for task, versions in sorted(found.items()) if len(versions) > 1}


def refuse_mixtures(columns: Sequence[Column]) -> None:
    """Raise DataError, in one line, where one task was asked in several versions."""
    for task, versions in mixtures(columns).items():
        told = "; ".join(f"{v} by {', '.join(names)}" for v, names in versions.items())
        message = f"{task} was asked in different versions ({told}): numbers of different "
        message += "instruments are not comparable; --mix shows them all the same, in rows apart"
        raise DataError(message)


def rows(
    columns: Sequence[Column],
) -> Iterator[tuple[str, str, str, list[Entry | None]]]:
    """Yield task, version, metric and each column's entry, where at least two columns share it.

    What only one column has is no comparison, unless there is one column alone.
    """
    keys = dict.fromkeys(
        (task, column.versions.get(task, ""), metric)
        for column in columns
        for task, metric in sorted(column.values)
    )
    for task, version, metric in sorted(keys):
        found = [
            c.values.get((task, metric)) if c.versions.get(task, "") == version else None
            for c in columns
        ]
        if sum(each is not None for each in found) >= min(2, len(columns)):
            yield task, version, metric, found
