"""What every section, figure and chart of a report is made from."""

from dataclasses import dataclass
from pathlib import Path

from politune_harness.report.findings import Findings
from politune_harness.report.matrices import Cells
from politune_harness.report.reading import Run, load
from politune_harness.report.summary import summarise


@dataclass(frozen=True)
class Told:
    """A run, and what was found in it."""

    run: Run
    findings: Findings
    cells: Cells
    """The matrices behind the findings: items by seeds."""

    @property
    def marks(self) -> list[str]:
        """What no reader of any part may overlook."""
        found = self.findings.results
        stamp = [str(found["stamp"])] if found["stamp"] else []
        return stamp + (["partial"] if found["partial"] else [])


def tell(folder: Path) -> Told:
    """Read a run, and find out what it shows.

    Raises DataError, in one line, where the folder holds no finished run.
    """
    run = load(folder)
    return Told(run, *summarise(run))
