"""One training, from preference pairs to an adapter on disk.

The work is done in a hidden folder beside the one that is asked for, and moved there when it is
whole. A training that was killed finds it, and goes on from its last state, to the same bytes.
"""

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from politune_harness import (
    DataError,
    Dropped,
    ModelError,
    ModelRef,
    Preference,
    Watch,
    working,
)
from politune_harness.adapters import base_digest
from politune_lora import adapters, base, planning, reference, saving, state
from politune_lora.loop import Training
from politune_lora.objectives import OBJECTIVES
from politune_lora.parallel import World, together
from politune_lora.rows import Chat, Row, tokenise
from politune_lora.scoring import Scorer
from politune_lora.writer import LOG, SPEED, Writer, undisturbed

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig, PeftModel
    from torch import Tensor

    from politune_lora import LoRA
    from politune_lora.full import FullModel

log = logging.getLogger(__name__)

ON_CPU = 1024
"""Tokens that pass through a model at once on a CPU: few, where padding costs most."""
CACHE = ".reference"
"""Beside the folders of an arm's seeds, which share it."""


@dataclass(frozen=True)
class Job:
    """What is to be trained, on what, and where it goes."""

    settings: "LoRA"
    preferences: Sequence[Preference]
    model: str
    folder: Path
    seed: int
    watched: str = ""
    """The key of what looks at checkpoints, the same in every process."""
    trusted: bool = False
    """Whether Python code that comes with the model may be run."""
    start: Path | None = None
    """An adapter that training goes on from; without one it begins with a new one."""

    def run(self, on_checkpoint: Watch | None = None) -> ModelRef:
        """Train, in as many processes as the settings say, and return what came of it."""
        with unvisited(), together(self.settings.processes, self.work_in) as world:
            self.work_in(world, on_checkpoint)
        if world.leads:
            (self.work / state.FILE).unlink(missing_ok=True)
            saving.move(self.work, self.folder)
        return self.ref(self.folder / "adapter")

    def ref(self, adapter: Path, step: int | None = None) -> ModelRef:
        """Refer to the base under an adapter."""
        return ModelRef(
            base=self.model, adapter=str(adapter), step=step, trust_remote_code=self.trusted
        )

    @property
    def work(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}")

    def work_in(self, world: World, on_checkpoint: Watch | None = None) -> None:
        """Do one process's share of the work; the one that leads writes."""
        config = self._config()
        phases = [(phase, *self._rows(phase)) for phase in self.settings.phases]
        provenance = self._provenance(phases[-1][1])
        of = saving.text_digest(saving.canonical(provenance.facts) + self.watched) or ""
        found = state.find(self.work, of)
        device = base.pick_device(world.rank)
        with seeded(device, self.seed):
            rows = [row for _, its, _ in phases for row in its]
            scorer = self._scorer(config, device, rows)
            trainings = [Training(scorer, its, p, self.seed, world=world) for p, its, _ in phases]
            if world.leads:
                self._begin(found, trainings, phases[-1][1], phases[-1][2])
            writer = Writer(self, provenance, sum(len(t.plan) for t in trainings), on_checkpoint)
            with working("steps", writer.total) as progress, writer.tracked(scorer, found, world):
                for figures, training, place in self._steps(trainings, provenance, of, found):
                    progress.advance()
                    progress.rename(f"steps, loss {figures['loss']:.3f}")
                    if world.leads:
                        writer.step(figures, training, place)
                    if writer.looks(figures) and world.told(writer.stopped, device):
                        break
            if world.leads:
                writer.finish(scorer.model)

    def _config(self) -> "PeftConfig | None":
        settings = self.settings
        if settings.full:
            return None
        return adapters.configure(settings.adapter_kind, settings.adapter_fields())

    def _steps(
        self,
        trainings: Sequence[Training],
        provenance: saving.Provenance,
        of: str,
        found: state.Place | None,
    ) -> Iterator[tuple[dict[str, float], Training, state.Place]]:
        """Train one phase after the other, from where a killed training was `found`."""
        start = found or state.Place(of, 0, 0)
        if start.stopped:
            return
        before = 0
        for phase, fresh in enumerate(trainings):
            if phase >= start.phase:
                training = replace(fresh, known=self._known(fresh, provenance, first=phase == 0))
                done = 0
                if phase == start.phase and found is not None:
                    state.load(self.work, training, found)
                    done = found.step
                if self.settings.compiled:
                    planning.compiled(training.scorer.model.get_base_model())
                for step, figures in enumerate(training.run(done), done + 1):
                    counted = {**figures, "step": before + step}
                    yield counted, training, state.Place(of, phase, step)
            before += len(fresh.plan)

    @cached_property
    def chat(self) -> Chat:
        settings, name = self.settings, self.model
        thinking = settings.enable_thinking
        options = () if thinking is None else (("enable_thinking", thinking),)
        tokenizer = base.load_tokenizer(name, trusted=self.trusted)
        chat = Chat(tokenizer, name, settings.system, options, alpaca=settings.compat)
        if settings.system and not chat.templated:
            message = f"{name} has no chat template, so no place for a system prompt: leave it out"
            raise ModelError(message)
        return chat

    def _rows(self, phase: "LoRA") -> tuple[list[Row], list[Dropped]]:
        objective = OBJECTIVES[phase.objective]
        most = base.context_length(self.model, trusted=self.trusted) or phase.max_length
        longest = min(phase.max_length, most)
        rows, dropped = tokenise(
            self.preferences,
            self.chat,
            answers=objective.answers,
            max_length=longest,
            max_characters=phase.max_length if phase.compat else None,
            plain=objective.plain,
            truncate=phase.too_long == "truncate",
        )
        if not rows:
            reasons = ", ".join(sorted({d.reason for d in dropped})) or "none was given"
            message = f"no pair is left to train {self.model} on: {reasons}"
            if reasons == "empty prompt":
                message += "; texts without prompts are for `objective: clm`"
            raise DataError(message)
        return rows, dropped

    def _provenance(self, rows: Sequence[Row]) -> saving.Provenance:
        kept = {row.id for row in rows}
        return saving.Provenance(
            base=saving.named(self.model),
            base_sha256=base_digest(self.model),
            template_sha256=saving.text_digest(self.chat.template),
            data_sha256=saving.data_digest([p for p in self.preferences if p.id in kept]),
            rows=len(rows),
            objective=self.settings.objective,
            seed=self.seed,
            settings=self.settings.model_dump(mode="json", exclude={*self.settings.unseen}),
            versions=saving.versions(),
            start_sha256=saving.adapter_digest(self.start) if self.start else None,
        )

    def _scorer(
        self, config: "PeftConfig | None", device: "torch.device", rows: Sequence[Row]
    ) -> Scorer:
        settings = self.settings
        dtype = base.pick_dtype(settings.dtype, device)
        scorer = Scorer(self._model(config, dtype, device), device, dtype, ON_CPU)
        scorer = scorer.packs(max(row.width for row in rows), wanted=settings.packed)
        if settings.micro_tokens or device.type == "cpu":
            planning.recompute(scorer.model.get_base_model(), settings.recomputed_layers or 0)
            return replace(scorer, micro_tokens=settings.micro_tokens or ON_CPU)
        need = planning.measure(scorer, [max(rows, key=lambda row: row.width)])
        free = planning.free_memory(device)
        again, tokens = planning.fit(free, need, rows, settings.recomputed_layers)
        log.info("%d tokens at once; %d of %d layers computed again", tokens, again, need.layers)
        planning.recompute(scorer.model.get_base_model(), again)
        return replace(scorer, micro_tokens=tokens)

    def _model(
        self, config: "PeftConfig | None", dtype: "torch.dtype", device: "torch.device"
    ) -> "PeftModel | FullModel":
        import torch

        from politune_lora.full import FullModel

        settings = self.settings
        loaded = torch.float32 if config is None else dtype  # autocast works in `dtype`
        bits = 4 if settings.four_bit else loaded.itemsize * 8
        planning.weigh(self.model, bits, settings.full, planning.free_memory(device))
        model = base.load_model(
            self.model, loaded, device, four_bit=settings.four_bit, trusted=self.trusted
        )
        if config is None:
            return FullModel(model, self.chat.tokenizer)
        adapted = adapters.attach(model, config, self.model)
        if self.start is not None:
            adapters.resume(adapted, self.start)
        return adapted

    def _known(
        self, training: Training, provenance: saving.Provenance, *, first: bool
    ) -> "Tensor | None":
        """Return the reference of a phase: the base, or what earlier training made of it."""
        if not training.objective.referenced or (first and self.settings.online_reference):
            return None
        first = first and self.start is None
        four = "four bits" if self.settings.four_bit else "whole"
        facts = {"base": provenance.base_sha256, "loaded": four, **provenance.versions}
        folder = self.folder.parent / CACHE if first else self.work / CACHE
        rows, scorer, world = training.rows, training.scorer, training.world
        path = reference.place(folder, rows, facts, scorer, world)
        return reference.cached(path, scorer, rows, world, base=first)

    def _begin(
        self,
        found: state.Place | None,
        trainings: Sequence[Training],
        rows: Sequence[Row],
        dropped: Sequence[Dropped],
    ) -> None:
        """Start a folder to work in, or take up the one that was found."""
        if found is None:
            with suppress(OSError):
                saving.remove(self.work)
            saving.write_rows(self.work / "rows.json", rows, dropped)
            saving.write(self.work / LOG, "")
            if dropped:
                total = len(rows) + len(dropped)
                log.warning("%d of %d pairs dropped; see rows.json", len(dropped), total)
            return
        for partial in list(self.work.rglob(".*.partial")):
            saving.remove(partial)
        done = sum(len(t.plan) for t in trainings[: found.phase]) + found.step
        for name in (LOG, SPEED):
            lines = (self.work / name).read_text(encoding="utf-8").splitlines(keepends=True)
            saving.write(self.work / name, "".join(lines[:done]))
        log.warning("going on after step %d, where training was stopped", done)


@contextmanager
def unvisited() -> Iterator[None]:
    """Keep the garbage collector away from what was there before: libraries, a million objects."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def seeded(device: "torch.device", seed: int) -> Iterator[None]:
    """Draw random numbers from a seed while inside, and give the caller's back."""
    import torch

    with undisturbed(device):
        torch.manual_seed(seed)
        yield
