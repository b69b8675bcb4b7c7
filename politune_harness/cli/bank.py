"""`politune bank`: item banks, ours and those of others."""

from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import click

from politune_harness.cli.bank_validate import validate
from politune_harness.errors import DataError

if TYPE_CHECKING:
    from politune_harness.compass.bank import Bank


@click.group()
def bank() -> None:
    """Check an item bank, and the answers of people to it."""


@bank.command()
@click.argument("path", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Check the item bank at PATH, a folder or its bank.yaml.

    What makes the bank unusable is one line and exit code 1; warnings are for its author to judge.
    """
    from politune_harness.compass.balance import table
    from politune_harness.compass.bank import read_bank
    from politune_harness.compass.review import hints

    found = read_bank(path)
    warnings = [*_prompts(found, path if path.is_dir() else path.parent), *hints(found)]
    click.echo(f"{_title(found)}\n\n{table(found)}\n")
    for warning in warnings:
        click.echo(f"warning: {warning}")
    click.echo(f"ok: {len(warnings)} warning{'s' * (len(warnings) != 1)}")


bank.add_command(validate)


def _title(bank: "Bank") -> str:
    """Return what a bank is, in three lines."""
    of = f", a translation of {bank.translation_of}" if bank.translation_of else ""
    reviewed = "reviewed by people" if bank.reviewed else "not reviewed by people"
    axes = "; ".join(f"{axis.name} from {axis.low} to {axis.high}" for axis in bank.axes)
    return (
        f"{bank.name}, version {bank.version}, hash {bank.hash}\n"
        f"language {bank.language}{of}; {reviewed}\n"
        f"{len(bank.items)} items; {axes}; a missing answer counts: {bank.missing}"
    )


def _prompts(bank: "Bank", folder: Path) -> Iterator[str]:
    """Yield warnings on the bank's prompts. Raises DataError for prompts that cannot be used."""
    from politune_harness.compass.prompts import read_prompts

    file = folder / "prompts.json"
    if file.is_file():
        prompts = read_prompts(folder, folder)
        for template in prompts.templates:
            _filled(file, template.text, "statement", "options")
        for lead_in in prompts.lead_ins:
            _filled(file, lead_in, "issue")
    elif bank.language.split("-")[0] != "en":
        yield f"the bank is in {bank.language!r} and has no prompts.json: it is asked in English"


def _filled(file: Path, text: str, *names: str) -> None:
    """Raise DataError where a text of prompts.json has not each of these fields, and no other."""
    try:
        found = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
    except ValueError as error:
        message = f"{file}: {text!r}: {error}"
        raise DataError(message) from None
    if set(found) != set(names):
        wanted = " and ".join(f"{{{name}}}" for name in names)
        message = f"{file}: {text!r} must have {wanted}, and no other field in braces"
        raise DataError(message)
