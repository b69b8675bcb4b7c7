"""Requests that all arms are asked, built once; and prompts that were too long for a model.

lm-evaluation-harness builds a task's requests anew for every model; its own remedy is a pickle.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from politune_harness.measurements import Measurement, identity
from politune_harness.side_metrics import LIMITS

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

CUT = "prompt_cut"
"""The metric that is 1 where the beginning of a prompt was cut off: it did not fit the context."""


def built_once(task: Any, system: str | None) -> None:  # noqa: ANN401
    """Let a task keep the requests under a system prompt, and hand them out without answers."""
    build, kept = task.build_all_requests, dict[str, list[Any]]()

    def again(**options: Any) -> None:  # noqa: ANN401
        told = {name: value for name, value in options.items() if name != "chat_template"}
        key = repr(sorted(told.items()))
        if key not in kept:
            build(**options)
            if options["system_instruction"] == system:
                kept[key] = task._instances  # noqa: SLF001
            return
        for instance in kept[key]:
            instance.resps, instance.filtered_resps = [], {}
        task._instances = kept[key]  # noqa: SLF001

    task.build_all_requests = again


def cut(lm: "HFLM", samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Measurement]:
    """Yield for each prompt of a task whether it was cut, where any of the task's was."""
    for task, each in samples.items():
        asked = [sample for sample in each if sample["filter"] == each[0]["filter"]]
        found = [any(_cut(lm, arguments) for arguments in s["arguments"]) for s in asked]
        for sample, too_long in zip(asked, found, strict=True):
            if any(found):
                item, which = identity(sample)
                yield Measurement(
                    task=task, metric=CUT, item=item, sample=which, value=float(too_long)
                )


KEPT = "format_kept"
"""The metric that is 1 where an answer came in the form that a strict filter looks for."""
INVALID = ("[invalid]", "")
"""What lm-eval's filters leave where they find nothing."""


def kept_format(samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Measurement]:
    """Yield for each answer that is read strictly and flexibly whether it keeps the format.

    Part of an apparent loss of ability can be a drift of the format.
    """
    for task, each in samples.items():
        for sample in each:
            if str(sample["filter"]).startswith("strict"):
                item, which = identity(sample)
                found = float(str(sample["filtered_resps"][0]) not in INVALID)
                yield Measurement(task=task, metric=KEPT, item=item, sample=which, value=found)


def _cut(lm: "HFLM", arguments: Sequence[Any]) -> bool:
    prompt, asked = arguments[0], arguments[-1]
    if not isinstance(prompt, str) or len(arguments) == 1:
        return False
    room = lm.max_length
    if isinstance(asked, Mapping):
        room -= next((int(asked[n]) for n in LIMITS if asked.get(n)), lm.max_gen_toks)
        text = prompt
    else:
        text, room = prompt + str(asked), room + 1
    # No token is less than a byte.
    return len(text.encode()) > room and bool(len(lm.tok_encode(text)) > room)
