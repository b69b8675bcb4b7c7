"""An engine for PoliTune Harness."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pydantic import PositiveInt

from politune_harness import Engine, hookimpl

Item = TypeVar("Item")
Result = TypeVar("Result")


class Example(Engine):
    """Work shards in threads of this process."""

    workers: PositiveInt = 2
    """How many at once."""

    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, model: bool = False
    ) -> Iterator[Result]:
        del model  # threads share what this process has
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                yield from pool.map(work, items)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@hookimpl
def politune_engines() -> Mapping[str, type[Engine]]:
    return {"example": Example}
