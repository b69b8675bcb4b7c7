"""`politune verify`: whether a run came out as a capsule says."""

from itertools import islice
from pathlib import Path

import click

FEW = 6
"""How many versions are named."""


@click.command()
@click.argument("capsule", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument(
    "run", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False
)
def verify(capsule: Path, run: Path | None) -> None:
    """Say what of RUN is not as CAPSULE has it.

    Without RUN: of what a run of its recipe would be made from. What differs is one line, with the
    stage in which it begins and how many more there are; the exit code is then 1.
    """
    from politune_harness import capsule as capsules
    from politune_harness.registry import Registry

    held = capsules.read(capsule)
    if run is None:
        reasons = capsules.unlike(capsule, Registry.installed())
    else:
        reasons = capsules.differing(held, run)
    for reason, names in reasons.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        click.echo(f"{names[0]}{more}: {reason}")
    other = list(capsules.other_versions(held))
    if other:
        rest = f" and {len(other) - FEW} more" if len(other) > FEW else ""
        click.echo(f"installed here: {', '.join(islice(other, FEW))}{rest}")
    if reasons:
        raise SystemExit(1)
    files = sum(len(made.files) for made in held.stages.values())
    what = f"{files} files, byte for byte" if run else "inputs, settings and plugins"
    click.echo(f"the same: {len(held.stages)} stages, {what}")
