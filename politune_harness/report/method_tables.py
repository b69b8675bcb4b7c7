"""Whether the instruments agree, in report.md."""

from collections.abc import Mapping
from typing import Any

from politune_harness.report.findings import Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import PLAIN, WHOLE_PERCENT, number

SHOWN = 10
"""How many discrepancies are shown; results.json holds more."""


def agreement(findings: Findings) -> str:
    """Return the multitrait-multimethod table, and the discrepancies worth reading."""
    rows = [_row(each) for each in findings.results["methods"]["agreement"]]
    note = (
        "Each arm and seed, and each checkpoint that was evaluated, on each topic, as shifts from "
    )
    note += "the base: how two instruments correlate on the same topic, and on different topics of "
    note += (
        "the same model (a multitrait-multimethod table). Only where the first is clearly above "
    )
    note += "the second do both measure the topics, rather than one general shift."
    head = ["instruments", "and", "same topic, r", "other topics, r", "cells", "topics"]
    shown = table(head, rows, words=2)
    return section(
        "Do the instruments agree?", note if shown else "", shown, _discrepancies(findings)
    )


def _row(each: Mapping[str, Any]) -> list[str]:
    return [
        *(_method(name) for name in each["methods"]),
        number(each["same"], PLAIN, sign=True),
        number(each["other"], PLAIN, sign=True),
        str(each["cells"]),
        str(each["topics"]),
    ]


def _method(name: str) -> str:
    task, by, judge = name.partition(" by ")
    return code(task) + (f" by {md(judge)}" if by else "")


def _discrepancies(findings: Findings) -> str:
    rows = [
        [
            md(each["arm"]),
            md(each["seed"]),
            md(each["topic"]),
            *(
                f"{_method(name)} {number(shift, WHOLE_PERCENT, sign=True)} %"
                for name, shift in zip(each["methods"], each["shifts"], strict=True)
            ),
        ]
        for each in findings.results["methods"]["discrepancies"][:SHOWN]
    ]
    note = (
        "The widest of the topics on which one goes up and the other down, in percent of the way "
    )
    note += "from a scale's centre to its end:"
    shown = table(["arm", "seed", "topic", "one", "the other"], rows, words=5)
    return f"{note}\n\n{shown}" if shown else ""
