"""Around lm-evaluation-harness's own model class: its progress on our display, and fluency.

Nothing here touches what is computed: requests and answers pass through as they are.
"""

import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import msgspec

from politune_harness.measurements import Measurement, identity
from politune_harness.progress import Work, working

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

FLUENCY = "bits_per_byte"
"""The metric by which the base judges how fluent an arm's answers are."""


class _Hook:
    """Stands where lm-eval's request cache would: told of every finished request."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add_partial(self, *_: object) -> None:
        self._work.advance()


def counted(lm: "HFLM") -> "HFLM":
    """Show each request that this model finishes on the progress display."""

    def shown(answer: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
        def counting(requests: list[Any]) -> list[Any]:
            names = sorted({str(request.task_name) for request in requests})
            label = names[0] if len(names) == 1 else f"{len(names)} tasks"
            with working(label, len(requests)) as work:
                lm.set_cache_hook(_Hook(work))
                return answer(requests)

        return counting

    for name in ("loglikelihood", "loglikelihood_rolling", "generate_until"):
        setattr(lm, name, shown(getattr(lm, name)))
    return lm


def seed() -> None:
    """Seed everything as `lm_eval` does before it loads a model.

    An adapter's weights are drawn before they are read, so seeding after that would sample other
    answers than plain `lm_eval` does.
    """
    import random

    import numpy as np
    from lm_eval.defaults import DEFAULT_OTHER_SEED, DEFAULT_RANDOM_SEED
    from lm_eval.utils import set_torch_seed

    random.seed(DEFAULT_RANDOM_SEED)
    np.random.seed(DEFAULT_OTHER_SEED)  # noqa: NPY002
    set_torch_seed(DEFAULT_OTHER_SEED)


@dataclass(frozen=True)
class Drawn:
    """How far the random numbers have been drawn."""

    python: Any
    numpy: Any
    torch: Any
    devices: list[Any]

    def restore(self) -> None:
        """Go back there, so that a task gets the numbers that it gets when asked alone."""
        import random

        import numpy as np
        import torch

        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002
        torch.set_rng_state(self.torch)
        if self.devices:
            torch.cuda.set_rng_state_all(self.devices)


def drawn() -> Drawn:
    """Return how far the random numbers have been drawn by now."""
    import random

    import numpy as np
    import torch

    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    state = np.random.get_state()  # noqa: NPY002
    return Drawn(random.getstate(), state, torch.get_rng_state(), devices)


@contextmanager
def quiet() -> Iterator[Counter[str]]:
    """Keep the libraries' bars and log lines away; count warnings about numbers, digits as #."""
    from lm_eval import evaluator
    from tqdm import tqdm  # type: ignore[import-untyped]

    noted: Counter[str] = Counter()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.startswith(("lm_eval.models", "lm_eval.evaluator")):
                noted[re.sub(r"\d+", "#", record.getMessage())] += 1

    start = tqdm.__init__

    def hidden(self: object, *args: object, **fields: object) -> None:
        start(self, *args, **{**fields, "disable": True})

    def unasked(*_: object) -> None:
        return None

    logger, listener = logging.getLogger("lm_eval"), Listener(logging.WARNING)
    passed_on, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        with (
            patch.object(tqdm, "__init__", hidden),
            # simple_evaluate would ask git, and list the machine's packages: a second each time.
            patch.object(evaluator, "add_env_info", unasked),
            patch.object(evaluator, "get_git_commit_hash", unasked),
        ):
            yield noted
    finally:
        logger.removeHandler(listener)
        logger.propagate = passed_on


def fluency(lm: "HFLM", samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Measurement]:
    """Measure how fluent answers are to the untouched base: bits per byte of UTF-8, lower is more.

    Each completion is scored given its prompt, adapter off; an empty one is missing. Fluent is
    not sound: a text that says one thing over and over costs few bits. So read it beside the
    `repetition` and `empty` of politune_gpt_score.
    """
    rows: list[Measurement] = []
    places: list[int] = []
    requests: list[tuple[tuple[str, str], list[int], list[int]]] = []
    for task, sample in _generated(samples):
        item, which = identity(sample)
        for (prompt, _), answers in zip(sample["arguments"], sample["resps"], strict=True):
            before = lm.tok_encode(prompt)
            for n, text in enumerate(answers):
                number = which if len(answers) == 1 else n
                rows.append(Measurement(task=task, metric=FLUENCY, item=item, sample=number))
                said = lm.tok_encode(text, add_special_tokens=False)
                if 0 < len(said) < lm.max_length - 1:
                    places.append(len(rows) - 1)
                    requests.append(((prompt, text), before, said))
    with working("coherence", len(requests)) as work:
        lm.set_cache_hook(_Hook(work))
        # By tokens: lm-eval's `loglikelihood` counts a prompt's last blanks with the answer.
        scores = lm._loglikelihood_tokens(requests) if requests else []  # noqa: SLF001
    for place, ((_, text), *_), (loglikelihood, _) in zip(places, requests, scores, strict=True):
        bits = -loglikelihood / math.log(2) / len(text.encode())
        rows[place] = msgspec.structs.replace(rows[place], value=bits)
    return rows


def _generated(
    samples: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the samples that were answered in text, each once, with their task."""
    for task, each in samples.items():
        for sample in each:
            in_text = all(isinstance(arguments[-1], dict) for arguments in sample["arguments"])
            if in_text and sample["filter"] == each[0]["filter"]:
                yield task, sample
