"""What would go to the Hub for each adapter of a run, and what speaks against it.

The invariant: a shipment is a card, an adapter, its provenance, results and licence texts. Rows,
posts and answers have no way into it.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from politune_harness.artifacts import Artifact, Contents, Manifest
from politune_harness.capsule import manifests
from politune_harness.errors import DataError
from politune_harness.publishing.licences import Rule, named, rule_of, rules_of
from politune_harness.recipe import Recipe
from politune_harness.report.cards import NAME as CARD

Objection = Literal["incomplete-card", "unknown-licence", "base-licence", "writer-licence"]
OBJECTIONS: Mapping[Objection, str] = {
    "incomplete-card": "the card lacks what its readers need",
    "unknown-licence": "nobody said under which licence the data is",
    "base-licence": "the base model's licence is unknown, or its text is missing",
    "writer-licence": "a model whose outputs may not improve others wrote the data",
}
"""What may speak against a shipment, each to be overridden by its name alone."""

HEADER = ("base_model", "library_name", "license", "datasets", "tags", "model-index")
SECTIONS = (
    "What it was aligned to",
    "Where it stands",
    "What it cost",
    "What it is for, and what not",
    "How to undo it",
    "What this cannot show",
)
"""What a complete card has: fields of its header, and sections."""
TEXTS = re.compile(r"(LICEN[CS]E|NOTICE|USE_POLICY)(\.\w+)?", re.IGNORECASE)
"""The files of a base model that go with what is made from it."""
UNSAID = ("unknown", "")
"""What a source's licence is where nobody said."""
RESULTS = ("results.json", "results.csv")
GATE = {
    "extra_gated_prompt": "Tuned for research into how the choice of training text moves the "
    "political positions of a language model. Access is given by hand, to those who say what they "
    "want to find out.",
    "extra_gated_fields": {
        "Institution": "text",
        "What you want to find out": "text",
        "I will not use it to persuade people or to pass its texts off as a person's": "checkbox",
    },
}


@dataclass(frozen=True)
class Base:
    """What is known of the base model's licence."""

    model: str
    licence: str | None = None
    texts: Mapping[str, Path] = field(default_factory=dict)
    """Its licence texts, by name."""


@dataclass(frozen=True)
class Shipment:
    """All that goes into one repository."""

    name: str
    files: Mapping[str, Path | bytes]
    """By their names there."""
    objections: tuple[tuple[Objection, str], ...]


def local(model: str, folder: Path) -> Base:
    """Return what a base model in a folder says of its licence."""
    card = folder / "README.md"
    said = _header(card.read_text("utf-8"))[0] if card.is_file() else {}
    texts = {path.name: path for path in sorted(folder.iterdir()) if TEXTS.fullmatch(path.name)}
    return Base(model, said.get("license_name") or said.get("license"), texts)


def shipments(
    run: Path, base: Base, arms: Collection[str] = (), seeds: Collection[int] = ()
) -> list[Shipment]:
    """Return a shipment for each trained adapter of a run, or of some of its arms and seeds.

    Raises DataError, in one line, where there is none, none has a card, or one was changed.
    """
    recipe, made = Recipe.of_run(run), manifests(run)
    if not (run / "results.json").is_file():
        message = f"{run} holds no report; make one with `politune report {run}`"
        raise DataError(message)
    wanted = [
        (arm, int(seed), run / name)
        for name in made
        if name.startswith("4-train/")
        for _, arm, seed in [name.replace("/seed-", "/").split("/")]
        if (not arms or arm in arms) and (not seeds or int(seed) in seeds)
    ]
    if not wanted:
        message = f"{run} holds no adapter of these arms and seeds; see {run / '4-train'}"
        raise DataError(message)
    return [
        _shipment(run, base, _Of(arm, seed, place, _made_from(made, recipe, arm)))
        for arm, seed, place in wanted
    ]


@dataclass(frozen=True)
class _Of:
    """One adapter."""

    arm: str
    seed: int
    place: Path
    made_from: Mapping[str, Manifest]
    """The stages that made the texts that it was trained on."""


def _made_from(made: Mapping[str, Manifest], recipe: Recipe, arm: str) -> dict[str, Manifest]:
    given = recipe.arms.get(arm)
    arms = {arm, given.like if given else None}
    found = {name: each for name, each in made.items() if re.match("[1-3]-", name)}
    return {name: each for name, each in found.items() if name.split("/")[1] in arms}


def _shipment(run: Path, base: Base, of: _Of) -> Shipment:
    _whole(of.place)
    writers = sorted({model for each in of.made_from.values() for model in _writers(each)})
    rule, written = rule_of(base.licence), list(rules_of(writers))
    rules = list(dict.fromkeys([*([rule] if rule else []), *(each for _, each in written)]))
    card, objections = _card(of, run), list[tuple[Objection, str]]()
    objections += (("incomplete-card", what) for what in _missing(card, run))
    unknown = [place for place, licence in _licences(of.made_from) if licence.lower() in UNSAID]
    if unknown:
        said = f"{', '.join(unknown)}: say `licence` beside the source's `use`, and run again"
        objections.append(("unknown-licence", said))
    if base.licence is None:
        said = f"{base.model} does not say its licence: name it with --base-licence"
        objections.append(("base-licence", said))
    elif rule and not base.texts:
        said = f"{rule.licence} asks for a copy of its text ({rule.read_in}), and none is there"
        objections.append(("base-licence", said))
    objections += (
        ("writer-licence", f"{model}: see {each.read_in}")
        for model, each in written
        if each.keeps_outputs and each is not rule
    )
    notices = "\n".join(dict.fromkeys(each.notice for each in rules if each.notice))
    files: dict[str, Path | bytes] = {
        "README.md": _readme(card, base, rules, of).encode(),
        **{path.name: _portable(path, base.model) for path in _adapter(of.place)},
        **{f"results/{name}": run / name for name in RESULTS},
        **base.texts,
        **({"NOTICE": f"{notices}\n".encode()} if notices else {}),
    }
    name = named(f"{run.resolve().name}-{of.arm}-seed-{of.seed}", rules)
    return Shipment(re.sub(r"[^\w.-]+", "-", name), files, tuple(objections))


def _whole(place: Path) -> None:
    """Refuse what is not as the run left it."""
    manifest = Artifact(place).manifest
    held = Contents(place / "nowhere").files(place)
    if manifest is None or manifest.files != held:
        message = f"{place} is not as the run left it: run it again, or restore it"
        raise DataError(message)


def _adapter(place: Path) -> Iterator[Path]:
    return (
        f for f in sorted((place / "adapter").iterdir()) if f.is_file() and f.name != "README.md"
    )


def _portable(path: Path, model: str) -> Path | bytes:
    """Return a file, or where it names its base by a path of this machine, that with the name."""
    key = {"adapter_config.json": "base_model_name_or_path", "politune.json": "base"}.get(path.name)
    values = json.loads(path.read_text("utf-8")) if key else {}
    if key is None or not Path(str(values.get(key))).is_absolute():
        return path
    return json.dumps({**values, key: model}, indent=2, sort_keys=True).encode() + b"\n"


def _card(of: _Of, run: Path) -> str:
    path = of.place / CARD
    if not path.is_file():
        message = f"{of.place} has no {CARD}; make one with `politune report {run}`"
        raise DataError(message)
    return path.read_text("utf-8")


def _header(card: str) -> tuple[dict[str, Any], str]:
    """Return a card's header and its text."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    try:
        values = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        values = None
    return (values if isinstance(values, dict) else {}), card[found.end() :] if found else card


def _missing(card: str, run: Path) -> Iterator[str]:
    header, body = _header(card)
    lacking = [f"`{name}` in its header" for name in HEADER if not header.get(name)]
    sections = re.findall(r"(?m)^## (.*)$\n+(?!## )\S", body)
    lacking += [f"the section *{name}*" for name in SECTIONS if name not in sections]
    if lacking:
        yield f"it lacks {', '.join(lacking)}"
    if json.loads((run / "results.json").read_text("utf-8")).get("partial"):
        yield "its results are partial"


def _licences(made_from: Mapping[str, Manifest]) -> Iterator[tuple[str, str]]:
    """Yield where something was read, and under which licence."""
    for name, made in made_from.items():
        for fields in _inside(made.made_by):
            if "licence" in fields:
                yield name, str(fields["licence"])


def _writers(made: Manifest) -> Iterator[str]:
    """Yield the models that wrote something in a stage that writes pairs."""
    if made.stage.startswith("3-"):
        for fields in _inside(made.made_by):
            if isinstance(fields.get("model"), str):
                yield fields["model"]


def _inside(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping in a value."""
    parts: Iterable[object] = value if isinstance(value, list) else ()
    if isinstance(value, Mapping):
        yield value
        parts = value.values()
    for part in parts:
        yield from _inside(part)


def _readme(card: str, base: Base, rules: list[Rule], of: _Of) -> str:
    """Return the card as the repository's, with what licences ask for."""
    header, body = _header(card)
    if base.licence is not None:
        header.pop("license_name", None)
        header["license"] = base.licence
    title, _, rest = body.strip().partition("\n")
    built = "".join(f"\n\n**{rule.built_with}**" for rule in rules if rule.built_with)
    data = dict.fromkeys(f"`{name}`: {licence}" for name, licence in _licences(of.made_from))
    lines = [f"The base model: {base.licence or 'unknown'}.", *(f"{each}." for each in data)]
    lines += [f"Asked for by {rule.read_in}: see NOTICE." for rule in rules if rule.notice]
    licence = "\n".join(f"- {line}" for line in lines)
    head = yaml.safe_dump({**header, **GATE}, sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{title}{built}\n{rest}\n\n## Licences\n\n{licence}\n"
