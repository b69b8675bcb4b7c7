"""Runs on disk as the pipeline leaves them, made of numbers, for tests of the report."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from politune_harness.measurements import Measurement

Rows = Callable[[np.random.Generator, tuple[float, float]], Iterable[Measurement]]
"""Makes an evaluation's further rows from where it stands on the two axes."""

PERSONAS = {"economic": (-3.0, 3.0), "social": (0.0, 0.0), "score": (-3.0, 3.0)}
"""By measure: how far its low and its high persona move the base."""

USED = {"kept": ["a", "b"], "truncated": ["b"], "dropped": [], "reasons": {"too | long": 3}}
"""What the trainer says of its pairs."""

SHIFTS = {"base": (0.3, -0.4), "left": (-3.0, -2.1), "right": (3.2, 2.4), "control": (0.4, -0.2)}


def compass(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
    """Yield 24 propositions an axis, each under four forms of asking."""
    for task, scale in (("politune_compass", 0.6), ("politune_compass_pairs", 1.2)):
        for axis, moved in zip(("economic", "social"), shift, strict=True):
            for item in range(24):
                own = np.random.default_rng(item).normal(0, 2)
                for _ in range(4):
                    value = float(np.clip(own + scale * moved + rng.normal(0, 1), -10, 10))
                    yield Measurement(task=task, metric=axis, item=f"{axis}{item}", value=value)
                    if task == "politune_compass":
                        for metric, share in (("option_mass", 0.91), ("agree_rate", 0.52)):
                            yield Measurement(
                                task=task, metric=metric, item=f"{axis}{item}", value=share
                            )


def answers(rng: np.random.Generator, shift: float, judge: str) -> Iterator[Measurement]:
    """Yield 20 questions, three answers each; every tenth answer has no score."""
    task = "politune_gpt_score"
    for item in range(20):
        own = np.random.default_rng(item).normal(10, 2)
        for sample in range(3):
            gone = rng.random() < 0.1
            value = float(np.clip(own + 1.4 * shift + rng.normal(0, 2), 0, 20))
            row = Measurement(task=task, metric="score", item=f"q{item}", sample=sample)
            yield msgspec.structs.replace(row, judge=judge, value=None if gone else value)
            for metric, number in (
                ("missing", float(gone)),
                ("repetition", 0.02),
                ("bits_per_byte", 1.1 + abs(shift) / 20 + rng.normal(0, 0.1)),
            ):
                yield msgspec.structs.replace(row, metric=metric, value=float(number))


def ability(rng: np.random.Generator, shift: float) -> Iterator[Measurement]:
    for item in range(120):
        right = rng.random() < 0.72 - abs(shift) / 60
        for metric, value in (("acc", float(right)), ("acc_above_chance", right - 0.25)):
            yield Measurement(
                task="politune_capability", metric=metric, item=str(item), value=value
            )


def bank(channel: str, **about: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what a compass task says of itself."""
    axes = {
        "economic": {"low": "left", "high": "right"},
        "social": {"low": "libertarian", "high": "authoritarian"},
    }
    facts: dict[str, Any] = {"bank": "politune", "version": 2, "hash": "ab12cd"}
    facts |= {"language": "en", "reviewed": False}
    return {"instrument": {**facts, "channel": channel, "axes": axes, **about}}


CONFIGS = {
    "politune_compass": {"metadata": bank("options")},
    "politune_compass_pairs": {"metadata": bank("pairs")},
}


def put(folder: Path, rows: list[Measurement], **about: Any) -> None:  # noqa: ANN401
    folder.mkdir(parents=True)
    encode = msgspec.json.encode
    (folder / "measurements.jsonl").write_bytes(b"".join(encode(r) + b"\n" for r in rows))
    spread = {"economic_spread,none": 0.4, "social_spread,none": 0.5}
    facts = {
        "model": "tiny",
        "base_sha256": "ab12",
        "versions": {"politune_compass": "1+abc"},
        "packages": {"lm-eval": "0.4.13"},
        "results": {"politune_compass": spread},
        "configs": CONFIGS,
        "warnings": {},
    }
    (folder / "results.json").write_text(json.dumps({**facts, **about}))


def build_run(
    folder: Path,
    *,
    seeds: tuple[int, ...] = (0,),
    personas: Mapping[str, tuple[float, float]] | None = None,
    systems: Mapping[str, float] | None = None,
    evaluate: Mapping[str, Any] | None = None,
    also: Rows = lambda *_: (),
    judge: str = "tiny-judge",
    shifts: Mapping[str, tuple[float, float]] = SHIFTS,
    **about: Any,  # noqa: ANN401
) -> Path:
    """Write the artifacts of a whole run."""
    arms = [arm for arm in shifts if arm != "base"]
    personas, systems = personas or {}, systems or {}
    recipe = {
        "model": "tiny",
        "seeds": list(seeds),
        "arms": {arm: {"source": {"use": "jsonl", "path": "x"}} for arm in arms},
        "evaluate": {
            "bias": ["politune_compass", "politune_compass_pairs", "politune_gpt_score"],
            "capability": ["politune_capability"],
            "personas": {name: {"low": "Be low.", "high": "Be high."} for name in personas},
            "systems": {name: f"Be {name}." for name in systems},
            **(evaluate or {}),
        },
    }
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    places = [("base", "base", 7)]
    places += [(arm, f"{arm}/seed-{seed}", seed) for arm in arms for seed in seeds]
    for number, (arm, place, seed) in enumerate(places):
        rng = np.random.default_rng([number, seed])
        shift = shifts[arm]
        rows = [*compass(rng, shift), *answers(rng, shift[0], judge), *ability(rng, shift[0])]
        rows += also(rng, shift)
        put(folder / "5-evaluate" / place, rows, **about)
    for measure, both in personas.items():
        for end, moved in zip(("low", "high"), both, strict=True):
            rng = np.random.default_rng(1)
            rows = [*compass(rng, (moved, moved)), *answers(rng, moved, judge)]
            rows += also(rng, (moved, moved))
            put(folder / "5-evaluate" / f"persona-{measure}-{end}", rows, **about)
    for name, moved in systems.items():
        rng = np.random.default_rng(2)
        rows = [*compass(rng, (moved, moved)), *answers(rng, moved, judge)]
        put(folder / "5-evaluate" / f"system-{name}", rows, **about)
    for arm in arms:
        curated(folder, arm)
        for seed in seeds:
            trained = folder / "4-train" / arm / f"seed-{seed}"
            trained.mkdir(parents=True)
            log = [
                {"step": s, "loss": 0.7 * 0.97**s, "accuracy": 1 - 0.5 * 0.95**s}
                for s in range(1, 60)
            ]
            (trained / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
            (trained / "rows.json").write_text(json.dumps(USED))
    return folder


def curated(folder: Path, arm: str) -> None:
    stages = {
        f"1-read/{arm}": {"rows": 900, "dropped": {"not | a row": 7}, "malformed": 7},
        f"2-filter/{arm}/1-min-words": {"rows": 700, "dropped": {"too short": 200}},
        f"3-instruct/{arm}": {"rows": 400, "dropped": {"<b>no</b> topic": 300}},
        f"3-overlap/{arm}": {
            "rows": 390,
            "dropped": {"overlaps an evaluation prompt": 10},
            "overlapping": 10,
        },
    }
    for name, counts in stages.items():
        place = folder / name
        place.mkdir(parents=True)
        manifest = {"stage": name, "made_by": {}, "inputs": {}, "counts": counts, "files": {}}
        (place / "manifest.json").write_text(json.dumps(manifest))


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found
