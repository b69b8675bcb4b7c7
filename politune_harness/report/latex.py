"""Tables for a paper, and how to cite what was measured with."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from politune_harness.report.escape import visible
from politune_harness.report.instruments import KNOWN
from politune_harness.report.numbers import MINUS, Unit, number, unit_of

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
INSTRUMENTS: Mapping[str, Mapping[str, str]] = {
    "lm-eval": {
        "type": "misc",
        "author": "{EleutherAI and contributors}",
        "title": "{Language Model Evaluation Harness}",
        "howpublished": "https://github.com/EleutherAI/lm-evaluation-harness",
    },
    "politune": {
        "type": "misc",
        "title": "{PoliTune}: Analyzing the Impact of Data Selection and Fine-Tuning on Economic "
        "and Political Biases in Large Language Models",
        "author": "Agiza, Ahmed and Mostagir, Mohamed and Reda, Sherief",
        "howpublished": "arXiv 2404.08699",
        "year": "2024",
    },
}
"""What every result rests on; each task that was asked adds an entry of its own."""


def escaped(text: object) -> str:
    r"""Return text that LaTeX prints as it is.

    >>> escaped("a_b & 5 %")
    'a\\_b \\& 5 \\%'
    """
    return re.sub(r"[\\~^&%$#_{}]", lambda found: SPECIAL[found[0]], visible(text))


def tables(found: Mapping[str, Any]) -> str:
    """Return positions, ability and the trade-off as booktabs tables, from results.json."""
    arms = list(found["arms"])
    keys = [(t, m) for t, metrics in found["scales"].items() for m in metrics]
    tasks = dict.fromkeys(row["task"] for row in found["tradeoff"]["comparisons"])
    mains = dict.fromkeys((r["task"], r["metric"]) for r in found["tradeoff"]["comparisons"])
    cost = [
        [
            row["arm"],
            row["against"],
            row["task"],
            _estimate(row, unit_of(row["metric"])),
            "" if row["p_holm"] is None else f"{row['p_holm']:.3f}",
            row["equivalence"]["verdict"],
        ]
        for row in found["tradeoff"]["comparisons"]
    ]
    head = ["Arm", "Against", "Task", "Difference", "$p$ (Holm)", "Equivalent"]
    part = " (partial: only some documents of each task)" if found.get("partial") else ""
    return "\n".join(
        [
            "% Needs \\usepackage{booktabs}. Made by politune export.",
            _table(f"Positions with 95\\,\\% intervals{part}", ["", *arms], _rows(found, keys)),
            _table(f"Ability with 95\\,\\% intervals{part}", ["", *arms], _rows(found, mains)),
            *([_table(f"What alignment cost{part}", head, cost)] if tasks else []),
        ]
    )


def _rows(found: Mapping[str, Any], keys: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [
        [
            f"{task} {metric}",
            *(
                _estimate(each["tasks"].get(task, {}).get(metric), unit_of(metric, leaning=leaning))
                for each in found["arms"].values()
            ),
        ]
        for task, metric in keys
        for leaning in (metric in KNOWN or task in found["scales"],)
    ]


def _estimate(entry: Mapping[str, Any] | None, unit: Unit) -> str:
    if entry is None or entry["value"] is None:
        return "--"
    value, low, high = (number(entry[name], unit) for name in ("value", "low", "high"))
    return value if entry["low"] is None else f"{value} [{low}, {high}]"


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" & ".join(_cell(cell) for cell in row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(head if "$" in "".join(head) else map(escaped, head)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _cell(text: str) -> str:
    return escaped(text).replace(MINUS, "$-$")


def bibliography(found: Mapping[str, Any]) -> str:
    """Return a BibTeX entry for what every result rests on, and one for each instrument asked."""
    packages = found.get("packages", {})
    entries = {name: dict(entry) for name, entry in INSTRUMENTS.items()}
    entries["lm-eval"]["note"] = f"Version {packages.get('lm-eval', 'unknown')}"
    for task, version in found.get("instruments", {}).items():
        bank = found.get("banks", {}).get(task, {})
        told = f", bank {bank['bank']} {bank['version']} ({bank['hash']})" if bank else ""
        entries[task] = {
            "type": "misc",
            "title": f"{{{escaped(task)}}}",
            "howpublished": "lm-evaluation-harness task",
            "note": escaped(f"Version {version}{told}"),
        }
    return "\n".join(_bibtex(name, entry) for name, entry in entries.items())


def _bibtex(name: str, entry: Mapping[str, str]) -> str:
    fields = [f"  {key} = {{{value}}}," for key, value in entry.items() if key != "type"]
    return "\n".join([f"@{entry['type']}{{{name},", *fields, "}", ""])
