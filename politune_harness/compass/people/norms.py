"""Human norms: what a report can cite of people's answers to a bank, without anybody's row."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from politune_harness.compass.people.records import Validation
from politune_harness.errors import DataError

NORMS = 300
"""The fewest persons whose figures are called norms (Nunnally and Bernstein 1994)."""

FILE = "norms.json"


class AxisNorm(msgspec.Struct, frozen=True):
    """Persons' positions on one axis, in [-10, 10]."""

    mean: float
    sd: float
    omega: float | None
    """McDonald's omega total; None where there was no one factor to be had."""


class GroupNorm(msgspec.Struct, frozen=True):
    """One group of a column, of at least ten persons."""

    n: int
    axes: Mapping[str, float]
    """Mean position by axis."""


class Norms(msgspec.Struct, frozen=True):
    """What norms.json holds. They are norms of the bank with this hash, and of no other."""

    bank: str
    version: int
    hash: str
    n: int
    axes: Mapping[str, AxisNorm]
    groups: Mapping[str, Mapping[str, GroupNorm]]
    """By column and group."""


def norms(found: Validation) -> Norms:
    """Return a validation's norms. Raises DataError, in one line, for fewer than 300 persons."""
    if found.persons < NORMS:
        message = f"{found.persons} persons are too few for norms; at least {NORMS} are needed"
        raise DataError(message)
    return Norms(
        bank=found.bank,
        version=found.version,
        hash=found.hash,
        n=found.persons,
        axes={
            name: AxisNorm(
                axis.position.mean.value,
                axis.position.sd,
                axis.omega.value if axis.omega else None,
            )
            for name, axis in found.axes.items()
        },
        groups={
            column: {
                name: GroupNorm(
                    min(stand.persons for stand in stands.values()),
                    {axis: stand.mean.value for axis, stand in stands.items()},
                )
                for name, stands in groups.stands.items()
            }
            for column, groups in found.groups.items()
        },
    )


def write_norms(found: Norms, folder: Path) -> Path:
    """Write norms.json into a folder, which is made; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    return file
