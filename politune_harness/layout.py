r"""Which stages an experiment has, without running any.

1-read -> 2-filter -> 3-instruct -> 3-overlap -> 3-pairs -> 4-train -> 5-evaluate -> 6-judge
\__________________ once per arm, training once per seed ____________________/
-> report, from artifacts alone; 4-start before 4-train where checkpoints are evaluated, and
4-merge after it where an arm is made of others
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import msgspec

from politune_harness import shards
from politune_harness.artifacts import Artifact, Contents, Tally, write_whole
from politune_harness.asked import prompts
from politune_harness.compass.people.norms import Norms
from politune_harness.components import Component, Filter
from politune_harness.errors import DataError, located
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.judge_stage import judging
from politune_harness.judged import EVALUATED
from politune_harness.lm import quiet
from politune_harness.overlap import Overlap, apart
from politune_harness.plan import ArmPlan, Plan
from politune_harness.progress import track
from politune_harness.rating import RATINGS
from politune_harness.recipe import Overlapping
from politune_harness.records import JSON, ModelRef, Preference
from politune_harness.run_folder import NORMS, REPORT
from politune_harness.stage import STEPS, Stage, distribution, state_of
from politune_harness.watching import Watching

OF_REPORT = ("margin", "norms", "compare_languages")
"""Settings of the evaluation that change its report, and nothing that is measured."""
OF_TRAINING = ("every_steps", "trajectory", "trajectory_metadata", "select")
"""Settings of the evaluation that checkpoints have of their own."""


def stages(plan: Plan, folder: Path, contents: Contents) -> list[Stage]:
    """Lay out every stage of a plan in the order of work.

    Raises DataError, naming the arm, where a file that a component reads does not exist.
    """
    return _Layout(plan, folder, contents).all()


@dataclass(frozen=True)
class _Layout:
    plan: Plan
    folder: Path
    contents: Contents

    def all(self) -> list[Stage]:
        curated = {arm.name: self.curate(arm) for arm in self.plan.arms}
        ends = {arm: chain[-1] for arm, chain in curated.items() if chain}
        paired = self.pairs(ends)
        start = [self.watching.start()] if self.plan.recipe.evaluate.every_steps else []
        trainings = self.trainings(ends, start)
        trainings |= {arm.name: self.merge(arm, trainings) for arm in self.plan.arms if arm.of}
        trained = [trainings[arm.name] for arm in self.plan.arms]
        evaluated = self.evaluate(trained)
        if self.plan.judges and self.plan.recipe.judge == "now":
            evaluated += self.judge(evaluated)
        groups = (*curated.values(), paired, start, *trainings.values())
        earlier = [s for group in groups for s in group]
        report = self.report((*earlier, *evaluated))
        return sorted([*earlier, *evaluated, report], key=lambda s: STEPS.index(s.step))

    def report(self, needs: tuple[Stage, ...]) -> Stage:
        """Return the last stage; the norms that it names are kept beside it."""
        settings, paths = self.plan.recipe.evaluate, self.plan.norms
        with located("evaluate.norms"):
            external = {f"norms.{i}": self.contents(path) for i, path in enumerate(paths)}
        if (rated := self.folder / RATINGS).is_file():
            external["ratings"] = self.contents(rated)

        def work(artifact: Artifact) -> None:
            from politune_harness import report

            if paths:
                kept = msgspec.json.encode([norms(path) for path in paths])
                write_whole(artifact.path / NORMS, kept.decode())
            report.write(artifact.path)

        fields = settings.model_dump(mode="json", include={*OF_REPORT})
        fields["norms"] = [path.name for path in paths]
        made_by: dict[str, JSON] = {"use": "report", "distribution": distribution()}
        artifact = Artifact(self.folder, REPORT)
        return Stage(
            "report", "report", artifact, {**made_by, "fields": fields}, work, needs, external
        )

    def stage(
        self,
        name: str,
        component: Component,
        work: Callable[[Artifact], Mapping[str, JSON] | None],
        needs: tuple[Stage, ...] = (),
        made_by: Mapping[str, JSON] | None = None,
        external: Mapping[str, str] | None = None,
    ) -> Stage:
        fields, files = state_of(component, self.plan.registry, self.contents, "")
        return Stage(
            name,
            name.split("/", maxsplit=1)[0].split("-")[1],
            Artifact(self.folder / name),
            {**self.plan.registry.identity(component), "fields": fields, **(made_by or {})},
            work,
            needs,
            {**files, **(external or {})},
        )

    def curate(self, arm: ArmPlan) -> list[Stage]:
        """Return the stages from the source to the preference pairs."""
        if arm.source is None:
            return []
        with located(f"arms.{arm.name}"):
            chain = [self.read(arm)]
            for number, each in enumerate(arm.filters, 1):
                chain.append(self.filter(arm.name, number, each, chain[-1]))
            if arm.writer is not None:
                chain.append(self.instruct(arm, chain[-1]))
            if self.plan.recipe.overlap is not None:
                chain.append(self.overlap(arm.name, chain[-1], self.plan.recipe.overlap))
        return chain

    def read(self, arm: ArmPlan) -> Stage:
        source = arm.source
        assert source is not None

        def work(artifact: Artifact) -> Mapping[str, JSON]:
            tally = shards.load(artifact, source.shards(), self.plan.engine)
            _check_broken(tally, self.plan.recipe.max_malformed, artifact)
            return _not_empty(tally, f"the source of arm {arm.name!r} gave no rows")

        return self.stage(f"1-read/{arm.name}", source, work)

    def filter(self, arm: str, number: int, component: Filter, before: Stage) -> Stage:
        name = str(self.plan.registry.identity(component)["use"])

        def work(artifact: Artifact) -> Mapping[str, JSON]:
            tally = shards.apply(artifact, before.artifact, component, self.plan.engine)
            return _not_empty(tally, f"the filter {name!r} left nothing of arm {arm!r}")

        return self.stage(f"2-filter/{arm}/{number}-{name}", component, work, (before,))

    def instruct(self, arm: ArmPlan, before: Stage) -> Stage:
        writer = arm.writer
        assert writer is not None

        def work(artifact: Artifact) -> Mapping[str, JSON]:
            tally = shards.apply(artifact, before.artifact, writer, self.plan.engine)
            return _not_empty(tally, f"no pairs could be written for arm {arm.name!r}")

        return self.stage(f"3-instruct/{arm.name}", writer, work, (before,))

    def overlap(self, arm: str, before: Stage, settings: Overlapping) -> Stage:
        """Return the stage that keeps pairs apart from the prompts of the bias tasks."""
        asked = self.plan.recipe.evaluate

        def work(artifact: Artifact) -> Mapping[str, JSON]:
            pairs = before.artifact.read(Preference)
            found = apart(pairs, Overlap(self.asked, settings.n, settings.threshold))
            tally = artifact.write(found)
            held = tally.reasons.total()
            if not settings.exclude:
                tally = artifact.write(before.artifact.read(Preference))
            told = _not_empty(tally, f"every pair of arm {arm!r} holds an evaluation prompt")
            return {**told, "overlapping": held}

        made_by: dict[str, JSON] = {
            "use": "overlap",
            "distribution": distribution(),
            "fields": settings.model_dump(mode="json"),
            "tasks": [*asked.bias],
            "metadata": asked.metadata,
        }
        artifact = Artifact(self.folder / "3-overlap" / arm)
        name = f"3-overlap/{arm}"
        return Stage(name, "overlap", artifact, made_by, work, (before,), self.task_files)

    @cached_property
    def task_folders(self) -> list[Path]:
        return task_folders(self.plan.registry.task_dirs())

    @cached_property
    def task_files(self) -> dict[str, str]:
        return {f"tasks.{i}": self.contents(f) for i, f in enumerate(self.task_folders)}

    @cached_property
    def asked(self) -> dict[str, str]:
        """What the bias tasks ask."""
        settings = self.plan.recipe.evaluate
        whole = settings.model_copy(update={"select": None})
        evaluator = Evaluator.of(self.plan, whole, judging="never")
        with quiet():
            return prompts(evaluator, settings.bias)

    def pairs(self, ends: dict[str, Stage]) -> list[Stage]:
        """Return the stages from the pairs to those trained on; `ends` becomes each arm's last.

        The first pair filter of every arm comes before the second of any, so that arms which are
        compared have come equally far; arms like another start from that one's last.
        """
        found: list[Stage] = []
        own = [arm for arm in self.plan.arms if arm.source]
        for number in range(max((len(arm.pairs) for arm in own), default=0)):
            before = dict(ends)
            for arm in (arm for arm in own if number < len(arm.pairs)):
                found.append(self.pair(arm, number, before))
                ends[arm.name] = found[-1]
        for arm in (arm for arm in self.plan.arms if arm.like):
            ends[arm.name] = ends[str(arm.like)]
            for number in range(len(arm.pairs)):
                found.append(self.pair(arm, number, ends))
                ends[arm.name] = found[-1]
        return found

    def pair(self, arm: ArmPlan, number: int, before: Mapping[str, Stage]) -> Stage:
        component, start = arm.pairs[number], before[arm.name]
        name = str(self.plan.registry.identity(component)["use"])
        apart = {other.name for other in self.plan.arms if not other.like} - {arm.name, arm.like}
        others = {n: s for n, s in before.items() if n in apart and component.compares}

        def work(artifact: Artifact) -> Mapping[str, JSON]:
            theirs = {n: s.artifact.read(Preference) for n, s in others.items()}
            rows = component.apply(track(start.artifact.read(Preference), "pairs"), theirs)
            tally = artifact.write(rows)
            return _not_empty(tally, f"the pair filter {name!r} left nothing of arm {arm.name!r}")

        needs = (start, *others.values())
        return self.stage(f"3-pairs/{arm.name}/{number + 1}-{name}", component, work, needs)

    @cached_property
    def watching(self) -> Watching:
        return Watching(self.plan, self.folder, self.contents, self.task_files | self.model())

    def trainings(self, ends: Mapping[str, Stage], start: list[Stage]) -> dict[str, list[Stage]]:
        """Return the training stages of each arm, first of those that a checkpoint is chosen for.

        An arm without a side is then trained as long as those of the same seed were, if there are
        any of that seed.
        """
        recipe, found = self.plan.recipe, dict[str, list[Stage]]()
        sided = [arm for arm in self.plan.arms if recipe.arms[arm.name].toward]
        for arm in sided if recipe.evaluate.select else ():
            found[arm.name] = self.train(arm, ends.get(arm.name), start, {})
        by_seed: dict[int, list[Stage]] = {}
        for arm in sided:
            for seed, stage in zip(arm.seeds, found.get(arm.name, ()), strict=False):
                by_seed.setdefault(seed, []).append(stage)
        rest = [arm for arm in self.plan.arms if arm.name not in found]
        for arm in sorted(rest, key=lambda arm: arm.after is not None):
            begun = found.get(arm.after or "", ())
            found[arm.name] = self.train(arm, ends.get(arm.name), start, by_seed, begun)
        return found

    def train(
        self,
        arm: ArmPlan,
        end: Stage | None,
        start: list[Stage],
        others: Mapping[int, list[Stage]],
        begun: Sequence[Stage] = (),
    ) -> list[Stage]:
        """Return one training stage a seed; `others` are those that are to be as long, by seed.

        `begun` are the trainings that it goes on from.
        """
        trainer, plan = arm.trainer, self.plan
        trusted = plan.recipe.trust_remote_code
        if end is None or trainer is None:
            return []
        watched = self.watching if start else None

        def stage(seed: int) -> Stage:
            alike = others.get(seed) or [each for those in others.values() for each in those]
            before = [each for each in begun if each.name.endswith(f"/seed-{seed}")]

            def work(artifact: Artifact) -> Mapping[str, JSON] | None:
                written = end.artifact.read(Preference)
                pairs = sample(written, plan.recipe.sample, arm.name, seed)
                adapter = next((str(each.artifact.path / "adapter") for each in before), None)
                base = ModelRef(base=plan.model, adapter=adapter, trust_remote_code=trusted)
                if watched is None:
                    trainer.train(pairs, base, artifact.path, seed=seed)
                    return None
                watcher = watched.watcher(arm.name, artifact, [s.artifact.path for s in alike])
                trainer.train(pairs, base, artifact.path, seed=seed, on_checkpoint=watcher)
                return watcher.finish(artifact.path)

            made_by: dict[str, JSON] = {"seed": seed, "sample": plan.recipe.sample, **self.trusted}
            external = self.model()
            if watched is not None:
                made_by |= watched.made_by(arm.name)
                external = {**external, **watched.external, **watched.judges[1]}
            name = f"4-train/{arm.name}/seed-{seed}"
            needs = (end, *start, *alike, *before)
            return self.stage(name, trainer, work, needs, made_by, external)

        return [stage(seed) for seed in arm.seeds]

    @property
    def trusted(self) -> dict[str, JSON]:
        """What manifests say where code that comes with the base may be run."""
        return {"trust_remote_code": True} if self.plan.recipe.trust_remote_code else {}

    def merge(self, arm: ArmPlan, trainings: Mapping[str, list[Stage]]) -> list[Stage]:
        """Return a stage a seed that makes an adapter of those of other arms."""
        settings = self.plan.recipe.arms[arm.name]
        made_by: dict[str, JSON] = {"use": "merge", "distribution": distribution()}
        made_by |= settings.model_dump(mode="json", include={"of", "merge", "density"})

        def stage(seed: int) -> Stage:
            named = {f"4-train/{other}/seed-{seed}": other for other in arm.of}
            needs = [s for other in sorted(arm.of) for s in trainings[other] if s.name in named]
            name = f"4-merge/{arm.name}/seed-{seed}"

            def work(artifact: Artifact) -> None:
                from politune_harness.merging import merge

                told = [(named[s.name], s.artifact.path / "adapter") for s in needs]
                parts = [(other, path, arm.of[other]) for other, path in told]
                merge(parts, artifact.path / "adapter", settings.merge, settings.density)

            return Stage(name, "merge", Artifact(self.folder / name), made_by, work, tuple(needs))

        return [stage(seed) for seed in arm.seeds]

    def model(self) -> dict[str, str]:
        """Return the content of the base model: its files, or its Hub id."""
        path = Path(self.plan.model)
        return {"model": self.contents(path) if path.is_dir() else self.plan.model}

    def evaluate(self, trained: list[list[Stage]]) -> list[Stage]:
        """Return a stage for the base, each system prompt that it gets, and each arm and seed."""
        plan, settings = self.plan, self.plan.recipe.evaluate
        evaluator = Evaluator.of(plan, judging="later")
        external = self.task_files | self.model()
        made_by: dict[str, JSON] = {
            "use": "lm-eval",
            "distribution": f"lm-eval {version('lm-eval')}, {distribution()}",
            "settings": settings.model_dump(
                mode="json", exclude={"personas", "systems", *OF_REPORT, *OF_TRAINING}
            ),
            **({"half": "report"} if settings.select else {}),
            **self.trusted,
        }

        def stage(
            name: str,
            adapter: Path | None = None,
            prompt: tuple[str, str | None] | None = None,
            needs: tuple[Stage, ...] = (),
        ) -> Stage:
            system, measure = prompt or (None, None)

            def work(artifact: Artifact) -> None:
                tasks = settings.bias if prompt else settings.tasks
                evaluator.run(
                    artifact.path,
                    adapter=adapter,
                    system=system,
                    tasks=tasks,
                    measure=measure,
                    work=artifact.work,
                )

            given = external
            if adapter is not None and not needs:
                given = external | {"adapter": self.contents(adapter)}
            return Stage(
                f"{EVALUATED}/{name}",
                "evaluate",
                Artifact(self.folder / EVALUATED / name),
                {**made_by, "system": system, **({"measure": measure} if measure else {})},
                work,
                needs,
                given,
            )

        found = [stage("base")]
        found += [stage(name, prompt=prompt) for name, prompt in settings.prompts.items()]
        for arm, runs in zip(plan.arms, trained, strict=True):
            for seed, run in zip(arm.seeds, runs, strict=False):
                adapter = run.artifact.path / "adapter"
                found.append(stage(f"{arm.name}/seed-{seed}", adapter, needs=(run,)))
            if arm.adapter is not None:
                with located(f"arms.{arm.name}.adapter"):
                    found.append(stage(f"{arm.name}/given", arm.adapter))
        return found

    def judge(self, evaluated: list[Stage]) -> list[Stage]:
        """Return the stages in which judges score what was answered."""
        plan = self.plan
        return judging(
            evaluated,
            plan.judges,
            plan.registry,
            self.contents,
            model=plan.model,
            settings=plan.recipe.evaluate,
            run=self.folder,
        )


def norms(path: Path) -> Norms:
    """Read people's answers to a bank.

    Raises DataError, in one line, where the file is not what `politune bank validate` writes.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Norms)
    except (OSError, msgspec.DecodeError) as error:
        message = f"norms {path} cannot be read: {error}; make them with `politune bank validate`"
        raise DataError(message) from None


def sample(pairs: Iterable[Preference], size: int | None, arm: str, seed: int) -> list[Preference]:
    """Return `size` pairs chosen by a hash of the seed and their ids, in the order given.

    Each training seed draws its own pairs, so that what seeds differ by holds the luck of the draw;
    of one seed, a larger sample holds the smaller one. Raises DataError where there are fewer:
    arms of unequal size would not be comparable.
    """
    rows = list(pairs)
    if size is None:
        return rows
    if len(rows) < size:
        message = f"arm {arm!r} has {len(rows)} pairs, fewer than `sample: {size}`; lower that"
        raise DataError(message)

    def rank(place: int) -> bytes:
        return hashlib.sha256(f"{seed}:{rows[place].id}".encode()).digest()

    return [rows[place] for place in sorted(sorted(range(len(rows)), key=rank)[:size])]


def _not_empty(tally: Tally, message: str) -> Mapping[str, JSON]:
    if tally.rows == 0:
        message = f"{message}; dropped: {tally.told or 'none, for there was nothing in it'}"
        raise DataError(message)
    return tally.counts()


def _check_broken(tally: Tally, allowed: float, artifact: Artifact) -> None:
    if tally.seen and tally.malformed / tally.seen > allowed:
        message = (
            f"{tally.malformed} of {tally.seen} rows are malformed, more than "
            f"`max_malformed: {allowed}` allows; dropped: {tally.told}; "
            f"see {artifact.path / 'dropped.jsonl'}"
        )
        raise DataError(message)
