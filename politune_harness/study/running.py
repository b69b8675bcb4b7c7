"""Run a study: each distinct piece of work once, wherever its engine has room.

The steps of the pipeline are barriers. Of each, the work that no cell has yet and that the store
lacks is given to the engine; then every cell takes what it shares from the store. Nothing here
schedules: that is the engine's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from politune_harness.artifacts import Contents, disk_errors
from politune_harness.components import Engine
from politune_harness.errors import located
from politune_harness.judging import check_judges
from politune_harness.layout import stages
from politune_harness.plan import Plan, plan
from politune_harness.progress import track
from politune_harness.registry import Registry
from politune_harness.run_folder import keep_recipe, locked
from politune_harness.stage import Stage, why
from politune_harness.store import Store
from politune_harness.study import Cell, Grid
from politune_harness.study.frozen import freeze, stands
from politune_harness.study.work import Keys, Place, Task, bring, work
from politune_harness.task_check import check_measure, check_tasks

CELLS, STORE, MEMORY = "cells", "store", ".contents.json"


class Phase(NamedTuple):
    """Steps that are worked without a barrier between them."""

    name: str
    steps: tuple[str, ...]
    model: bool = False
    """Whether the work loads a model."""
    asks: bool = False
    """Whether the work may ask endpoints that cost money."""
    looks: bool = False
    """Whether judges may be asked about a model that is not trained to its end."""


PHASES = (
    Phase("curate", ("read", "filter", "instruct", "overlap"), asks=True),
    Phase("pair", ("pairs",), asks=True),
    Phase("look at the base", ("start",), model=True, looks=True),
    Phase("train", ("train",), model=True, looks=True),
    Phase("merge", ("merge",)),
    Phase("evaluate", ("evaluate",), model=True),
    Phase("judge", ("judge",), asks=True),
)
"""All steps but the report."""
REPORTS = Phase("report", ("report",))
TOGETHER = 4
"""Evaluations that follow each other on one loaded model."""


@dataclass(frozen=True)
class Laid:
    """A cell with its stages."""

    cell: Cell
    plan: Plan
    place: Place
    stages: tuple[Stage, ...]


class Shared(NamedTuple):
    """The stages of one step in all cells."""

    step: str
    stages: int
    distinct: int
    done: int
    """How many of the distinct ones."""


def folder_of(cell: Cell, out: Path) -> Path:
    """Return the folder of a cell's run."""
    return out / CELLS / cell.name


@dataclass(frozen=True)
class Running:
    """A study that is laid out in a folder."""

    grid: Grid
    out: Path
    store: str
    registry: Registry
    limited: bool = False
    """Whether what endpoints cost is limited: what may ask them is then done in this process."""

    def run(self, *, amend: bool = False) -> int:
        """Run every cell up to its report; return how many stages had to be made.

        Raises HarnessError, in one line, for whatever a user can mend, and where what was frozen
        has changed since, unless that is to `amend` it.
        """
        with locked(self.out), disk_errors(self.out):
            check(self.grid, self.out, self.registry)
            freeze(self.grid, self.out, amend=amend)
            contents = Contents(self.out / MEMORY)
            cells = [self.lay_out(cell, contents) for cell in self.grid.cells]
            for laid in cells:
                with locked(laid.place.run):
                    keep_recipe(laid.plan, laid.place.run)
            contents.save()
            if any(
                True for phase in PHASES for laid in cells for _ in _todo(laid, phase, contents)
            ):
                _check_judges(cells)
            with cells[0].plan.engine.kept() as engine:
                made = sum(self._work(cells, phase, contents, engine) for phase in PHASES[:-1])
            # What judges load finds no worker that holds memory still.
            made += self._work(cells, PHASES[-1], contents, cells[0].plan.engine)
            made += self._write_reports(cells, contents)
            contents.save()
        return made

    def lay_out(self, cell: Cell, contents: Contents) -> Laid:
        """Lay out one cell; nothing is written."""
        made = plan(cell.recipe, self.grid.folder, self.registry)
        run = folder_of(cell, self.out)
        place = Place.of(made, run, self.out / MEMORY)
        return Laid(cell, made, place, tuple(stages(made, run, contents)))

    def shared(self) -> tuple[list[Shared], list[tuple[Laid, Stage]]]:
        """Return how much of each step's work the cells share, and what is left of it.

        Of what is left, each distinct stage comes once, with a cell that needs it.
        """
        contents, keys = Contents(self.out / MEMORY), Keys()
        cells = [self.lay_out(cell, contents) for cell in self.grid.cells]
        held: dict[str, list[str]] = {}
        done: set[str] = set()
        for laid in cells:
            lacking = {stage.name for stage in _lacking(laid.stages, contents)}
            for stage in laid.stages:
                held.setdefault(stage.step, []).append(keys(stage))
                done |= {keys(stage)} if stage.name not in lacking else set()
        steps = [step for phase in PHASES for step in phase.steps if step in held]
        told = [Shared(s, len(held[s]), len({*held[s]}), len({*held[s]} & done)) for s in steps]
        every = {keys(stage): (laid, stage) for laid in cells for stage in laid.stages}
        return told, [each for key, each in every.items() if key not in done]

    def _work(self, cells: Sequence[Laid], phase: Phase, contents: Contents, engine: Engine) -> int:
        """Have a phase's work done, and let every cell take what it shares with another.

        Returns how many stages were made.
        """
        tasks = list(self.tasks(cells, phase, contents))
        made, store = 0, Store(self.store)
        if not self._here(cells, phase, len(tasks)):
            model = {"model": True} if phase.model else {}
            made = sum(track(engine.map(work, tasks, **model), phase.name, len(tasks)))
        for laid in cells:
            done: set[str] = set()
            for stage in laid.stages:
                if stage.step in phase.steps:
                    made += bring(stage, contents, store, done)
        return made

    def _here(self, cells: Sequence[Laid], phase: Phase, tasks: int) -> bool:
        """Say whether a phase is worked in this process.

        So are judgements, whose keys and prices are here, and sources of more shards than there are
        pieces of work, where workers see the same files: the engine gets their shards.
        """
        sources = [arm.source for laid in cells for arm in laid.plan.arms if arm.source]
        sharded = phase.name == "curate" and any(len(s.shards()) > tasks for s in sources)
        sharded = sharded and "://" not in self.store
        judges = phase.name == "judge"
        asks = phase.asks or (phase.looks and any(map(_looks, cells)))
        return tasks > 0 and (sharded or judges or (asks and self.limited))

    def tasks(self, cells: Sequence[Laid], phase: Phase, contents: Contents) -> Iterator[Task]:
        """Yield the work of a phase that no cell has done, each distinct piece once."""
        keys, seen = Keys(), set[str]()
        for laid in cells:
            for group in _groups(list(_todo(laid, phase, contents)), phase):
                fresh = [stage.name for stage in group if keys(stage) not in seen]
                seen |= {keys(stage) for stage in group}
                if fresh:
                    yield Task(laid.place, tuple(fresh), self.store)

    def _write_reports(self, cells: Sequence[Laid], contents: Contents) -> int:
        """Write the report of every cell that lacks it, on this machine; return how many."""
        tasks = [
            Task(laid.place, (REPORTS.name,), self.store)
            for laid in cells
            if any(True for _ in _todo(laid, REPORTS, contents))
        ]
        engine = self.registry.build(Engine, "local")
        return sum(track(engine.map(work, tasks), "reports", len(tasks)))


def check(grid: Grid, out: Path, registry: Registry) -> None:
    """Raise HarnessError where a task is not there, or does not measure what a study is for.

    Only before that is frozen: what was frozen can be measured. Cells that evaluate the same are
    looked at once.
    """
    if stands(grid, out):
        return
    primary, named = grid.study.primary, set[str]()
    for _, levels in primary.sets:
        named |= {*grid.matching(levels)}
    seen: list[object] = []
    for cell in grid.cells:
        told = cell.recipe.evaluate, cell.recipe.judges, not named or cell.condition in named
        if told in seen:
            continue
        seen.append(told)
        made = plan(cell.recipe, grid.folder, registry)
        with located(f"cell {cell.name}"):
            check_tasks(made)
        if told[-1]:
            with located("study.primary"):
                check_measure(made, primary.task, primary.metric)


def _check_judges(cells: Sequence[Laid]) -> None:
    """Check the judges of all cells, those of a kind once."""
    seen: list[object] = []
    for made in (laid.plan for laid in cells):
        told = made.recipe.judges, made.model, made.recipe.judge
        if told not in seen:
            seen.append(told)
            check_judges(made.judges, made.model, made.recipe.judge)


def _looks(laid: Laid) -> bool:
    """Say whether a cell's judges are asked while it trains."""
    recipe = laid.plan.recipe
    looks = recipe.evaluate.every_steps is not None
    return looks and bool(laid.plan.judges) and recipe.judge == "now"


def _todo(laid: Laid, phase: Phase, contents: Contents) -> Iterator[Stage]:
    """Yield the stages of a phase that do not stand."""
    return _lacking([stage for stage in laid.stages if stage.step in phase.steps], contents)


def _lacking(held: Sequence[Stage], contents: Contents) -> Iterator[Stage]:
    """Yield which of a cell's stages, in the order of work, do not stand."""
    again: set[str] = set()
    for stage in held:
        if why(stage, contents, again) is not None:
            again.add(stage.name)
            yield stage


def _groups(todo: Sequence[Stage], phase: Phase) -> Iterator[Sequence[Stage]]:
    """Yield what is to be done one after the other by the same worker: what needs each other."""
    if phase.name == "evaluate":
        yield from (todo[i : i + TOGETHER] for i in range(0, len(todo), TOGETHER))
        return
    reach = {s.name: {s.name, *(need.name for need in s.needs)} for s in todo}
    names = set(reach)
    left = list(todo)
    while left:
        near = reach[left[0].name] & names
        while more := [s for s in left if s.name not in near and reach[s.name] & near]:
            near |= {name for s in more for name in reach[s.name] & names}
        yield [s for s in left if s.name in near]
        left = [s for s in left if s.name not in near]
