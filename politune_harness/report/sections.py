"""The parts of a report in their order: one line adds a section, with its charts, or a figure.

A section is words and tables in Markdown, which report.md and the page share; charts are the page's
own. A figure is for papers and report.md.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from politune_harness.report import (
    caveats,
    comparisons,
    compass_figure,
    curation,
    diagnosis,
    front_figure,
    funnel_figure,
    judges,
    method_tables,
    pairs,
    panel_tables,
    positions,
    rates,
    score_figure,
    side_effects,
    story,
    topics,
    topics_figure,
    tradeoff_figure,
    tradeoff_tables,
    training,
    training_figure,
    trajectories,
    trajectory_figure,
)
from politune_harness.report.findings import Findings
from politune_harness.report.page import (
    channels_chart,
    compass_chart,
    front_chart,
    funnel_chart,
    judges_chart,
    scores_chart,
    topics_chart,
    tradeoff_chart,
    training_chart,
    trajectory_chart,
)
from politune_harness.report.page.chart import Chart
from politune_harness.report.told import Told

Charts = Callable[[Told], Iterable[Chart]]


class Section(NamedTuple):
    """A part of the report."""

    words: Callable[[Told], str]
    """Returns Markdown that begins with `## Title`, or nothing."""
    charts: tuple[Charts, ...] = ()


class Figure(NamedTuple):
    """A picture as PNG and SVG."""

    alt: str
    draw: Callable[[Told, Path], None]
    """Writes the files into a folder, or none where there is nothing to draw."""


def _of(words: Callable[[Findings], str]) -> Callable[[Told], str]:
    """Return the words of a section that needs the findings alone."""
    return lambda told: words(told.findings)


SECTIONS: tuple[Section, ...] = (
    Section(_of(story.happened)),
    Section(_of(diagnosis.told)),
    Section(
        _of(positions.positions),
        (compass_chart.charts, scores_chart.charts),
    ),
    Section(_of(positions.differences)),
    Section(_of(comparisons.claims)),
    Section(_of(rates.ability), (tradeoff_chart.charts,)),
    Section(_of(tradeoff_tables.tradeoff)),
    Section(_of(side_effects.side_effects)),
    Section(_of(comparisons.personas)),
    Section(_of(comparisons.shares)),
    Section(_of(comparisons.channels), (channels_chart.charts,)),
    Section(_of(method_tables.agreement)),
    Section(_of(topics.topics), (topics_chart.charts,)),
    Section(_of(comparisons.systems)),
    Section(_of(rates.coverage)),
    Section(_of(positions.other_ways)),
    Section(_of(comparisons.languages)),
    Section(_of(comparisons.people)),
    Section(_of(pairs.obedience)),
    Section(_of(pairs.evenness)),
    Section(_of(rates.answers)),
    Section(_of(panel_tables.answers)),
    Section(_of(panel_tables.judges), (judges_chart.charts,)),
    Section(_of(panel_tables.people)),
    Section(lambda told: judges.judges(told.run)),
    Section(lambda told: curation.counts(told.run.curated), (funnel_chart.charts,)),
    Section(lambda told: curation.balances(told.run.curated)),
    Section(_of(trajectories.along), (trajectory_chart.charts, front_chart.charts)),
    Section(training.training, (training_chart.charts,)),
    Section(lambda told: caveats.limits(told.run, told.findings)),
    Section(lambda told: caveats.settings(told.run, told.findings)),
)

FIGURES: dict[str, Figure] = {
    "compass": Figure(
        "Each arm on the axes of the compass, with 95 % intervals",
        lambda told, to: compass_figure.draw(told.findings, told.marks, to),
    ),
    "gpt_score": Figure(
        "Judged scores of each arm's open answers, with 95 % intervals",
        lambda told, to: score_figure.draw(told.findings, told.cells, told.marks, to),
    ),
    "tradeoff": Figure(
        "Shift in leaning against change in ability, each arm against the base",
        lambda told, to: tradeoff_figure.draw(told.findings, told.marks, to),
    ),
    "topics": Figure(
        "Shift of each arm from the base, topic by topic",
        lambda told, to: topics_figure.draw(told.findings, told.marks, to),
    ),
    "funnel": Figure(
        "What each stage kept and dropped",
        lambda told, to: funnel_figure.draw(told.run.curated.steps, told.marks, to),
    ),
    "trajectory": Figure(
        "Positions and coherence of checkpoints over the steps",
        lambda told, to: trajectory_figure.draw(
            told.findings.results["trajectories"], told.findings.arms, told.marks, to
        ),
    ),
    "front": Figure(
        "What checkpoints gained and cost: strength against ability and coherence",
        lambda told, to: front_figure.draw(
            told.findings.results["trajectories"], told.findings.arms, told.marks, to
        ),
    ),
    "training": Figure(
        "Training curves",
        lambda told, to: training_figure.draw(told.run.losses, told.findings.arms, told.marks, to),
    ),
}
"""By the name of its files."""
