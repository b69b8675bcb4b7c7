"""The engine that works on a Ray cluster: each item is a task, which Ray places and tries again.

Ray itself is the optional package `ray`. Where no cluster is named it is started on this machine.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat

from politune_harness import Engine, HarnessError, ServiceError, hookimpl
from politune_harness.discovery import DISABLE, FILES

Item = TypeVar("Item")
Result = TypeVar("Result")


class Ray(Engine):
    """Tasks of a Ray cluster. Its machines have this package, and the base model and sources.

    Tasks that another's error leaves behind end with this process. They are not cancelled: Ray
    2.60 aborts the process that cancels a task whose result is on its way.
    """

    address: str | None = None
    """The cluster: `auto` for the one that this machine belongs to, or `host:port`; by default Ray
    is started on this machine alone."""
    cpus: PositiveFloat = 1
    """Cores of each task; it uses as many threads."""
    gpus: NonNegativeFloat = 0
    """GPUs of each task that loads a model: a half lets two share one."""
    retries: NonNegativeInt = 3
    """How often Ray does a task again whose worker was lost."""

    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, model: bool = False
    ) -> Iterator[Result]:
        if not items:
            return
        ray = self._joined()
        plugins = {name: os.environ[name] for name in (FILES, DISABLE) if name in os.environ}
        task = ray.remote(_worked).options(
            num_cpus=self.cpus,
            num_gpus=self.gpus if model else 0,
            max_retries=self.retries,
            runtime_env={"env_vars": plugins} if plugins else None,
        )
        waiting = [task.remote(work, item) for item in items]
        try:
            while waiting:
                yield ray.get(waiting.pop(0))
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, HarnessError):
                raise error.cause from None
            raise  # a bug: it tells where in the worker
        except ray.exceptions.RayError as error:
            why = str(error).strip().splitlines()[0]
            message = (
                f"Ray gave a task up, after {self.retries} retries if its worker was lost: {why}"
            )
            raise ServiceError(message) from None

    def _joined(self) -> Any:  # noqa: ANN401
        """Return Ray, connected; what it started ends with this process."""
        try:
            import ray
        except ImportError:
            message = "engine ray: the package ray is missing: pip install politune-harness[ray]"
            raise ServiceError(message) from None
        if ray.is_initialized():
            return ray
        own = {} if self.address else {"include_dashboard": False}
        try:
            ray.init(self.address or "local", log_to_driver=False, logging_level="error", **own)
        except Exception as error:  # noqa: BLE001 - what it raises has no type of its own
            what = f"no cluster at {self.address}" if self.address else "Ray does not start here"
            why = str(error).strip().splitlines()[0]
            message = f"engine ray: {what}: {why}"
            raise ServiceError(message) from None
        return ray


def _worked(work: Callable[[Item], Result], item: Item) -> Result:
    return work(item)


@hookimpl
def politune_engines() -> Mapping[str, type[Engine]]:
    return {"ray": Ray}
