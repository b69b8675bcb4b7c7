"""The documents of the standard benchmarks that `politune_general_fast` asks.

They are named by their places in the split that is scored; few-shot examples come from another
split, which is left as it is.
"""

import json
from pathlib import Path
from typing import Any

IDS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("fast_ids.json").read_text(encoding="utf-8")
)
"""By benchmark: the `split` that is scored, and the `ids` within it (within each part of it)."""


def chosen(docs: Any, benchmark: str) -> Any:  # noqa: ANN401
    """Return the fixed documents of the scored split, and any other split whole."""
    if str(docs.split or "").split("[")[0] != IDS[benchmark]["split"]:
        return docs
    return docs.select(IDS[benchmark]["ids"])


def mmlu(docs: Any) -> Any:  # noqa: ANN401
    return chosen(docs, "mmlu")


def arc_challenge(docs: Any) -> Any:  # noqa: ANN401
    return chosen(docs, "arc_challenge")


def winogrande(docs: Any) -> Any:  # noqa: ANN401
    return chosen(docs, "winogrande")


def truthfulqa_mc2(docs: Any) -> Any:  # noqa: ANN401
    return chosen(docs, "truthfulqa_mc2")


def gsm8k(docs: Any) -> Any:  # noqa: ANN401
    return chosen(docs, "gsm8k")


def ifeval(docs: Any) -> Any:  # noqa: ANN401
    return chosen(docs, "ifeval")


def blimp(docs: Any) -> Any:  # noqa: ANN401
    return chosen(docs, "blimp")


def hellaswag(docs: Any) -> Any:  # noqa: ANN401
    """Return the fixed documents, as lm-evaluation-harness prepares them."""
    from lm_eval.tasks.hellaswag.utils import process_docs

    return process_docs(chosen(docs, "hellaswag"))
