"""What checkpoints measured while training went on: gains, costs, and which of them was chosen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from politune_harness.report import fronts
from politune_harness.report.findings import ABILITY, Findings
from politune_harness.report.instruments import Key, Scale, instruments, scales
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.matrices import Cell, cells, limits
from politune_harness.report.numbers import PERCENT, PLAIN, POSITION, Unit, estimate, number
from politune_harness.report.reading import Run, Trajectories
from politune_harness.report.tradeoff import mean, strength
from politune_harness.statistics import difference, interval

SIDE = ("bits_per_byte", "coherence", "empty", "repetition")
"""What is told of answers in text beside leaning."""
NOTE = """\
Where each checkpoint stood; step 0 is the base. Intervals are over items, of one model each."""
GAINED = """\
What each checkpoint gained, and what that cost. *Strength*: how far it moved from the base, in \
percent of the way from the centre of a measure to its end, as a mean over the measures above; \
toward its arm's side where it has one, else either way. *Coherence* is 1 for answers as sound as \
the base's: what judges of coherence say, or how likely answers are to the base, less what is \
empty or repeats itself. *Front*: no other checkpoint of the arm, nor the base, is as good in all \
of this and better in something; each was measured once, so neighbours may change places."""


def results(run: Run) -> dict[str, Any] | None:
    """Return what results.json says of trajectories; None where no checkpoint was evaluated.

    `points` holds the base, at step 0, and each checkpoint by arm and seed, with the interval of
    each measure, what it gained and cost, and whether it is on the front; `chosen` the step that
    was chosen of each training, and how.
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
        "abilities": [list(key) for key in _abilities(run, found)],
        "points": _weighed(list(_points(run, found, ends))),
        "chosen": {
            arm: {
                seed: {"step": each.chosen, "held": each.held, "rule": each.rule}
                for seed, each in seeds.items()
            }
            for arm, seeds in found.choices.items()
        },
    }


def _abilities(run: Run, found: Trajectories) -> list[Key]:
    """Return the tasks of ability that checkpoints were asked, each with its main metric."""
    metrics: dict[str, list[str]] = {}
    for row in found.base.rows:
        metrics.setdefault(row.task, []).append(row.metric)
    mains = (
        (task, next((name for name in ABILITY if name in metrics.get(task, ())), None))
        for task in run.capability
    )
    return [(task, metric) for task, metric in mains if metric]


def _points(run: Run, found: Trajectories, ends: Mapping[Key, Scale]) -> Iterator[dict[str, Any]]:
    """Yield the base and each checkpoint, as `results` says."""
    looked = {f"{p.arm}/{p.seed}/{p.point.step}": p for p in found.points}
    evaluations = {name: {"": p.evaluation} for name, p in looked.items()}
    each = cells({"": {"": found.base}, **evaluations}, ends)
    base, able = {key: cell.matrix for key, cell in each[""].items()}, _abilities(run, found)
    start = {"arm": None, "seed": None, "step": 0, "trait": 0.0, "coherence": found.coherence}
    zero = {task: {"value": 0.0, "low": None, "high": None} for task, _ in able}
    yield {**start, "tasks": _told(each[""], ends), "strength": 0.0, "ability": zero}
    for name, p in looked.items():
        now = {key: cell.matrix for key, cell in each[name].items()}
        names = run.recipe.arms[p.arm].toward or (p.arm,)
        about = {"arm": p.arm, "seed": p.seed, **msgspec.to_builtins(p.point)}
        del about["values"]
        yield {
            **about,
            "tasks": _told(each[name], ends),
            "strength": strength(names, ends, now, base),
            "ability": {
                key[0]: difference(now[key], base[key])._asdict() for key in able if key in now
            },
        }


def _weighed(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say of each checkpoint whether no other of its arm, nor the base, beats it."""
    base, *others = points
    best: dict[int, bool] = {}
    for arm in {point["arm"] for point in others}:
        mine = [point for point in others if point["arm"] == arm]
        flags = fronts.front([_gains(point) for point in (*mine, base)])
        best |= {id(point): flag for point, flag in zip(mine, flags, strict=False)}
    return [{**point, "front": best.get(id(point), False)} for point in points]


def _gains(point: Mapping[str, Any]) -> tuple[float | None, ...]:
    """Return what is better the more of it there is."""
    kept = mean([entry["value"] for entry in point["ability"].values()])
    return point["strength"], kept, point["coherence"]


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
    stood = [[*_named(p), *_positions(p, keys)] for p in found["points"]]
    gained = [_gained(found, point) for point in found["points"][1:]]
    able = [f"ability, points ({code(task)})" for task, _ in found["abilities"]]
    head = ["arm", "seed", "step"]
    tasks = ", ".join(map(code, found["tasks"]))
    how = f"Every {found['every_steps']} steps a checkpoint was evaluated on {tasks}."
    return section(
        "Along the training",
        how,
        *_choice(found, findings.results["half"]["whole"] or []),
        NOTE,
        table([*head, *columns], stood, words=2),
        GAINED if gained else "",
        table([*head, "strength, %", *able, "coherence", "front", ""], gained, words=2),
    )


def _named(point: Mapping[str, Any]) -> list[str]:
    return [md(point["arm"] or "base"), point["seed"] or "", str(point["step"])]


def _positions(point: Mapping[str, Any], keys: list[Key]) -> list[str]:
    entries = [point["tasks"].get(task, {}).get(metric) for task, metric in keys]
    return [estimate(entry, POSITION) for entry in entries]


def _gained(found: Mapping[str, Any], point: Mapping[str, Any]) -> list[str]:
    of = found["chosen"].get(point["arm"], {}).get(point["seed"])
    return [
        *_named(point),
        number(point["strength"], Unit(0), sign=True),
        *(
            estimate(point["ability"].get(task), PERCENT, sign=True)
            for task, _ in found["abilities"]
        ),
        number(point["coherence"], PLAIN),
        "yes" if point["front"] else "",
        "**chosen**" if of and of["step"] == point["step"] else "",
    ]


def _choice(found: Mapping[str, Any], whole: Sequence[str]) -> Iterator[str]:
    """Say by what checkpoints were chosen, on which half, and where none was as it should be."""
    if not found["select"]:
        return
    topics = ", ".join(map(md, found["topics"]))
    save = f", save tasks asked whole, here and there: {', '.join(map(code, whole))}"
    yield (
        "Here and nowhere else in this report, what was asked is the **selection half**, split by "
        f"topic: {topics}. All other numbers are of the other half, which no checkpoint was chosen "
        f"by{save if whole else ''}."
    )
    rules: dict[str, list[str]] = {}
    for arm, seeds in found["chosen"].items():
        for seed, of in seeds.items():
            said = f"{md(arm)}, seed {seed}: step {of['step']}"
            warn = "" if of["held"] else " (**no checkpoint was as coherent as asked**)"
            rules.setdefault(of["rule"], []).append(said + warn)
    for rule, told in rules.items():
        yield f"Chosen as {md(rule)}: {'; '.join(told)}."
