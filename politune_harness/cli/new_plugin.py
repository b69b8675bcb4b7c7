"""`politune new-plugin`: a package to start from."""

from pathlib import Path

import click

from politune_harness.cli.options import KINDS


@click.command(name="new-plugin")
@click.argument("name")
@click.option(
    "--kind", required=True, type=click.Choice([*KINDS, "tasks"]), help="What it provides."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The package's folder, which must not exist.  [default: politune-NAME]",
)
def new_plugin(name: str, kind: str, out: Path | None) -> None:
    """Write a package, ready to install, with a plugin called NAME."""
    from politune_harness.new_plugin import write

    folder = out or Path(f"politune-{name}")
    for file in write(name, kind, folder):
        click.echo(str(file))
    click.echo(f"next: pip install -e '{folder}[test]' && pytest {folder}")
