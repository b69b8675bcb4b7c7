"""What checkpoints measured while training went on, and which of them was chosen."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key, Scale, instruments, scales
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.matrices import Cell, cells, limits
from politune_harness.report.numbers import POSITION, WHOLE_PERCENT, estimate, number
from politune_harness.report.reading import Run, Trajectories
from politune_harness.statistics import interval

SIDE = ("bits_per_byte", "coherence", "empty", "repetition")
"""What is told of answers in text beside leaning."""
NOTE = """\
*Toward its side* is the movement from the base, in percent of a scale's width. *Coherence* is 1 \
for answers as sound as the base's: what judges of coherence say, or how likely answers are to the \
base, less what is empty or repeats itself. Intervals are over items, of one model each."""


def results(run: Run) -> dict[str, Any] | None:
    """Return what results.json says of trajectories; None where no checkpoint was evaluated.

    `points` holds the base, at step 0, and each checkpoint by arm and seed, with the interval of
    each measure; `chosen` the step that was chosen of each training, and how.
    """
    found = run.trajectories
    if found is None:
        return None
    asked = run.recipe.evaluate
    measured = {(row.task, row.metric): None for row in found.base.rows}
    ends = scales(measured, instruments(found.base.about))
    return {
        "tasks": list(asked.watched),
        "every_steps": asked.every_steps,
        "half": found.base.about.get("half"),
        "topics": found.base.about.get("topics", []),
        "select": asked.select.model_dump(mode="json") if asked.select else None,
        "toward": {name: list(arm.toward) for name, arm in run.recipe.arms.items() if arm.toward},
        "measures": [[*key, *scale] for key, scale in ends.items()],
        "points": list(_points(found, ends)),
        "chosen": {
            arm: {
                seed: {"step": each.chosen, "held": each.held, "rule": each.rule}
                for seed, each in seeds.items()
            }
            for arm, seeds in found.choices.items()
        },
    }


def _points(found: Trajectories, ends: Mapping[Key, Scale]) -> Iterator[dict[str, Any]]:
    """Yield the base and each checkpoint, as `results` says."""
    looked = {f"{p.arm}/{p.seed}/{p.point.step}": p for p in found.points}
    evaluations = {name: {"": p.evaluation} for name, p in looked.items()}
    each = cells({"": {"": found.base}, **evaluations}, ends)
    base = {"arm": None, "seed": None, "step": 0, "trait": 0.0, "coherence": found.coherence}
    yield {**base, "tasks": _told(each[""], ends)}
    for name, p in looked.items():
        about = {"arm": p.arm, "seed": p.seed, **msgspec.to_builtins(p.point)}
        del about["values"]
        yield {**about, "tasks": _told(each[name], ends)}


def _told(measured: Mapping[Key, Cell], ends: Mapping[Key, Scale]) -> dict[str, Any]:
    """Return the interval of each measure of leaning, and of what goes with answers in text."""
    told: dict[str, Any] = {}
    for key, cell in sorted(measured.items()):
        if key in ends or key[1] in SIDE:
            entry = interval(cell.matrix, limits(key, ends), cell.strata)._asdict()
            told.setdefault(key[0], {})[key[1]] = {**entry, "missing": cell.missing}
    return told


def along(findings: Findings) -> str:
    """Return the section on what happened while training went on; nothing where nobody looked."""
    found = findings.results["trajectories"]
    if found is None:
        return ""
    keys: list[Key] = [(task, metric) for task, metric, *_ in found["measures"]]
    names = [metric for _, metric in keys]
    columns = [md(m if names.count(m) == 1 else f"{m} ({task})") for task, m in keys]
    head = ["arm", "seed", "step", *columns, "coherence", "toward its side, %", ""]
    rows = [_row(found, point, keys) for point in found["points"]]
    tasks = ", ".join(map(code, found["tasks"]))
    how = f"Every {found['every_steps']} steps a checkpoint was evaluated on {tasks}."
    return section("Along the training", how, *_choice(found), NOTE, table(head, rows, words=2))


def _row(found: Mapping[str, Any], point: Mapping[str, Any], keys: list[Key]) -> list[str]:
    of = found["chosen"].get(point["arm"], {}).get(point["seed"])
    said = "**chosen**" if of and of["step"] == point["step"] else ""
    entries = [point["tasks"].get(task, {}).get(metric) for task, metric in keys]
    named = [md(point["arm"] or "base"), point["seed"] or ""]
    trait = number(point["trait"] if point["arm"] else None, WHOLE_PERCENT._replace(times=1))
    coherent = number(point["coherence"], POSITION._replace(places=2))
    shown = [estimate(entry, POSITION) for entry in entries]
    return [*named, str(point["step"]), *shown, coherent, trait, said]


def _choice(found: Mapping[str, Any]) -> Iterator[str]:
    """Say by what checkpoints were chosen, on which half, and where none was as it should be."""
    if not found["select"]:
        return
    topics = ", ".join(map(md, found["topics"]))
    yield (
        "Here and nowhere else in this report, what was asked is the **selection half**, split by "
        f"topic: {topics}. All other numbers are of the other half, which no checkpoint was chosen "
        "by."
    )
    rules: dict[str, list[str]] = {}
    for arm, seeds in found["chosen"].items():
        for seed, of in seeds.items():
            said = f"{md(arm)}, seed {seed}: step {of['step']}"
            warn = "" if of["held"] else " (**no checkpoint was as coherent as asked**)"
            rules.setdefault(of["rule"], []).append(said + warn)
    for rule, told in rules.items():
        yield f"Chosen as {md(rule)}: {'; '.join(told)}."
