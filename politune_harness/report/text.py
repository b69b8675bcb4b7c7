"""report.md: what happened in sentences, then the tables behind them, then what they cannot show.

Every name that comes from data is escaped.
"""

from collections.abc import Sequence

from politune_harness.report import (
    caveats,
    comparisons,
    curation,
    judges,
    pairs,
    panel_tables,
    positions,
    rates,
    story,
)
from politune_harness.report.findings import Findings
from politune_harness.report.reading import Run

FIGURES = {
    "compass.png": "Each arm on the axes of the compass, with 95 % intervals",
    "gpt_score.png": "Judged scores of each arm's open answers, with 95 % intervals",
    "tradeoff.png": "Shift in leaning against change in ability, each arm against the base",
    "funnel.png": "What each stage kept and dropped",
    "training.png": "Training curves",
}


def report(run: Run, findings: Findings, marks: Sequence[str], figures: set[str]) -> str:
    """Return the whole report."""
    parts = [
        story.head(findings, marks),
        story.happened(findings),
        *(f"![{text}](figures/{name})" for name, text in FIGURES.items() if name in figures),
        positions.positions(findings),
        positions.differences(findings),
        comparisons.claims(findings),
        rates.ability(findings),
        comparisons.personas(findings),
        comparisons.shares(findings),
        comparisons.channels(findings),
        comparisons.systems(findings),
        rates.coverage(findings),
        positions.other_ways(findings),
        comparisons.languages(findings),
        comparisons.people(findings),
        pairs.obedience(findings),
        pairs.evenness(findings),
        rates.answers(findings),
        panel_tables.answers(findings),
        panel_tables.judges(findings),
        panel_tables.people(findings),
        judges.judges(run),
        curation.counts(run.curated),
        curation.balances(run.curated),
        caveats.limits(run, findings),
        caveats.settings(run, findings),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
