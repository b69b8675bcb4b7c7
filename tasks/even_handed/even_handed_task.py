"""Where the documents of the even-handedness task come from: the pairs beside this file."""

from pathlib import Path
from typing import Any

from politune_harness import prompt_sets
from politune_harness.judging import ready_panel
from politune_harness.lm_task import dataset

PROMPTS = Path(__file__).parent / "prompts.csv"


def pairs(samples: int = 1, judges: object = None, **tested: object) -> dict[str, Any]:
    """Return the documents of `politune_even_handed`; it can do without judges.

    lm-evaluation-harness passes what `--metadata` says, and the model's arguments with it.
    """
    spec = ready_panel(judges, tested, "politune_even_handed", needs=None)
    return dataset(prompt_sets.pairs(PROMPTS, samples), judges=spec)
