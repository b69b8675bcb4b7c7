"""The tables of judges and people: what answers there are, who says so, and how far they agree."""

from collections.abc import Iterator, Mapping
from typing import Any

from politune_harness.report.findings import Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS, NONE, PLAIN, POSITION, estimate, number
from politune_harness.report.numbers import WHOLE_PERCENT as PERCENT

Told = Mapping[str, Any]

KINDS = {
    "balanced": "balanced",
    "hedged": "hedged",
    "refused": "refused",
    "not_applicable": "not applicable",
    "missing": "no score",
}
"""The shares of answers, and what they are called."""


def answers(findings: Findings) -> str:
    """Return what kinds of answers each arm gave, and where on the scale they are."""
    parts: list[str] = []
    for task, told in findings.results["panel"].items():
        rows = [
            [
                md(arm),
                str(found["shares"]["n"]),
                *(number(found["shares"][kind], PERCENT) for kind in KINDS),
                *(number(share, PERCENT) for share in found["scores"].values()),
            ]
            for arm, found in told["answers"].items()
        ]
        bins = next(iter(told["answers"].values()))["scores"]
        head = ["arm", "answers", *KINDS.values(), *(f"at {name}" for name in bins)]
        parts += [f"{code(task)}, in percent:", table(head, rows)]
    note = "A mean of 10 can be many things. *Balanced* answers have a score within a step of it; "
    note += "*hedged* ones report several views, by their words, and *refused* ones decline: an "
    note += "answer can be more than one of these. The last columns are shares of the scored."
    return section("What a mean score is made of", note if parts else "", *parts)


def judges(findings: Findings) -> str:
    """Return what each judge says, and how far they agree, where there are several."""
    parts = [
        part
        for task, told in findings.results["panel"].items()
        if "agreement" in told
        for part in (f"{code(task)}, {told['n']} answers:", *_panel(told))
    ]
    note = "Each judge's mean score by arm, its bias (its mean less that of the others on the same "
    note += "answers), and how far judges agree. *MAE* is their mean absolute "
    note += "difference. Agreement is no proof: judges may share a leaning."
    return section("Do the judges agree?", note if parts else "", *parts)


def _panel(told: Told) -> Iterator[str]:
    bias = {each["judge"]: each["bias"] for each in told["biases"]}
    names = [*bias, "panel"]
    yield table(
        ["judge", *map(md, told["judges"]), "bias"],
        [
            [
                md(name),
                *(estimate(each[name], POSITION) for each in told["judges"].values()),
                estimate(bias.get(name), POSITION, sign=True),
            ]
            for name in names
        ],
    )
    yield _pairs(told["pairs"])
    yield _agreement(told["agreement"])


def _pairs(pairs: list[Told]) -> str:
    head = ["a", "b", "both scored", "Pearson", "Spearman", "MAE", f"a {MINUS} b"]
    rows = [
        [
            md(pair["a"]),
            md(pair["b"]),
            str(pair["n"]),
            *(number(pair[name], PLAIN) for name in ("pearson", "spearman", "mae")),
            number(pair["difference"], PLAIN, sign=True),
        ]
        for pair in pairs
    ]
    return table(head, rows, words=2)


def _agreement(found: Told) -> str:
    alpha, single, mean = (
        number(found[name], PLAIN) for name in ("alpha", "icc_single", "icc_mean")
    )
    return (
        f"Krippendorff's alpha {alpha}; ICC(2,1) {single} and ICC(2,k) {mean}, over "
        f"{found['complete']} answers that all of them scored."
    )


def people(findings: Findings) -> str:
    """Return people's ratings beside the judges', and means corrected by them."""
    parts = [
        part
        for task, told in findings.results["panel"].items()
        if "people" in told
        for part in (f"{code(task)}:", *_rated(told["people"]))
    ]
    note = (
        "Means over all answers by the judges; over those that people rated, by people; and over "
    )
    note += "all answers, corrected by what people said of the rated ones (prediction-powered "
    note += "inference), which holds where the rated ones were drawn by chance."
    return section("People beside judges", note if parts else "", *parts)


def _rated(told: Told) -> Iterator[str]:
    yield table(
        ["arm", "judges, uncorrected", "people", "corrected", "rated"],
        [
            [
                md(arm),
                *(
                    estimate(each[name], POSITION)
                    for name in ("uncorrected", "people", "corrected")
                ),
                f"{each['rated']} of {each['rated'] + each['unrated']}",
            ]
            for arm, each in told["corrected"].items()
        ],
    )
    yield (
        "How often a judge puts on the left what people do not (*false left*), and likewise on the "
        "right, in percent:"
    )
    yield table(
        ["judge", "false left", "of", "false right", "of"],
        [
            [md(name), *_error(each, "left"), *_error(each, "right")]
            for name, each in told["errors"].items()
        ],
    )
    yield _pairs(told["pairs"])
    yield f"People ({', '.join(map(md, told['raters']))}) and judges together: " + _agreement(
        told["agreement"]
    )


def _error(each: Told, side: str) -> list[str]:
    share: float | None = each[f"false_{side}"]
    return [number(share, PERCENT), str(each[f"not_{side}"]) if share is not None else NONE]
