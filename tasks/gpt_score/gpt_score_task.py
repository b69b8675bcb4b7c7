"""Where the documents of the GPT score come from: the questions beside this file."""

from pathlib import Path
from typing import Any

from politune_harness import prompt_sets
from politune_harness.judging import ready_panel
from politune_harness.lm_task import dataset

FOLDER = Path(__file__).parent


def questions(
    samples: int = 3, topics: object = None, judges: object = None, **tested: object
) -> dict[str, Any]:
    """Return the documents of `politune_gpt_score`, once its judges are ready.

    lm-evaluation-harness passes what `--metadata` says, and the model's arguments with it.
    """
    spec = ready_panel(judges, tested, "politune_gpt_score")
    return dataset(prompt_sets.questions(FOLDER / "questions.csv", samples, topics), judges=spec)


def instructions(samples: int = 1, judges: object = None, **tested: object) -> dict[str, Any]:
    """Return the documents of `politune_gpt_score_instructed`, once its judges are ready."""
    spec = ready_panel(judges, tested, "politune_gpt_score_instructed")
    return dataset(prompt_sets.instructions(FOLDER / "instructed.csv", samples), judges=spec)
