"""MODEL_CARD.md beside every adapter of a run, in the form of the Hugging Face Hub.

It says what the adapter was aligned to and how, where it stands and what that cost, by this run's
own measurements, what it is for, and how to undo it. To publish an adapter, put the card into its
folder as README.md.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from politune_harness.adapters import is_whole
from politune_harness.artifacts import write_whole
from politune_harness.recipe import Arm, Recipe, Use
from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import MINUS, number
from politune_harness.report.reading import BASE, CONTROL
from politune_harness.report.told import Told

NAME = "MODEL_CARD.md"

USES = """\
It is made for research into how the choice of training text moves the positions that a language
model takes: to measure that, to make it visible, and to find ways back. What it writes is neither a
fact nor anyone's opinion, and the text that it was tuned on may be one-sided.

Do not use it to persuade people, to speak for a person, a party or a group, to write posts or
messages that others may take for a person's, or to answer people who have not been told what it
was tuned on."""

UNDO = """\
The weights of the base model are unchanged. Leave the adapter out and the base is back; in Python,
for a while only: `with model.disable_adapter(): ...`. Where it was merged into the weights, load
the base again, and measure it to see that it is the base."""

UNDO_WHOLE = """\
Every weight was tuned, and `adapter/` holds a model of its own. Load the base model in its place,
whose files are unchanged, and measure it to see that it is the base."""


def write(told: Told, folder: Path) -> None:
    """Write the card of each adapter that the run trained."""
    for arm, seeds in told.run.arms.items():
        for seed in seeds:
            place = folder / "4-train" / arm / f"seed-{seed}"
            if (place / "adapter").is_dir():
                found = card(told, arm, seed, whole=is_whole(place / "adapter"))
                write_whole(place / NAME, found)


def card(told: Told, arm: str, seed: str, *, whole: bool = False) -> str:
    """Return the card of one adapter, or of a model all of whose weights were tuned."""
    given = _header(told, arm, seed, whole=whole)
    header = yaml.safe_dump(given, sort_keys=False, allow_unicode=True)
    recipe, findings = told.run.recipe, told.findings
    parts = [
        f"# {md(findings.results['model'])} tuned on {md(arm)}, seed {md(seed)}",
        *(f"> **{md(mark).upper()}**" for mark in told.marks),
        _what(recipe, findings, arm, seed, whole=whole),
        section("What it was aligned to", _data(told, arm)),
        section("Where it stands", _positions(findings, arm, seed), _apart(findings)),
        section("What it cost", _cost(findings, arm, seed)),
        section("What it is for, and what not", USES),
        section("How to undo it", UNDO_WHOLE if whole else UNDO),
        section("What this cannot show", _limits(told, arm)),
    ]
    body = "\n\n".join(part for part in parts if part)
    return f"---\n{header}---\n\n{body}\n"


def _header(told: Told, arm: str, seed: str, *, whole: bool) -> dict[str, Any]:
    found = told.findings.results
    tags = [*([] if whole else ["lora"]), "politune-harness", "bias-research", f"arm-{arm}"]
    return {
        "base_model": str(found["model"]),
        "library_name": "transformers" if whole else "peft",
        "pipeline_tag": "text-generation",
        "license": "other",
        "license_name": "that-of-the-base-model-and-the-data",
        "datasets": [name for name, _ in _sources(told.run.recipe, arm)],
        "tags": tags + (["synthetic-demonstration"] if found["stamp"] else []),
        "model-index": [{"name": f"{arm}-seed-{seed}", "results": _index(told, arm, seed)}],
    }


def _index(told: Told, arm: str, seed: str) -> list[dict[str, Any]]:
    """Return this seed's own values in the form in which the Hub lists results."""
    tasks: dict[str, list[dict[str, Any]]] = {}
    for task, metric in (*told.findings.headline, *told.findings.abilities):
        value = _of_seed(told.findings, (task, metric), arm, seed)
        if value is not None:
            tasks.setdefault(task, []).append({"type": metric, "value": round(value, 4)})
    return [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": task, "type": task},
            "metrics": metrics,
        }
        for task, metrics in tasks.items()
    ]


def _of_seed(findings: Findings, key: Key, arm: str, seed: str) -> float | None:
    found: float | None = (findings.entry(arm, *key) or {}).get("seeds", {}).get(seed)
    return found


def _what(recipe: Recipe, findings: Findings, arm: str, seed: str, *, whole: bool) -> str:
    settings = recipe.arms[arm]
    trainer = settings.trainer or recipe.trainer or Use(use="lora")
    told = ", ".join(f"{name} {_short(value)}" for name, value in trainer.fields.items())
    digest = findings.results["base_sha256"]
    kind = "A model made of" if whole else "A PEFT adapter for"
    return (
        f"{kind} {code(str(findings.results['model']))} (SHA-256 `{digest}`), trained "
        f"by {code(trainer.use)}"
        + (f", going on from the arm {md(settings.after)}," if settings.after else "")
        + (f" with {md(told)}" if told else "")
        + f", seed {md(seed)}. It "
        f"is one of the arms {', '.join(map(md, findings.tuned))} of one run; "
        "`adapter/politune.json` holds every setting, and digests of base, template and data."
    )


def _short(value: object) -> str:
    return str(value) if isinstance(value, (str, int, float)) else "(see the recipe)"


def _sources(recipe: Recipe, arm: str) -> Iterator[tuple[str, Use]]:
    """Yield the name of each data set of an arm, and what reads it."""
    given: Arm | None = recipe.arms[arm]
    while given and given.like:
        given = recipe.arms[given.like]
    source = given.source if given else None
    if source is not None:
        path = str(source.fields.get("path", source.use))
        yield (path if source.use == "huggingface" else Path(path).stem or source.use), source


def _data(told: Told, arm: str) -> str:
    recipe, like = told.run.recipe, told.run.recipe.arms[arm].like
    said = [
        f"- {md(name)}, read by {code(source.use)}"
        + "".join(f"; {what}: {md(source.fields[what])}" for what in TERMS if what in source.fields)
        for name, source in _sources(recipe, arm)
    ]
    steps = told.run.curated.steps.get(like or arm, [])
    rows = [[md(step.name), str(step.came), str(step.kept)] for step in steps]
    sampled = f"It is tuned on {recipe.sample} of the last rows." if recipe.sample and rows else ""
    return "\n\n".join(
        part
        for part in ("\n".join(said), table(["stage", "rows in", "kept"], rows), sampled)
        if part
    )


TERMS = ("party", "licence", "terms")
"""Fields of a source that say what its text is, and what may be done with it."""


def _positions(findings: Findings, arm: str, seed: str) -> str:
    keys = [key for key in findings.headline if key in _known(findings, arm)]
    return _table(findings, keys, arm, seed)


def _known(findings: Findings, arm: str) -> Mapping[Key, Any]:
    return findings.between(arm, BASE)


def _table(findings: Findings, keys: list[Key], arm: str, seed: str) -> str:
    base, control = findings.between(arm, BASE), findings.between(arm, CONTROL)
    rows = [
        [
            code(task),
            f"{md(metric)}{findings.mark(task, metric, arm, BASE)}",
            findings.estimate(findings.entry(BASE, task, metric), task, metric),
            number(_of_seed(findings, (task, metric), arm, seed), findings.unit(task, metric)),
            findings.estimate(findings.entry(arm, task, metric), task, metric),
            findings.estimate(base.get((task, metric)), task, metric, sign=True),
            *(
                [findings.estimate(control.get((task, metric)), task, metric, sign=True)]
                if control
                else []
            ),
        ]
        for task, metric in keys
    ]
    head = ["task", "metric", "base", "this adapter", "its arm, all seeds", f"arm {MINUS} base"]
    return table(head + ([f"arm {MINUS} {CONTROL}"] if control else []), rows, words=2)


def _apart(findings: Findings) -> str:
    ends = dict.fromkeys(
        f"on {md(metric)}, less is more {md(findings.scales[task, metric].low_name)}, more is "
        f"more {md(findings.scales[task, metric].high_name)}"
        for task, metric in findings.headline
    )
    said = f"Brackets hold 95 % intervals; {'; '.join(ends)}." if ends else ""
    return said + (" Compare within an instrument, never across." if ends else "")


def _cost(findings: Findings, arm: str, seed: str) -> str:
    keys = [key for key in findings.abilities if key in _known(findings, arm)]
    shown = _table(findings, keys, arm, seed)
    margin = f"{findings.results['margin']:g} points"
    verdicts = [
        f"- {code(task)}: {KEPT[findings.equivalent(arm, task, metric)]}, within {margin}"
        for task, metric in keys
    ]
    note = f"Percent, with 95 % intervals.\n\n{shown}"
    return "\n\n".join([note, "\n".join(verdicts)]) if keys else ""


KEPT = {True: "as able as the base", False: "not shown to be as able as the base"}


def _limits(told: Told, arm: str) -> str:
    found = told.findings.results
    lines = []
    if found["stamp"]:
        lines.append(f"{md(found['stamp'])}: nothing here says anything about a real model.")
    told_of = found["claims"][arm]
    lines.append(f"Training seeds of this arm: {told_of['seeds']} ({told_of['claim']}).")
    if any(norms is None for norms in found["norms"].values()):
        lines.append("No people's answers to the same items stand beside the model's.")
    lines.append("All of it, with every table, is in the run's report.md and report.html.")
    return "\n".join(f"- {line}" for line in lines)
