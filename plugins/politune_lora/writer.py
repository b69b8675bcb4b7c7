"""What is written while a training goes on: figures, checkpoints, and the state to go on from.

Only the process that leads writes. What depends on the clock goes into hidden files alone.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from politune_harness import Ruling, Watch
from politune_lora import saving, state
from politune_lora.loop import Training
from politune_lora.parallel import World
from politune_lora.scoring import Scorer
from politune_lora.speed import Meter
from politune_lora.trackers import Track, tracking

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

    from politune_lora.full import FullModel
    from politune_lora.job import Job

LOG = "log.jsonl"
SPEED = ".speed.jsonl"
"""Hidden, so that nothing that is hashed depends on the clock."""
PEAK = ".speed.json"
"""What the shares of the peak in it are shares of."""
TRACKERS = ".trackers"
CHECKPOINTS = "checkpoints"


@contextmanager
def undisturbed(device: "torch.device") -> Iterator[None]:
    """Give back the random state that there was, whatever is drawn inside."""
    import torch

    with torch.random.fork_rng([torch.cuda.current_device()] if device.type == "cuda" else []):
        yield


@dataclass
class Writer:
    """Writes what there is to write after each step."""

    job: "Job"
    provenance: saving.Provenance
    total: int
    on_checkpoint: Watch | None
    ruled: Ruling = field(default_factory=Ruling)
    track: Track = field(init=False)
    meter: Meter = field(init=False)

    @contextmanager
    def tracked(self, scorer: Scorer, found: state.Place | None, world: World) -> Iterator[None]:
        """Measure how fast it goes, and send figures to trackers, while inside."""
        if found is not None:
            self.ruled = Ruling(best=found.best, stop=found.stopped)
        if not world.leads:
            yield
            return
        self.meter = Meter(scorer)
        saving.write(self.job.work / PEAK, saving.canonical(self.meter.peak._asdict()))
        folder = self.job.folder
        told = {"training": f"{folder.parent.name}/{folder.name}", **self.provenance.settings}
        with tracking(self.job.settings.trackers, self.job.work / TRACKERS, told) as self.track:
            self.meter.start()
            yield

    @property
    def stopped(self) -> bool:
        return self.ruled.stop

    def looks(self, figures: dict[str, float]) -> bool:
        """Say whether there is a checkpoint at a step: the same in every process."""
        every, step = self.job.settings.every_steps, int(figures["step"])
        return every is not None and (step % every == 0 or step == self.total)

    def step(self, figures: dict[str, float], training: Training, place: state.Place) -> None:
        """Write what there is to write after a step."""
        work, step = self.job.work, int(figures["step"])
        saving.append(work / LOG, figures)
        _, chosen = training.plan[place.step - 1]
        pace = self.meter.lap([training.rows[i] for i in chosen])
        saving.append(work / SPEED, {"step": step, **pace})
        self.track({**figures, **pace}, step)
        if self.looks(figures) and (self.on_checkpoint or step < self.total):
            self.checkpoint(training, step)
        every, last = self.job.settings.save_steps, len(training.plan)
        if place.step % every == 0 or place.step == last or self.stopped:
            now = state.Place(place.of, place.phase, place.step, self.ruled.best, self.stopped)
            state.save(work, training, now)
        self.meter.start()

    def checkpoint(self, training: Training, step: int) -> None:
        """Keep the adapter as it is, have it looked at, and do what was ruled."""
        folder = self.job.work / CHECKPOINTS
        place = folder / f"step-{step}"
        saving.save(training.scorer.model, place, self.provenance, step)
        if self.on_checkpoint is None:
            return
        with undisturbed(training.scorer.device):
            found = self.job.ref(place, step)
            self.ruled = self.on_checkpoint(found)
        self.track({f"checkpoint/{k}": v for k, v in self.ruled.scores.items()}, step)
        if self.ruled.keep is not None:
            for path in folder.glob("step-*"):
                if int(path.name.removeprefix("step-")) not in self.ruled.keep:
                    saving.remove(path)

    def finish(self, model: "PeftModel | FullModel") -> None:
        """Write the adapter that came of it: the best, where one was chosen, or the last."""
        result = self.job.work / "adapter"
        if self.ruled.best is None:
            saving.save(model, result, self.provenance, self.total)
            return
        best = self.job.work / CHECKPOINTS / f"step-{self.ruled.best}"
        with saving.whole(result) as partial:
            shutil.copytree(best, partial)
