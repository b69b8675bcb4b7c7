"""Evaluations of checkpoints while training goes on: what a trainer's `on_checkpoint` does.

    4-start/base                              the base, on what checkpoints are evaluated on
    4-train/left/seed-0/trajectory/step-20    a checkpoint; with the scores of judges in `judged`
    4-train/left/seed-0/trajectory/selection.json

While a training is unfinished its trajectory lies in a hidden folder beside it, which a run that
was killed finds: a checkpoint with the same weights is not evaluated again.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from politune_harness.artifacts import Artifact, Contents, digest, write_whole
from politune_harness.components import Ruling
from politune_harness.errors import DataError
from politune_harness.evaluation import Evaluator
from politune_harness.halves import Half
from politune_harness.measurements import read
from politune_harness.plan import Plan
from politune_harness.progress import note
from politune_harness.records import JSON, ModelRef
from politune_harness.selection import (
    CHOICE,
    START,
    Alike,
    Best,
    Choice,
    Key,
    Means,
    Point,
    Rule,
    Side,
    coherence,
    everything,
    means,
    read_choice,
    side,
)
from politune_harness.stage import Stage, distribution, states_of

if TYPE_CHECKING:
    from politune_harness.report.instruments import Scale

SAME = ".made-of"
"""Within an evaluation: the digest of what it was made of."""


@dataclass(frozen=True)
class Looked:
    """What one evaluation measured."""

    means: Means
    scales: "Mapping[Key, Scale]"

    @classmethod
    def at(cls, folder: Path) -> "Looked":
        """Read an evaluation's folder, with the scores of judges where there are any."""
        from politune_harness.report.instruments import instruments, scales

        folder = folder / "judged" if (folder / "judged").is_dir() else folder
        about = json.loads((folder / "results.json").read_text("utf-8"))
        found = means(read(folder / "measurements.jsonl"))
        return cls(found, scales(found, instruments(about)))


@dataclass
class Watcher:
    """Looks at the checkpoints of one training; see `components.Watch`."""

    every_steps: int
    key: str
    folder: Path
    """Where the trajectory grows."""
    look: Callable[[Path, Path], None]
    """Evaluates an adapter, and fills a folder."""
    base: Looked
    side: Side | None
    rule: Rule
    points: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take up what a killed training left, or clear what another one did."""
        known = self.folder / SAME
        if not known.is_file() or known.read_text() != self.key:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            write_whole(known, self.key)

    def __call__(self, checkpoint: ModelRef) -> Ruling:
        """Evaluate a checkpoint, unless that was done, and rule."""
        step, adapter = checkpoint.step, Path(str(checkpoint.adapter))
        assert step is not None
        place = self._evaluated(step, adapter)
        self.points = [*self._before(step), self._point(step, Looked.at(place))]
        write_whole(place / "point.json", msgspec.json.encode(self.points[-1]).decode())
        ruled = self.rule(self.points)
        return replace(ruled, scores=_scores(self.points[-1]))

    def _evaluated(self, step: int, adapter: Path) -> Path:
        place, partial = self.folder / f"step-{step}", self.folder / ".partial"
        same = digest(Contents(Path()).files(adapter))
        known = place / SAME
        if not known.is_file() or known.read_text() != same:
            for old in (place, partial):
                shutil.rmtree(old, ignore_errors=True)
            self.look(partial, adapter)
            write_whole(partial / SAME, same)
            partial.replace(place)
        return place

    def _before(self, step: int) -> list[Point]:
        """Return the points of earlier steps, which a killed training may have left."""
        paths = self.folder.glob("step-*/point.json")
        found = [msgspec.json.decode(path.read_bytes(), type=Point) for path in paths]
        return sorted((p for p in found if p.step < step), key=lambda point: point.step)

    def _point(self, step: int, now: Looked) -> Point:
        leaning = {key: now.means.get(key, {}) for key in self.base.scales}
        return Point(
            step=step,
            trait=self.side.trait(self.base.means, now.means) if self.side else None,
            coherence=coherence(self.base.means, now.means),
            values={
                " ".join(key): sum(items.values()) / len(items)
                for key, items in sorted(leaning.items())
                if items
            },
        )

    def finish(self, training: Path) -> Mapping[str, JSON]:
        """Put the trajectory where it belongs; return the manifest's counts."""
        if not self.points:
            self.points = self._before(1 << 62)
        if not self.points:
            message = "the trainer shows no checkpoints, so none can be evaluated: leave out "
            raise DataError(message + "evaluate.every_steps")
        last, counts = self.points[-1].step, {}
        if (best := self.rule(self.points).best) is not None:
            assert isinstance(self.rule, Best | Alike)
            point = next(point for point in self.points if point.step == best)
            held = self.rule.held(point)
            choice = Choice(points=self.points, chosen=best, held=held, rule=str(self.rule))
            text = msgspec.json.format(msgspec.json.encode(choice), indent=2).decode()
            write_whole(self.folder / CHOICE, text + "\n")
            counts["chosen"] = best
            note(f"chosen: step {best} of {last}" + ("" if held else ", less coherent than asked"))
        for path in self.folder.glob("step-*"):
            if path.name not in {f"step-{point.step}" for point in self.points}:
                shutil.rmtree(path)
        self.folder.replace(training / "trajectory")
        return {**counts, "steps": last}


def _scores(point: Point) -> dict[str, float]:
    found = {"trait": point.trait, "coherence": point.coherence, **point.values}
    return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Watching:
    """How the checkpoints of a run are looked at."""

    plan: Plan
    run: Path
    contents: Contents
    external: Mapping[str, str]
    """The content of the tasks and of the base model."""

    @property
    def now(self) -> bool:
        """Whether judges are asked at once."""
        return bool(self.plan.judges) and self.plan.recipe.judge == "now"

    @cached_property
    def judges(self) -> tuple[list[JSON], dict[str, str]]:
        """What the judges are, and the content of their files."""
        asked = self.plan.judges if self.now else ()
        return states_of(asked, self.plan.registry, self.contents, "judges")

    @property
    def settings(self) -> dict[str, JSON]:
        """What a look at a checkpoint depends on."""
        asked = self.plan.recipe.evaluate
        fields = asked.model_dump(
            mode="json",
            include={"system", "chat_template", "limit", "batch_size", "dtype", "device"},
        )
        return {
            **fields,
            "tasks": [*asked.watched],
            "metadata": {**asked.metadata, **asked.trajectory_metadata},
            "half": "selection" if asked.select else None,
            "judges": self.judges[0],
        }

    def look(self) -> Callable[[Path, Path | None], None]:
        """Return what evaluates an adapter, or the base: one model is loaded for all calls."""
        plan, asked = self.plan, self.plan.recipe.evaluate
        merged = {**asked.metadata, **asked.trajectory_metadata}
        settings = asked.model_copy(update={"metadata": merged, "backend": "hf"})
        half: Half | None = "selection" if asked.select else None
        answering = Evaluator.of(plan, settings, judging="later", half=half)
        judging = Evaluator.of(plan, settings, half=half)

        def evaluate(folder: Path, adapter: Path | None) -> None:
            answering.run(folder, adapter=adapter, tasks=asked.watched)
            if self.now:
                judging.judge(folder, folder / "judged")

        return evaluate

    def start(self) -> Stage:
        """Return the stage that looks at the base; it refuses what could not be chosen by."""

        def work(artifact: Artifact) -> None:
            self.look()(artifact.path, None)
            self.check(Looked.at(artifact.path))

        made_by: dict[str, JSON] = {
            "use": "trajectory",
            "distribution": distribution(),
            "fields": self.settings,
        }
        external = {**self.external, **self.judges[1]}
        return Stage(START, "start", Artifact(self.run / START), made_by, work, (), external)

    def check(self, base: Looked) -> None:
        """Raise RecipeError or DataError for a rule that nothing measured can follow."""
        select = self.plan.recipe.evaluate.select
        if select is None:
            return
        for name, arm in self.plan.recipe.arms.items():
            side(base.scales, arm.toward, select.by, name)
        if select.coherence_at_least is not None and coherence(base.means, base.means) is None:
            message = "evaluate.select.coherence_at_least: no task of the trajectory has answers "
            raise DataError(message + "in text; add one, such as politune_gpt_score")

    def made_by(self, arm: str) -> dict[str, JSON]:
        """Return what a training depends on where it is watched."""
        asked = self.plan.recipe.evaluate
        told: dict[str, JSON] = {"every_steps": asked.every_steps, "trajectory": self.settings}
        if asked.select:
            told["select"] = asked.select.model_dump(mode="json")
            told["toward"] = [*self.plan.recipe.arms[arm].toward]
        return told

    def watcher(self, arm: str, training: Artifact, others: Sequence[Path]) -> Watcher:
        """Return what watches a training; `others` are those that it is to be as long as."""
        asked = self.plan.recipe.evaluate
        base = Looked.at(self.run / START)
        select, where, rule = asked.select, None, everything
        if select is not None:
            where = side(base.scales, self.plan.recipe.arms[arm].toward, select.by, arm)
            rule = Best(select) if where else Alike(_mean_step(others), select.keep)
        place = training.path.with_name(f".{training.path.name}.trajectory")
        assert asked.every_steps is not None
        return Watcher(asked.every_steps, training.work, place, self.look(), base, where, rule)


def _mean_step(trainings: Sequence[Path]) -> float:
    found = [choice.chosen for path in trainings if (choice := read_choice(path))]
    return sum(found) / len(found)
