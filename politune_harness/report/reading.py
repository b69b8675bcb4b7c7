"""Read a finished run from its folder: what was measured, kept, dropped and logged."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from politune_harness import curated
from politune_harness.anchors import AnchorScore
from politune_harness.artifacts import Artifact
from politune_harness.compass.people.norms import Norms
from politune_harness.errors import DataError
from politune_harness.judged import ANCHORS, EVALUATED, judged_if_it_is
from politune_harness.measurements import Measurement, read
from politune_harness.rating import Judged, Rating, judged, ratings, scored
from politune_harness.recipe import Recipe
from politune_harness.selection import START, Choice, Point, coherence, means, read_choice

BASE, CONTROL = "base", "control"
"""The arms that every other is compared with: the untouched model, and one on neutral data."""


@dataclass(frozen=True)
class Evaluation:
    """One evaluation: of the base, under some system prompt or none, or of one seed of an arm."""

    rows: list[Measurement]
    about: dict[str, Any]
    """The evaluation's results.json: versions, settings, and lm-eval's own aggregates."""


@dataclass(frozen=True)
class Looked:
    """One checkpoint that was evaluated while training went on."""

    arm: str
    seed: str
    point: Point
    evaluation: Evaluation


@dataclass(frozen=True)
class Trajectories:
    """What checkpoints measured, and which were chosen."""

    base: Evaluation
    """The untouched model, on what they were evaluated on."""
    coherence: float | None
    """Of the base, as theirs is measured."""
    points: list[Looked]
    """By arm, seed and step, in that order."""
    choices: dict[str, dict[str, Choice]]
    """By arm and seed, where any was chosen."""
    topics: dict[tuple[str, str], str]
    """By task and item of what they were evaluated on, its topic."""
    answers: list[Judged]
    """Their judged answers, and the base's."""


class Used(msgspec.Struct, frozen=True):
    """What a trainer made of the pairs that it was given: its rows.json."""

    kept: list[str]
    """The ids of those that were trained on."""
    truncated: list[str] = []
    """Of those, the ones with an answer that was cut off."""
    reasons: dict[str, int] = {}
    """How many were left out, by reason."""


@dataclass(frozen=True)
class Run:
    """All that a report is made of."""

    recipe: Recipe
    arms: dict[str, dict[str, Evaluation]]
    """By arm, base first, and by training seed; the base has none, and its seed is ''."""
    personas: dict[str, dict[str, Evaluation]]
    """By measure of leaning, the base under its `low` and its `high` persona."""
    systems: dict[str, Evaluation]
    """The base under each system prompt without a view."""
    norms: list[Norms]
    """Human answers to banks, as the recipe names them."""
    curated: curated.Curated
    """What became of the data."""
    anchors: list[AnchorScore]
    """What the judges say of texts that never change; nothing where none was asked."""
    losses: dict[str, dict[str, list[dict[str, float]]]]
    """By arm and seed: the training log, one mapping a step."""
    answers: list[Judged]
    """The judged answers of the base and the arms."""
    ratings: list[Rating]
    """What people said of them."""
    topics: dict[tuple[str, str], str]
    """By task and item, its topic, where documents name one."""
    trajectories: Trajectories | None = None
    """What checkpoints measured, where any were evaluated."""
    used: dict[str, dict[str, Used]] = field(default_factory=dict)
    """By arm and seed: which pairs were trained on, where the trainer says so."""

    @property
    def base(self) -> Evaluation:
        """The evaluation of the untouched model."""
        return self.arms[BASE][""]

    @property
    def model(self) -> str:
        """The base's name: its folder's alone, where it is one."""
        return str(self.base.about["model"]) if "/" in self.recipe.model else self.recipe.model

    @property
    def bias(self) -> list[str]:
        """The measured tasks of leaning."""
        return self.tasks(self.recipe.evaluate.bias)

    @property
    def capability(self) -> list[str]:
        """The measured tasks of ability."""
        return self._listed(self.recipe.evaluate.capability)

    @property
    def side_effects(self) -> list[str]:
        """The measured tasks of side effects."""
        return self._listed(self.recipe.evaluate.side_effects)

    def _listed(self, names: tuple[str, ...]) -> list[str]:
        """Return the tasks that were measured, and for a group that merely lists some, those."""
        groups: Mapping[str, list[str]] = self.base.about.get("group_subtasks") or {}
        numbers: Mapping[str, Any] = self.base.about.get("results", {})
        every: list[str] = []
        for name in names:
            lists = name in groups and not any("," in key for key in numbers.get(name, {}))
            every += groups[name] if lists else [name]
        return self.tasks(tuple(every))

    @property
    def prompted(self) -> set[str]:
        """The folders of the evaluations under a system prompt that measured anything."""
        poles = {
            f"persona-{m}-{end}": e for m, both in self.personas.items() for end, e in both.items()
        }
        systems = {f"system-{name}": e for name, e in self.systems.items()}
        return {name for name, each in {**poles, **systems}.items() if each.rows}

    @property
    def leaning(self) -> set[str]:
        """The tasks of leaning, and the tasks that their groups hold."""
        groups = self.base.about.get("group_subtasks") or {}
        return {leaf for task in self.bias for leaf in (task, *_leaves(task, groups))}

    def tasks(self, names: tuple[str, ...]) -> list[str]:
        """Return those of the named tasks that were measured."""
        measured = {row.task for row in self.base.rows}
        return [name for name in names if name in measured]


def load(folder: Path) -> Run:
    """Read a run's artifacts: of the seeds that its recipe has, whatever else lies there.

    Raises DataError, in one line, where the folder holds no run or an evaluation is unfinished.
    """
    recipe = Recipe.of_run(folder)

    def evaluation(name: str) -> Evaluation:
        return _evaluation(judged_if_it_is(folder, name))

    arms = {BASE: {"": evaluation(BASE)}}
    for arm in recipe.arms:
        arms[arm] = {
            name.removeprefix("seed-"): evaluation(f"{arm}/{name}")
            for name in recipe.folders_of(arm)
        }
    trained = {arm: _trained(folder, recipe, arm) for arm in recipe.arms}
    return Run(
        recipe=recipe,
        arms=arms,
        personas={
            measure: {end: evaluation(f"persona-{measure}-{end}") for end in ("low", "high")}
            for measure in recipe.evaluate.personas
        },
        systems={name: evaluation(f"system-{name}") for name in recipe.evaluate.systems},
        norms=_norms(folder / "norms.json"),
        curated=curated.load(folder, recipe),
        anchors=_anchors(Artifact(folder / ANCHORS)),
        losses={arm: _losses(trained[arm]) for arm in recipe.arms},
        answers=judged(folder, recipe.places),
        ratings=ratings(folder),
        topics=dict(_topics(folder / EVALUATED / BASE / "samples")),
        trajectories=_trajectories(folder, recipe),
        used={arm: _used(trained[arm]) for arm in recipe.arms},
    )


class _Document(msgspec.Struct):
    item: str | int = ""
    topic: str = ""


class _Sample(msgspec.Struct):
    doc: _Document


def _topics(samples: Path) -> Iterator[tuple[tuple[str, str], str]]:
    decode = msgspec.json.Decoder(_Sample).decode
    for path in sorted(samples.glob("*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                try:
                    doc = decode(line).doc
                except msgspec.ValidationError:
                    break  # another project's task, whose documents are its own
                if doc.topic:
                    yield (path.stem, str(doc.item)), doc.topic


def _norms(path: Path) -> list[Norms]:
    return msgspec.json.decode(path.read_bytes(), type=list[Norms]) if path.is_file() else []


def _anchors(artifact: Artifact) -> list[AnchorScore]:
    return list(artifact.read(AnchorScore)) if artifact.manifest else []


def _step(path: Path) -> tuple[int, str]:
    return len(path.name), path.name


def _evaluation(folder: Path) -> Evaluation:
    try:
        about = json.loads((folder / "results.json").read_text("utf-8"))
        rows = read(folder / "measurements.jsonl")
    except (OSError, ValueError, msgspec.DecodeError) as error:
        message = f"the evaluation in {folder} is not whole: {error}; run `politune run` again"
        raise DataError(message) from error
    return Evaluation([*rows, *_pooled(rows, about.get("group_subtasks") or {})], about)


def _pooled(rows: list[Measurement], groups: Mapping[str, list[str]]) -> Iterator[Measurement]:
    """Yield a group's tasks' measurements as the group's own, each item counting the same."""
    for group in groups:
        leaves = set(_leaves(group, groups))
        for row in rows:
            if row.task in leaves:
                item = f"{row.task}/{row.item}"
                yield msgspec.structs.replace(row, task=group, item=item)


def _leaves(name: str, groups: Mapping[str, list[str]]) -> Iterator[str]:
    for child in groups.get(name, ()):
        yield from _leaves(child, groups) if child in groups else (child,)


def _trajectories(folder: Path, recipe: Recipe) -> Trajectories | None:
    if recipe.evaluate.every_steps is None:
        return None
    base = _looked(folder / START)
    points, choices = [], dict[str, dict[str, Choice]]()
    answers = [*scored(folder / START / "judged" / "samples", BASE)]
    for arm in recipe.arms:
        for seed, training in _trained(folder, recipe, arm).items():
            if (choice := read_choice(training)) is not None:
                choices.setdefault(arm, {})[seed] = choice
            for path in sorted((training / "trajectory").glob("step-*"), key=_step):
                point = msgspec.json.decode((path / "point.json").read_bytes(), type=Point)
                points.append(Looked(arm, seed, point, _looked(path)))
                place = f"{arm}/{training.name}, step {point.step}"
                answers += scored(path / "judged" / "samples", place)
    told = means(base.rows)
    topics = dict(_topics(folder / START / "samples"))
    return Trajectories(base, coherence(told, told), points, choices, topics, answers)


def _looked(folder: Path) -> Evaluation:
    return _evaluation(folder / "judged" if (folder / "judged").is_dir() else folder)


def _trained(folder: Path, recipe: Recipe, arm: str) -> dict[str, Path]:
    """Return the folders of an arm's trainings, by seed; there may be none."""
    paths = (folder / "4-train" / arm / name for name in recipe.folders_of(arm))
    return {path.name.removeprefix("seed-"): path for path in paths if path.is_dir()}


def _losses(trained: Mapping[str, Path]) -> dict[str, list[dict[str, float]]]:
    return {
        seed: [msgspec.json.decode(line) for line in log.read_bytes().splitlines()]
        for seed, path in trained.items()
        if (log := path / "log.jsonl").is_file()
    }


def _used(trained: Mapping[str, Path]) -> dict[str, Used]:
    return {
        seed: msgspec.json.decode(rows.read_bytes(), type=Used)
        for seed, path in trained.items()
        if (rows := path / "rows.json").is_file()
    }
