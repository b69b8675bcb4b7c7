"""results.csv: every number of a report, one row a metric, for statistics and spreadsheets."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from politune_harness.rating import as_text
from politune_harness.report.findings import Findings

COLUMNS = (
    "kind",
    "arm",
    "against",
    "seed",
    "task",
    "metric",
    "value",
    "low",
    "high",
    "n",
    "missing",
    "judge",
    "p",
    "q",
    "instrument",
    "partial",
)
"""`kind` is `value` of an arm, `seed` for one training seed of it, or `difference` from `against`;
`low` and `high` are the ends of the 95 % interval; `q` is p held to false discoveries;
`partial` says yes where only a part of each task was asked."""

Row = dict[str, Any]


def results(findings: Findings) -> str:
    """Return the table as CSV; what is not known is empty."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    versions = findings.results["instruments"]
    partial = "yes" if findings.results["partial"] else ""
    for row in (*_values(findings), *_differences(findings)):
        told = {**row, "instrument": versions.get(row["task"], ""), "partial": partial}
        writer.writerow({name: _cell(value) for name, value in told.items()})
    return out.getvalue()


def _values(findings: Findings) -> Iterator[Row]:
    for arm, found in findings.results["arms"].items():
        for task, metrics in found["tasks"].items():
            for metric, entry in metrics.items():
                about = {"arm": arm, "task": task, "metric": metric}
                told = ("value", "low", "high", "n", "missing", "judge")
                yield {"kind": "value", **about, **{name: entry[name] for name in told}}
                for seed, value in entry["seeds"].items():
                    yield {"kind": "seed", **about, "seed": seed, "value": value}


def _differences(findings: Findings) -> Iterator[Row]:
    for each in findings.results["differences"]:
        told = ("task", "metric", "value", "low", "high", "p", "q")
        about = {"kind": "difference", "arm": each["a"], "against": each["b"]}
        yield {**about, **{name: each[name] for name in told}}


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return as_text(value) if isinstance(value, str) else value
