"""`politune plugins`: what is installed."""

import click


@click.command()
def plugins() -> None:
    """List the loaded plugins, their origins and their hooks."""
    from politune_harness.registry import Registry

    for origin, hooks in Registry.installed().plugins().items():
        click.echo(f"{origin.plugin:18}{origin.made_by:28}{', '.join(hooks)}")
        click.echo(f"{'':18}{origin.path}")
