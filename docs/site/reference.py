"""The reference pages, made from the code whenever the site is built."""

import inspect
import re
import typing
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union

import click
from pydantic import BaseModel

from politune_harness import hookspecs, recipe
from politune_harness.cli import main
from politune_harness.components import KINDS, Component
from politune_harness.documented import described
from politune_harness.registry import Registry

PARTS = (recipe.Recipe, recipe.Arm, recipe.Evaluate, recipe.Poles, recipe.Overlapping)


def hooks() -> str:
    """Return a heading for each hook, with its exact signature, and for each kind its method."""
    lines = ["# Hooks", "", "What a plugin can provide, with an example of each.", ""]
    by_hook = {kind.hook: kind for kind in KINDS.values()}
    for name in sorted(name for name in vars(hookspecs) if name.startswith("politune_")):
        hook = getattr(hookspecs, name)
        about, _, example = (inspect.getdoc(hook) or "").partition("Example::")
        lines += [f"## `{name}{signature(hook)}`", "", about.strip(), ""]
        if kind := by_hook.get(name):
            lines += list(_work(kind))
        lines += ["```python", inspect.cleandoc(example), "```", ""]
    return "\n".join(lines)


def _work(kind: type[Component]) -> Iterator[str]:
    """Yield what a component of a kind has to do."""
    for name in sorted(kind.__abstractmethods__):
        method = getattr(kind, name)
        yield from (f"`{kind.__name__}.{name}{signature(method)}`:", "", _text(method), "")


def signature(function: Callable[..., object]) -> str:
    """Return a signature as it is written, without the modules of its types."""
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])|~", "", str(inspect.signature(function)))


def components() -> str:
    """Return every component by kind, with its fields."""
    registry = Registry.installed()
    said = "What a recipe can name; `politune components KIND` says the same."
    lines = ["# Components", "", said, ""]
    for word, kind in KINDS.items():
        lines += [f"## {word}", ""]
        for name, cls in registry.components(kind).items():
            lines += [f"### `{name}`", "", _text(cls), "", *fields(cls)]
    return "\n".join(lines)


def recipes() -> str:
    """Return every key of a recipe."""
    lines = ["# The recipe", "", "`politune schema` prints this as JSON Schema, for editors.", ""]
    for part in PARTS:
        lines += [f"## {part.__name__}", "", _text(part), "", *fields(part)]
    return "\n".join(lines)


def fields(cls: type[BaseModel]) -> Iterator[str]:
    """Yield a table of a model's fields."""
    yield from ("| field | type | default | |", "|---|---|---|---|")
    for name, info in described(cls).items():
        given = info.get_default(call_default_factory=True)
        default = "required" if info.is_required() else f"`{_short(given)}`"
        cells = (f"`{name}`", f"`{_type(info.annotation)}`", default, _line(info.description or ""))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def commands() -> str:
    """Return the help of every command."""
    lines = ["# Commands", ""]
    for path, command in _commands("politune", main):
        context = click.Context(command, info_name=path)
        lines += [f"## `{path}`", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    for name, each in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(f"{path} {name}", each)


def metrics() -> str:
    """Return what each of our tasks measures, as lm-evaluation-harness has it."""
    from politune_harness.evaluation import Evaluator, task_folders
    from politune_harness.judging import UNJUDGED
    from politune_harness.lm import quiet
    from politune_harness.recipe import Evaluate

    folders = task_folders(())
    files = (path for folder in folders for path in folder.rglob("politune_*.yaml"))
    # Groups add nothing of their own, and some name tasks that would be downloaded.
    names = sorted(path.stem for path in files if not re.search("(?m)^group:", path.read_text()))
    lines = ["# Metrics", "", "Of each task, what lm-evaluation-harness reports and how.", ""]
    given = Evaluate(metadata={UNJUDGED: True})
    own = [name for name in names if not re.search("_62|_bank", name)]
    with quiet():
        tasks: dict[str, Any] = Evaluator("none", given, task_dirs=folders).load(own)["tasks"]
    for name, task in tasks.items():
        about = f"Version {task.VERSION}, {len(task.eval_docs)} documents."
        lines += [f"## `{name}`", "", about, ""]
        lines += ["| metric | over documents |", "|---|---|"]
        for metric, how in task.aggregation().items():
            said = (inspect.getdoc(how) or "").split("\n\n")[0] or how.__name__
            lines.append(f"| `{metric}` | {_line(said).replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)


PAGES = {
    "reference/hooks.md": hooks,
    "reference/components.md": components,
    "reference/recipe.md": recipes,
    "reference/commands.md": commands,
    "reference/metrics.md": metrics,
}


def _text(thing: object) -> str:
    return re.sub(r"(?m)^(>>>.*(?:\n(?!\n).*)*)", r"```pycon\n\1\n```", inspect.getdoc(thing) or "")


def _line(text: str) -> str:
    return " ".join(text.split())


def _type(annotation: object) -> str:
    """Return a type as one would write it, without what checks it."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in (None, type(None), ...):
        return "..." if annotation is ... else "None"
    if origin is Annotated:
        return _type(args[0])
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(map(_type, args)))
    if origin is Literal:
        return " | ".join(map(repr, args))
    name = str(getattr(annotation, "__name__", annotation))
    return f"{name}[{', '.join(map(_type, args))}]" if args else name


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
