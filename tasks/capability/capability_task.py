"""The battery as lm-evaluation-harness documents, and what an answer to one of them is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from politune_harness.capability import FAMILIES, items
from politune_harness.lm_task import dataset

SEED, EACH = 0, 100
"""Fixed: other items would be another instrument."""
LEVELS = (1, 2, 3)


def questions(**_: object) -> dict[str, Any]:
    """Return the documents: 100 items of every family, at three levels."""
    return dataset(
        {
            "item": item.id,
            "family": item.family,
            "level": item.level,
            "question": item.question,
            "choices": list(item.choices),
            "answer": item.answer_index,
            "chance": item.chance,
        }
        for item in items(FAMILIES, EACH, SEED)
    )


def results(doc: Mapping[str, Any], answers: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Return one item's accuracy: 1 where the right choice is the likeliest, summed over tokens."""
    likeliest = int(np.argmax([loglikelihood for loglikelihood, _ in answers]))
    correct = float(likeliest == doc["answer"])
    row = {"item": doc["item"], "value": correct}
    apart = {f"acc_{family}": row if family == doc["family"] else {} for family in FAMILIES}
    apart |= {f"acc_level_{level}": row if level == doc["level"] else {} for level in LEVELS}
    return {"acc": correct, "acc_above_chance": correct - doc["chance"], **apart}
