"""Figures for those who watch trainings elsewhere, by Accelerate's trackers."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from politune_harness import RecipeError, ServiceError
from politune_harness.records import JSON
from politune_harness.registry import nearest

Track: TypeAlias = Callable[[Mapping[str, float], int], None]
"""Sends figures of a step."""

PROJECT = "politune"
"""What the trainings are filed under."""


def _nobody(figures: Mapping[str, float], step: int) -> None:
    """Send figures nowhere."""


@contextmanager
def tracking(names: Sequence[str], folder: Path, told: Mapping[str, JSON]) -> Iterator[Track]:
    """Hand out what sends figures to each tracker; those that keep files keep them in `folder`.

    `told` is what they are told of the training. Raises RecipeError for a name that Accelerate
    does not know, ServiceError where its package is not installed.
    """
    if not names:
        yield _nobody
        return
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            message = f"trackers: {nearest(name, LOGGER_TYPE_TO_CLASS)}; none is called {name!r}"
            raise RecipeError(message)
        if name not in map(str, get_available_trackers()):
            message = f"the tracker {name!r} is not installed: pip install {name}"
            raise ServiceError(message)
    PartialState()  # without it, W&B's tracker cannot even log that it began
    kinds = [LOGGER_TYPE_TO_CLASS[name] for name in names]
    opened = [
        kind(PROJECT, str(folder))
        if kind.requires_logging_directory
        else kind(PROJECT, **({"dir": str(folder)} if kind.name == "wandb" else {}))
        for kind in kinds
    ]
    plain = {k: v if isinstance(v, str | int | float) else json.dumps(v) for k, v in told.items()}
    for tracker in opened:
        tracker.start()
        tracker.store_init_configuration(plain)

    def track(figures: Mapping[str, float], step: int) -> None:
        for tracker in opened:
            tracker.log(dict(figures), step=step)

    try:
        yield track
    finally:
        for tracker in opened:
            tracker.finish()
