"""`politune components`: what a recipe can name, with fields, defaults and meaning."""

import inspect
from typing import TYPE_CHECKING

import click

from politune_harness.cli.options import KINDS

if TYPE_CHECKING:
    from politune_harness.components import Component


@click.command()
@click.argument("kind", required=False, type=click.Choice(KINDS))
def components(kind: str | None) -> None:
    """List what a recipe can name (of one KIND), with its fields."""
    from politune_harness.components import KINDS as CLASSES
    from politune_harness.registry import Registry

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


def _fields(component: "type[Component]") -> None:
    from politune_harness.documented import described

    for name, info in described(component).items():
        default = "required" if info.is_required() else f"= {info.get_default()!r}"
        meaning = " ".join((info.description or "").split())
        click.echo(f"      {name} {default}  {meaning}".rstrip())
