"""report.md: what happened in sentences, then the figures, the tables, and what they cannot show.

Every name that comes from data is escaped.
"""

from collections.abc import Collection

from politune_harness.report import story
from politune_harness.report.sections import FIGURES, SECTIONS
from politune_harness.report.told import Told


def report(told: Told, figures: Collection[str]) -> str:
    """Return the whole report; `figures` are the names of those that were drawn."""
    happened, *others = (section.words(told) for section in SECTIONS)
    pictures = [
        f"![{figure.alt}](figures/{name}.png)"
        for name, figure in FIGURES.items()
        if name in figures
    ]
    parts = [story.head(told.findings, told.marks), happened, *pictures, *others]
    return "\n\n".join(part for part in parts if part) + "\n"
