"""What a run did with its data, read from disk: every stage's rows, and the pairs at its end."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from politune_harness.artifacts import NOTES, Artifact, notes_in
from politune_harness.layout import sample
from politune_harness.recipe import Recipe
from politune_harness.records import Preference, at

KINDS = {"Topics": ("topic", "stance.topic"), "Platforms": ("platform", "subreddit")}
"""Where in the metadata each is, the first that is there."""


class Balance(msgspec.Struct, frozen=True):
    """The pairs that one arm trains on, under whatever seed."""

    pairs: int
    chosen: float | None
    """Mean words of the preferred answers."""
    rejected: float | None
    """Mean words of the others; None where rows have none."""
    longer: float | None
    """The share of pairs whose preferred answer has more words."""
    toxic: tuple[float | None, float | None]
    """Mean toxicity of the preferred and of the other answers, where it was noted."""
    kinds: dict[str, dict[str, int]]
    """Pairs by topic and by platform."""


def balance(pairs: Sequence[Preference]) -> Balance:
    """Return what an arm's pairs are like."""
    lengths = [(len(p.chosen.split()), len(p.rejected.split())) for p in pairs]
    both = [(a, b) for a, b in lengths if b]
    toxic = [_toxicity(p.metadata.get("toxicity")) for p in pairs]
    return Balance(
        pairs=len(pairs),
        chosen=_mean(a for a, _ in lengths),
        rejected=_mean(b for _, b in both),
        longer=_mean(a > b for a, b in both),
        toxic=(_mean(a for a, _ in toxic), _mean(b for _, b in toxic)),
        kinds={kind: dict(_counted(pairs, paths)) for kind, paths in KINDS.items()},
    )


def _toxicity(noted: Any) -> tuple[float | None, float | None]:  # noqa: ANN401
    """Return the toxicity of either answer; what is noted of a post alone is of neither."""
    if isinstance(noted, Mapping):
        return noted.get("chosen"), noted.get("rejected")
    return None, None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _counted(pairs: Sequence[Preference], paths: Sequence[str]) -> Counter[str]:
    found = ([at(pair.metadata, path) for path in paths] for pair in pairs)
    named = (next((str(value) for value in each if value is not None), None) for each in found)
    return Counter(sorted(name for name in named if name is not None))


@dataclass(frozen=True)
class Step:
    """One stage of one arm, from the source to the pairs that are trained on."""

    name: str
    came: int
    """Rows that came in: those kept and those dropped."""
    dropped: Mapping[str, int]
    """By reason."""
    malformed: int
    kept: int
    notes: tuple[str, ...] = ()
    """What the component found out about its own work."""
    overlapping: int = 0
    """Pairs that hold an evaluation prompt, dropped or not."""


@dataclass(frozen=True)
class Curated:
    """What a run did with its data, by arm."""

    steps: Mapping[str, list[Step]]
    """The stages that are finished, in order; an arm like another has only those of its own."""
    balances: Mapping[str, Balance]
    """What the pairs are like that are trained on."""
    recipe: Recipe


def load(folder: Path, recipe: Recipe) -> Curated:
    """Read the stages of a run that are finished, and the pairs that its arms come to."""
    found = {}
    for name, arm in recipe.arms.items():
        path = last(folder, name, arm.like)
        if path is not None and (path / "rows.jsonl").is_file():
            found[name] = path
    pairs = {name: pairs_in(path) for name, path in found.items()}
    return Curated(
        steps={name: list(_steps(folder, name)) for name in recipe.arms},
        balances={
            name: balance(_trained(rows, name, recipe)) for name, rows in pairs.items() if rows
        },
        recipe=recipe,
    )


def _trained(rows: Sequence[Preference], name: str, recipe: Recipe) -> list[Preference]:
    """Return the pairs that any seed of an arm trains on; all, where they are too few to draw."""
    size = min(recipe.sample or len(rows), len(rows))
    drawn = {pair.id for seed in recipe.seeds_of(name) for pair in sample(rows, size, name, seed)}
    return [pair for pair in rows if pair.id in drawn]


def pairs_in(path: Path) -> list[Preference]:
    """Return the pairs of a stage; none where it is not yet one of pairs."""
    try:
        return list(Artifact(path).read(Preference))
    except msgspec.ValidationError:
        return []


def last(folder: Path, arm: str, like: str | None = None) -> Path | None:
    """Return the folder of an arm's last rows, or of those of the arm that it is like."""
    found = [path for path in _folders(folder, arm) if Artifact(path).manifest is not None]
    return found[-1] if found else (last(folder, like) if like else None)


def _folders(folder: Path, arm: str) -> Iterator[Path]:
    yield folder / "1-read" / arm
    yield from numbered(folder / "2-filter" / arm)
    yield folder / "3-instruct" / arm
    yield folder / "3-overlap" / arm
    yield from numbered(folder / "3-pairs" / arm)


def numbered(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/"), key=lambda path: int(path.name.split("-")[0]))


def _steps(folder: Path, arm: str) -> Iterator[Step]:
    for path in _folders(folder, arm):
        manifest = Artifact(path).manifest
        if manifest is not None:
            stage = path.parent.name if path.name == arm else path.name
            yield _step(stage.split("-", maxsplit=1)[1], manifest.counts, path)


def _step(name: str, counts: Mapping[str, Any], path: Path) -> Step:
    dropped, kept = counts.get("dropped") or {}, counts.get("rows", 0)
    return Step(
        name=name,
        came=kept + sum(dropped.values()),
        dropped=dropped,
        malformed=counts.get("malformed", 0),
        kept=kept,
        notes=tuple(each.text for each in notes_in(path / NOTES)),
        overlapping=counts.get("overlapping", 0),
    )
