"""What lm-evaluation-harness tasks ask, as texts: what training data must not hold.

A task of ours says itself what it asks, the sentences of its bank included; of any other, every
document's prompt counts. No model is loaded, and no judge is asked.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from politune_harness.overlap import words

if TYPE_CHECKING:
    from politune_harness.evaluation import Evaluator


def prompts(evaluator: "Evaluator", tasks: Sequence[str]) -> dict[str, str]:
    """Return each text that the tasks ask, by its task and what first asks it.

    Raises RecipeError where there is no such task, DataError where its data cannot be had.
    """
    found: dict[str, str] = {}
    for task, loaded in evaluator.load(tasks)["tasks"].items():
        for name, text in _texts(loaded):
            if words(text):
                found.setdefault(text, f"{task}/{name}")
    return {name: text for text, name in found.items()}


def _texts(task: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    if hasattr(task, "texts"):
        yield from task.texts().items()
        return
    for number, doc in enumerate(task.eval_docs):
        text = task.doc_to_text(doc)
        if isinstance(text, str):
            yield str(number), text
