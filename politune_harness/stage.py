"""One stage of an experiment: what it is made of, why it would run, and how it is made.

A stage leaves one artifact. It stands while that is whole and carries the fingerprint of what made
it and of its inputs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from politune_harness.artifacts import Artifact, Contents, Manifest, digest, fingerprint
from politune_harness.components import Component, InputFiles
from politune_harness.errors import located
from politune_harness.files import identity
from politune_harness.records import JSON
from politune_harness.registry import Registry
from politune_harness.store import Store

STEPS = (
    "read",
    "filter",
    "instruct",
    "overlap",
    "pairs",
    "start",
    "train",
    "merge",
    "evaluate",
    "judge",
    "report",
)
DAMAGED = "its files were changed"
"""Why a stage runs whose files are not those that its manifest vouches for."""


@dataclass(frozen=True)
class Stage:
    """A piece of work that leaves one artifact."""

    name: str
    """Its folder within the run: `4-train/left/seed-0`."""
    step: str
    artifact: Artifact
    made_by: dict[str, JSON]
    work: Callable[[Artifact], Mapping[str, JSON] | None]
    """Fills the artifact's folder; returns counts for the manifest."""
    needs: tuple["Stage", ...] = ()
    external: dict[str, str] = field(default_factory=dict)
    """The content of files and models from outside the run, by name."""

    def inputs(self) -> dict[str, str]:
        """Return the content of everything that the work depends on."""
        earlier = {need.name: need.content() for need in self.needs}
        return {**self.external, **earlier}

    def content(self) -> str:
        """Return the content of the finished artifact, or nothing."""
        manifest = self.artifact.manifest
        return manifest.content if manifest else ""


State = tuple[dict[str, JSON], dict[str, str]]
"""A component's fields, and the content of the files and models that they name."""


def state_of(component: Component, registry: Registry, contents: Contents, where: str) -> State:
    """Return all that a component's work depends on, but for its input rows.

    Fields that make no difference to what comes out are left out.
    """
    fields: dict[str, JSON] = {}
    external: dict[str, str] = {}
    plain = component.model_dump(mode="json")
    for name, info in type(component).model_fields.items():
        if name in component.unseen:
            continue
        value, place = getattr(component, name), f"{where}{name}"
        extra = info.json_schema_extra
        is_model = isinstance(extra, dict) and extra.get("model") is True
        if isinstance(value, Path) or (is_model and Path(value).is_dir()):
            fields[name] = Path(value).name
            external[place] = contents(Path(value))
        elif isinstance(value, str) and info.annotation == InputFiles:
            fields[name], external[place] = value, digest(identity(value))
        elif parts := [v for v in several(value) if isinstance(v, Component)]:
            inner = [
                state_of(part, registry, contents, f"{place}.{number}.")
                for number, part in enumerate(parts)
            ]
            fields[name] = [
                {**registry.identity(part), "fields": its}
                for part, (its, _) in zip(parts, inner, strict=True)
            ]
            external |= {k: v for _, files in inner for k, v in files.items()}
        else:
            fields[name] = plain[name]
    return fields, external


def states_of(
    components: Iterable[Component], registry: Registry, contents: Contents, where: str
) -> tuple[list[JSON], dict[str, str]]:
    """Return what several components are, and the content of the files and models they name."""
    identities: list[JSON] = []
    external: dict[str, str] = {}
    for number, each in enumerate(components):
        fields, files = state_of(each, registry, contents, f"{where}.{number}.")
        identities.append({**registry.identity(each), "fields": fields})
        external |= files
    return identities, external


def several(value: object) -> tuple[object, ...]:
    """Return what a component's field holds: a tuple's parts, or the value itself."""
    return value if isinstance(value, tuple) else (value,)


def distribution() -> str:
    """Return what made a stage that no plugin made: this package and its version."""
    return f"politune-harness {version('politune-harness')}"


def why(stage: Stage, contents: Contents, rerun: Collection[str] = ()) -> str | None:
    """Say why a stage would run, or return None where its artifact stands.

    `rerun` holds the names of earlier stages that would run, where they have not run yet.
    """
    manifest = stage.artifact.manifest
    if manifest is None:
        started = any(True for name in stage.artifact.own for _ in stage.artifact.path.glob(name))
        return "was not finished" if started else "was never run"
    for need in stage.needs:
        if need.name in rerun:
            return f"{need.name} runs again"
    if manifest.fingerprint != fingerprint(stage.made_by, stage.inputs()):
        return _difference(manifest, stage)
    held = contents.files(stage.artifact.path, stage.artifact.own)
    if manifest.files != held:
        names = manifest.files.keys() | held.keys()
        damaged = sorted(n for n in names if manifest.files.get(n) != held.get(n))
        return f"{DAMAGED}: {', '.join(damaged)}"
    return None


def _difference(manifest: Manifest, stage: Stage) -> str:
    changed: set[str] = set()
    for old, new in (
        (manifest.made_by, stage.made_by),
        (manifest.made_by.get("fields", {}), stage.made_by.get("fields", {})),
        (manifest.inputs, stage.inputs()),
    ):
        if isinstance(old, dict) and isinstance(new, dict):
            changed |= {k for k in old.keys() | new.keys() if old.get(k) != new.get(k)}
    return f"changed: {', '.join(sorted(changed - {'fields'}))}"


def make(stage: Stage, contents: Contents) -> None:
    """Do a stage's work, and seal what it leaves."""
    artifact = replace(stage.artifact, work=fingerprint(stage.made_by, stage.inputs()))
    artifact.begin()
    with located(stage.name):
        counts = stage.work(artifact) or {}
    manifest = Manifest(
        stage=stage.name,
        made_by=stage.made_by,
        inputs=stage.inputs(),
        counts=dict(counts),
        files=contents.files(stage.artifact.path, stage.artifact.own),
    )
    stage.artifact.seal(manifest)


def take_or_make(stage: Stage, contents: Contents, store: Store | None) -> bool:
    """Take what a stage makes from a store, or make it and put it there; say if it was made.

    A report is of its own run, and is not shared.
    """
    if store is None or stage.step == "report":
        make(stage, contents)
        return True
    key = fingerprint(stage.made_by, stage.inputs())
    artifact = replace(stage.artifact, work=key)
    with store.held(key, stage.name):
        if why(stage, contents) is None or store.take(key, stage.name, artifact, contents):
            return False
        make(stage, contents)
        store.put(key, artifact)
    return True
