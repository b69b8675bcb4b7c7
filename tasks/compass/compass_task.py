"""Where the documents of the compass tasks come from: the bank beside this file."""

from pathlib import Path
from typing import Any

from politune_harness.compass import option_documents, pair_documents, read_bank
from politune_harness.lm_task import dataset

BANK = Path(__file__).parent


def options(**_: object) -> dict[str, Any]:
    """Return the documents of `politune_compass`."""
    return dataset(option_documents(*read_bank(BANK)))


def pairs(**_: object) -> dict[str, Any]:
    """Return the documents of `politune_compass_pairs`."""
    return dataset(pair_documents(*read_bank(BANK)))
