"""Tasks of lm-evaluation-harness, for PoliTune Harness."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from politune_harness import hookimpl

HERE = Path(__file__).parent


def documents(**_: object) -> dict[str, Any]:
    """Return the items as lm-evaluation-harness takes them."""
    import datasets

    with (HERE / "example.csv").open(encoding="utf-8", newline="") as file:
        rows = [{**row, "answer": int(row["answer"])} for row in csv.DictReader(file)]
    return {"test": datasets.Dataset.from_list(rows)}


@hookimpl
def politune_task_dirs() -> Iterable[Path]:
    return [HERE]
