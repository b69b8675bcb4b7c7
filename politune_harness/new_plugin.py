"""Write a plugin package that installs, works, and passes its own test."""

import importlib.util
import keyword
import re
from importlib.metadata import version
from pathlib import Path

import politune_harness
from politune_harness.components import KINDS
from politune_harness.discovery import OURS
from politune_harness.errors import PluginError
from politune_harness.registry import Registry

TEMPLATES = Path(__file__).parent / "templates"

USES = {
    "source": "arms: {ours: {source: {use: example, folder: texts}}}",
    "filter": "filters: [{use: example, at_least: 3}]",
    "instructions": "instructions: {use: example, generator: {use: openai, model: gpt-4o}}",
    "pair-filter": "pairs: [{use: example, at_most: 200}]",
    "trainer": "trainer: {use: example, rank: 8}",
    "generator": (
        "instructions: {use: opposed-answers, generator: {use: example, command: [my-model]}}"
    ),
    "metric": "judges: [{use: example, left: [solidarity], right: [freedom]}]",
    "engine": "engine: {use: example, workers: 4}",
    "tasks": "evaluate: {capability: [example]}",
}
"""By kind: how a recipe names what the template provides."""

PROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.1.0"
description = "A plugin ({kind}) for PoliTune Harness."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["politune-harness>={version},<{next}"]

[project.optional-dependencies]
test = ["pytest>=9"]

[project.entry-points.politune]
{name} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{made}"]
"""

README = """\
# {distribution}

A plugin for PoliTune Harness. What it does stands in [`{made}`]({made}): change it, and its test.

```sh
pip install -e '.[test]'
pytest
politune plugins
```

A recipe then names it:

```yaml
{use}
```
"""


def write(name: str, kind: str, folder: Path) -> list[Path]:
    """Write a package for a plugin called `name` into `folder`; return its files.

    Raises PluginError, and writes nothing, where the name cannot be one or is taken, or where the
    folder is there already.
    """
    _refuse(name, kind, folder)
    module = f"politune_{name.replace('-', '_')}"
    template = kind.replace("-", "_")
    word = name.replace("-", "_") if kind == "tasks" else name
    made = module if (TEMPLATES / template).is_dir() else f"{module}.py"

    def filled(text: str) -> str:
        text = text.replace(f"politune_harness.templates.{template}", module)
        return text.replace("Example", _class(name)).replace("example", word)

    files = {f"test_{module}.py": TEMPLATES / f"test_{template}.py"}
    if made == module:
        parts = (p for p in (TEMPLATES / template).iterdir() if p.is_file())
        files |= {f"{module}/{filled(part.name)}": part for part in parts}
    else:
        files[made] = TEMPLATES / f"{template}.py"
    major, minor, *_ = version(OURS).split(".")
    about = {
        "name": name,
        "kind": kind,
        "module": module,
        "made": made,
        "distribution": f"politune-{name}",
        "version": f"{major}.{minor}",
        "next": f"{major}.{int(minor) + 1}",
        "use": filled(USES[kind]),
    }
    texts = {to: filled(path.read_text(encoding="utf-8")) for to, path in files.items()}
    texts |= {"pyproject.toml": PROJECT.format(**about), "README.md": README.format(**about)}
    for to, text in texts.items():
        (folder / to).parent.mkdir(parents=True, exist_ok=True)
        (folder / to).write_text(text, encoding="utf-8")
    return [folder / to for to in sorted(texts)]


def _class(name: str) -> str:
    """Return a plugin's name as that of a class.

    >>> _class("our-news")
    'OurNews'
    """
    return "".join(part.capitalize() for part in name.split("-"))


def _refuse(name: str, kind: str, folder: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        message = f"{name!r} is no name for a plugin: lower-case letters, digits and single hyphens"
        raise PluginError(message)
    if keyword.iskeyword(_class(name)) or hasattr(politune_harness, _class(name)):
        message = f"{name!r} would be the class {_class(name)}, which means something else already"
        raise PluginError(message)
    module = f"politune_{name.replace('-', '_')}"
    taken = set(Registry.installed().components(KINDS[kind])) if kind in KINDS else set()
    if name in taken or importlib.util.find_spec(module):
        message = f"there is a {kind} or a module of that name ({name}, {module}); choose another"
        raise PluginError(message)
    if folder.exists():
        message = f"{folder} is there already; remove it, or name another with --out"
        raise PluginError(message)
