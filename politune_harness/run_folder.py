"""A run's folder beside its stages: the recipe, the report's files, and the lock of who writes."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from politune_harness.artifacts import disk_errors, write_whole
from politune_harness.errors import DataError
from politune_harness.plan import Plan
from politune_harness.recipe_files import KEPT, STARTS, start_of

NORMS = "norms.json"
"""Within a run: the human answers that its recipe names."""
REPORT = ("results.json", "results.csv", "report.md", "report.html", "figures", NORMS)


def keep_recipe(plan: Plan, folder: Path) -> None:
    """Write the recipe of a run into its folder."""
    values = plan.recipe.model_dump(mode="json", exclude_defaults=True)
    write_whole(folder / STARTS, str(plan.folder.resolve()))
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    write_whole(folder / KEPT, f"# As it was run; paths start at the original's folder.\n{text}")


def starts(run: Path) -> Path:
    """Return where the relative paths of a run's recipe start."""
    return start_of(run / KEPT)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder, so that two runs never write into it at once."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another run is writing to {folder}; wait for it, or choose another --out"
            raise DataError(message) from None
        yield
