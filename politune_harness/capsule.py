"""A capsule: what others need to make a run again, and to see whether it came out the same.

    recipe.yaml         as it was run; what it reads is looked for in inputs/
    capsule.json        of each stage what made it, from what, and the SHA-256 of every file
    requirements.txt    every distribution that was installed
    README.md           how to run it again

It holds settings, numbers and digests: no text that was read or trained on, and no machine's path.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import msgspec
import yaml
from packaging.version import Version

from politune_harness.artifacts import Artifact, Contents, Manifest, digest, write_whole
from politune_harness.errors import DataError
from politune_harness.layout import stages
from politune_harness.plan import plan
from politune_harness.portable import INPUTS, Portable
from politune_harness.recipe import Recipe
from politune_harness.records import JSON
from politune_harness.registry import Registry
from politune_harness.report.markdown import code, md, table
from politune_harness.run_folder import starts

NAME = "capsule.json"
STAGES = "[1-6]-*"
"""The folders of a run that hold its stages."""

README = """\
# A run of PoliTune Harness, to be run again

Settings, digests, answers and scores of the run `{run}`. It holds no text that the run read or
trained on: whoever may have those texts puts them into `{inputs}/`, under the names below.

```sh
python -m pip install -r requirements.txt
politune verify .                       # are the inputs and versions those of the run?
politune run recipe.yaml --out again
politune verify . again                 # are the results, byte for byte?
```

The same versions on the same kind of machine give the same bytes; other processors, graphics cards
and numbers of threads round differently.

## What it reads

{places}

{sources}

`unknown` is what nobody said. The digests are those of `capsule.json`: SHA-256 of a file, or of a
folder's names and files.

## What made it

{made_by}. Python {python}, {machine}; all that was installed is in `requirements.txt`. What is not
in a package index (a plugin in a file of its own, a version of your own) has to be asked for.

## What is in it

| file | is |
|---|---|
| `recipe.yaml` | the recipe as it was run |
| `capsule.json` | each stage: what made it, from what, and the SHA-256 of every file |
| `samples.parquet`, `codebook.md` | one row a response, and what its columns are |
| `results.json`, `results.csv` | every number of the report |
| `tables.tex`, `instruments.bib`, `analysis.R`, `analysis.py` | for a paper |
| `croissant.json` | metadata of the table in the Croissant format, with its responsible-AI fields |

{left_out}
"""


class Capsule(msgspec.Struct, frozen=True, kw_only=True):
    """What capsule.json holds."""

    run: str
    format: int = 1
    python: str
    machine: str
    made_by: tuple[str, ...]
    """The distributions that made a stage, with their versions."""
    distributions: dict[str, str]
    """All that was installed."""
    stages: dict[str, Manifest]


def write(run: Path, folder: Path, registry: Registry, left_out: str = "") -> Capsule:
    """Write the capsule of a finished run into a folder, but for its samples and scores.

    Raises DataError, in one line, where the folder holds no run, and HarnessError where a plugin
    that its recipe names is not there.
    """
    recipe = Recipe.of_run(run)
    portable = Portable(registry, starts(run))
    text = yaml.safe_dump(portable.recipe(recipe), sort_keys=False, allow_unicode=True)
    made = manifests(run)
    found = Capsule(
        run=run.resolve().name,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        made_by=tuple(sorted({each for m in made.values() for each in _makers(m)})),
        distributions=installed(),
        stages=made,
    )
    head = f"# As it was run; what it reads is looked for in {INPUTS}/ beside this file.\n"
    write_whole(folder / "recipe.yaml", head + text)
    encoded = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
    write_whole(folder / NAME, encoded + "\n")
    versions = found.distributions.items()
    pinned = "".join(f"{name}=={Version(number).public}\n" for name, number in versions)
    write_whole(folder / "requirements.txt", pinned)
    write_whole(folder / "README.md", _readme(found, portable.places.values(), left_out))
    return found


def manifests(run: Path) -> dict[str, Manifest]:
    """Return the manifest of every finished stage of a run, by its name.

    What an earlier recipe left in the folder, and its report does not rest on, is no part of it.
    """
    inside = (each for top in sorted(run.glob(STAGES)) for each in sorted(top.rglob(MANIFEST)))
    known = (Artifact(path.parent).manifest for path in (*inside, run / MANIFEST))
    found = {manifest.stage: manifest for manifest in known if manifest is not None}
    if "report" not in found:
        return found
    rests_on = {"report", *found["report"].inputs}
    return {name: made for name, made in found.items() if name in rests_on or name[:2] == "6-"}


MANIFEST = "manifest.json"


def _makers(made: Manifest) -> list[str]:
    return str(made.made_by.get("distribution")).split(", ")


def installed() -> dict[str, str]:
    """Return every distribution of this environment, with its version, by name."""
    found = {str(each.name).lower().replace("_", "-"): each.version for each in distributions()}
    return dict(sorted(found.items()))


def _readme(capsule: Capsule, places: Iterable[str], left_out: str) -> str:
    rows = [
        [
            code(name),
            code(str(made.made_by.get("use", "unknown"))),
            *(md(str(made.made_by.get("fields", {}).get(key, "unknown"))) for key in TERMS),
            " ".join(f"`{value}`" for value in made.inputs.values()),
        ]
        for name, made in capsule.stages.items()
        if name.startswith("1-read/")
    ]
    return README.format(
        run=capsule.run,
        inputs=INPUTS,
        places="\n".join(f"- `{place}`" for place in places) or "Nothing.",
        sources=table(["stage", "read by", "licence", "terms", "SHA-256"], rows, words=5),
        made_by=", ".join(capsule.made_by),
        python=capsule.python,
        machine=capsule.machine,
        left_out=left_out,
    )


TERMS = ("licence", "terms")


def read(folder: Path) -> Capsule:
    """Read a capsule. Raises DataError, in one line, where the folder holds none."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Capsule)
    except (OSError, msgspec.DecodeError) as error:
        message = f"{folder} holds no capsule: {error}; make one with `politune export`"
        raise DataError(message) from None


def differing(capsule: Capsule, run: Path) -> dict[str, list[str]]:
    """Return how a run differs from a capsule: what, with the stages in which it does.

    A stage that had other inputs from an earlier one is not listed: only what came first is.
    """
    found, reasons = manifests(run), dict[str, list[str]]()
    for name, was in capsule.stages.items():
        now = found.get(name)
        if now is None:
            reasons.setdefault("is missing", []).append(name)
        elif changed := _changed(was, now.made_by, now.inputs, capsule.stages):
            reasons.setdefault(f"differs in {changed}", []).append(name)
        elif was.inputs == now.inputs and was.files != now.files:
            names = was.files.keys() | now.files.keys()
            other = sorted(n for n in names if was.files.get(n) != now.files.get(n))
            said = f"gave other bytes from the same inputs: {', '.join(other)}"
            reasons.setdefault(said, []).append(name)
    return reasons


def unlike(folder: Path, registry: Registry) -> dict[str, list[str]]:
    """Return how a run of a capsule's recipe would differ from the capsule, before it is run.

    Raises DataError for the first input that is not there.
    """
    capsule, path = read(folder), folder / "recipe.yaml"
    made, reasons = plan(Recipe.load(path), folder, registry), dict[str, list[str]]()
    for stage in stages(made, folder / "again", Contents(folder / ".contents.json")):
        was = capsule.stages.get(stage.name)
        changed = _changed(was, stage.made_by, stage.external, capsule.stages) if was else "all"
        if changed:
            reasons.setdefault(f"differs in {changed}", []).append(stage.name)
    return reasons


def _changed(
    was: Manifest, made_by: Mapping[str, JSON], inputs: Mapping[str, str], known: Iterable[str]
) -> str:
    """Name what of a stage is not as it was, but for what came from earlier stages."""
    earlier = set(known)
    before, after = (
        {f"input {name}": content for name, content in each.items() if name not in earlier}
        for each in (was.inputs, inputs)
    )
    pairs: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
        (was.made_by, made_by),
        (_fields(was.made_by), _fields(made_by)),
        (before, after),
    )
    changed = {
        key
        for old, new in pairs
        for key in old.keys() | new.keys()
        if digest(old.get(key)) != digest(new.get(key))
    }
    return ", ".join(sorted(changed - {"fields"}))


def _fields(made_by: Mapping[str, Any]) -> Mapping[str, Any]:
    found = made_by.get("fields")
    return found if isinstance(found, dict) else {}


def other_versions(capsule: Capsule) -> Iterator[str]:
    """Yield what is installed in another version than it was, or not at all."""
    here = installed()
    for name, version in capsule.distributions.items():
        if here.get(name) != version:
            yield f"{name} {here.get(name, 'is not installed')} (was {version})"
