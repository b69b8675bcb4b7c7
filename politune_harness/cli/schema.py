"""`politune schema`: what editors need to complete and check a recipe."""

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors.

    `politune schema > recipe.schema.json`, and a first line
    `# yaml-language-server: $schema=recipe.schema.json` in the recipe.
    """
    import json

    from politune_harness.registry import Registry
    from politune_harness.schema import schema as made

    click.echo(json.dumps(made(Registry.installed()), indent=1))
