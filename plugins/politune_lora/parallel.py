"""Several processes that train one adapter, each on its share of every step.

The invariant: weights are the same in all of them, and what they learn is what one process would
have learnt from the whole step. Gradients are summed once a step, as one flat tensor.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor

T = TypeVar("T")

PATIENCE = timedelta(days=1)
"""How long processes wait for each other: one of them may be evaluating a checkpoint."""


@dataclass(frozen=True)
class World:
    """A process among those that train together."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, rows: Sequence[T]) -> list[T]:
        return list(rows[self.rank :: self.size])

    def sum(self, values: "Sequence[Tensor]") -> None:
        """Replace each tensor by its sum over all processes: one exchange for all of them."""
        if self.size == 1:
            return
        import torch
        from torch.distributed import all_reduce

        flat = torch.cat([value.flatten() for value in values])
        all_reduce(flat)
        for value, total in zip(
            values, torch.split(flat, [v.numel() for v in values]), strict=True
        ):
            value.copy_(total.view_as(value))

    def told(self, said: bool, device: "torch.device") -> bool:  # noqa: FBT001
        """Return, in every process, what the one that leads says."""
        if self.size == 1:
            return said
        import torch

        heard = torch.tensor([float(said and self.leads)], device=device)
        self.sum([heard])
        return bool(heard)


@contextmanager
def together(processes: int, follow: Callable[[World], object]) -> Iterator[World]:
    """Be one of several processes while inside.

    Under `torchrun` or `accelerate launch`, this is one of those that they started; otherwise
    `processes` - 1 more are started, in which `follow`, picklable, does its share.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size > 1:
        with _joined(World(int(os.environ["RANK"]), size), "env://") as world:
            yield world
        return
    if processes == 1:
        yield World()
        return
    from torch.multiprocessing import get_context

    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder, "meeting").as_uri()
        started = [
            get_context("spawn").Process(
                target=_follow, args=(World(rank, processes), meeting, follow), daemon=True
            )
            for rank in range(1, processes)
        ]
        for process in started:
            process.start()
        try:
            with _joined(World(0, processes), meeting) as world:
                yield world
            for process in started:
                process.join()
        finally:
            for process in started:
                process.kill()


def _follow(world: World, meeting: str, follow: Callable[[World], object]) -> None:
    with _joined(world, meeting):
        follow(world)


@contextmanager
def _joined(world: World, meeting: str) -> Iterator[World]:
    import torch
    from torch import distributed

    backend = "nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(
        backend,
        init_method=meeting,
        rank=world.rank,
        world_size=world.size,
        timeout=PATIENCE,
    )
    try:
        yield world
    finally:
        distributed.destroy_process_group()
