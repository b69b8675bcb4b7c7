"""`politune push`: adapters and results to the Hugging Face Hub."""

from pathlib import Path

import click

OVERRIDES = ("incomplete-card", "unknown-licence", "base-licence", "writer-licence")


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to",
    "namespace",
    required=True,
    metavar="NAME",
    help="Your name on the Hub, or an organisation's.",
)
@click.option("--arm", "arms", multiple=True, metavar="ARM", help="Only this arm's adapters.")
@click.option("--seed", "seeds", multiple=True, type=int, metavar="N", help="Only this seed's.")
@click.option(
    "--base-licence",
    metavar="NAME",
    help="The base model's licence, as the Hub names it: llama3, apache-2.0, …",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    type=click.Choice(OVERRIDES),
    help="Push in spite of this. Repeatable.",
)
@click.option("--public", is_flag=True, help="Let everybody see that it is there.")
@click.option("--ungated", is_flag=True, help="Let whoever sees it download it.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and what speaks against it.")
def push(  # noqa: PLR0913, PLR0917
    run: Path,
    namespace: str,
    arms: tuple[str, ...],
    seeds: tuple[int, ...],
    base_licence: str | None,
    allowed: tuple[str, ...],
    public: bool,  # noqa: FBT001
    ungated: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
) -> None:
    """Put the adapters of RUN on the Hugging Face Hub.

    Each goes into a repository of its own, with its card and results.

    Private and gated by hand, unless told otherwise. Names, notices and texts are what the base
    model's licence asks for. An incomplete card, data of unknown licence and the like are refused
    unless each is allowed by name. The token is taken from HF_TOKEN. Posts, rows and answers do
    not go.
    """
    from dataclasses import replace

    from politune_harness.errors import DataError
    from politune_harness.models import locate
    from politune_harness.publishing import hub, shipments
    from politune_harness.recipe import Recipe
    from politune_harness.registry import Registry
    from politune_harness.run_folder import starts

    recipe, registry = Recipe.of_run(run), Registry.installed()
    model = locate(recipe.model, registry.models(), starts(run))
    name = recipe.model if recipe.model in registry.models() else Path(model).name
    base = shipments.local(name, Path(model)) if Path(model).is_dir() else hub.base(model)
    base = replace(base, licence=base_licence or base.licence)
    found = shipments.shipments(run, base, arms, seeds)
    refused = {
        f"{kind} ({what})": kind
        for each in found
        for kind, what in each.objections
        if kind not in allowed
    }
    if dry_run:
        seen = "public" if public else "private"
        for each in found:
            gate = "open to all" if ungated else "gated by hand"
            click.echo(f"{namespace}/{each.name}: {seen}, {gate}")
            for to in each.files:
                click.echo(f"  {to}")
        for said in refused:
            click.echo(f"refused: {said}")
        return
    if refused:
        flags = " ".join(f"--allow {kind}" for kind in dict.fromkeys(refused.values()))
        message = f"not pushed: {'; '.join(refused)}. Mend it, or override each by name: {flags}"
        raise DataError(message)
    for each in found:
        given: hub.Gate = False if ungated else "manual"
        click.echo(hub.push(each, namespace, private=not public, gate=given))
