"""`politune components`: what a recipe can name, with fields, defaults and meaning."""

import inspect
from typing import TYPE_CHECKING

import click

from politune_harness.cli.options import KINDS

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

RECIPE = "recipe"


@click.command()
@click.argument("kind", required=False, type=click.Choice((RECIPE, *KINDS)))
def components(kind: str | None) -> None:
    """List what a recipe can name (of one KIND), with its fields.

    `recipe` lists a recipe's own keys.
    """
    from politune_harness.components import KINDS as CLASSES
    from politune_harness.registry import Registry

    if kind == RECIPE:
        _recipe()
        return
    registry = Registry.installed()
    for word in [kind] if kind else KINDS:
        click.secho(word, bold=True)
        found = registry.components(CLASSES[word])
        width = max(map(len, found), default=0) + 2
        for name, component in found.items():
            summary = (inspect.getdoc(component) or "").split("\n\n")[0].replace("\n", " ")
            click.echo(f"  {name:{width}}{summary}")
            if kind:
                _fields(component)


def _recipe() -> None:
    """Show the keys of a recipe, and of each mapping within it."""
    from politune_harness.recipe import Arm, Evaluate, Overlapping, Poles, Recipe, Select, Vllm
    from politune_harness.study import Effect, Primary, Study

    parts: dict[str, type[BaseModel]] = {
        "recipe": Recipe,
        "arms.NAME": Arm,
        "overlap": Overlapping,
        "evaluate": Evaluate,
        "evaluate.personas.NAME": Poles,
        "evaluate.select": Select,
        "evaluate.vllm": Vllm,
        "study": Study,
        "study.primary": Primary,
        "study.effect": Effect,
    }
    for name, part in parts.items():
        click.secho(name, bold=True)
        _fields(part)


def _fields(component: "type[BaseModel]") -> None:
    from politune_harness.documented import described

    for name, info in described(component).items():
        default = "required" if info.is_required() else f"= {_told(info)}"
        meaning = " ".join((info.description or "").split())
        click.echo(f"      {name} {default}  {meaning}".rstrip())


def _told(info: "FieldInfo") -> str:
    """Return a default; of one that is itself a mapping, which keys it has."""
    known = info.get_default(call_default_factory=True)
    if isinstance(known, dict) and known:
        return f"{{{', '.join(f'{key}: …' for key in known)}}}"
    return "{…}" if hasattr(type(known), "model_fields") else repr(known)
