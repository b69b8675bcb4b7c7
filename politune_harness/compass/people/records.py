"""What a validation by people finds: figures of all, of groups and of items, never of a person.

What the data cannot carry is None, and `Validation.too_few` says why.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

Flag: TypeAlias = Literal["constant", "negative", "low"]
"""Why an item does not go with its axis: all answer alike, or its item-rest correlation."""


class Estimate(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval; None is what the data cannot give."""

    value: float
    low: float | None = None
    high: float | None = None


class Stand(msgspec.Struct, frozen=True):
    """Where persons stand on one axis."""

    persons: int
    mean: Estimate
    sd: float


class Effect(msgspec.Struct, frozen=True):
    """How far the groups shown stand apart on one axis."""

    eta2: Estimate
    """The share of the variance between groups."""
    d: Estimate | None
    """Cohen's d, the last group shown minus the first one, where there are two."""


class Groups(msgspec.Struct, frozen=True):
    """The groups of one column."""

    stands: Mapping[str, Mapping[str, Stand]]
    """By group and axis."""
    masked: int
    """How many groups are not shown, for privacy."""
    others: int
    """Persons in those groups, or in none."""
    effects: Mapping[str, Effect]
    """By axis."""


class ItemDif(msgspec.Struct, frozen=True):
    """Whether one item works alike in all groups."""

    item: str
    persons: int
    p_uniform: float
    """That the groups agree alike at equal positions."""
    p_nonuniform: float
    """That the item tells positions apart alike in all groups."""
    p: float
    """Of both at once."""
    p_adjusted: float
    """The same, adjusted over all items that were tested."""
    gain: float
    """In Nagelkerke's R², by the group and its product with the position."""
    size: Literal["negligible", "moderate", "large"]
    more: str
    """The group that agrees most with the statement at equal positions."""
    flagged: bool
    """Significant after adjustment, and not negligible."""


class ItemReport(msgspec.Struct, frozen=True):
    """How one item goes with the others of its axis."""

    missing: int
    item_rest: float | None
    """The correlation with the rest of the axis, keyed; None where all answer alike."""
    flag: Flag | None


class AxisReport(msgspec.Struct, frozen=True):
    """How an axis measures people."""

    position: Stand
    alpha: Estimate | None
    omega: Estimate | None
    items: Mapping[str, ItemReport]
    """By item; None for an item-rest correlation as for alpha where persons are too few."""


class Structure(msgspec.Struct, frozen=True):
    """Whether the items' factors are the axes."""

    eigenvalues: Sequence[float]
    chance: Sequence[float]
    """What 95 % of shuffled answers stay below, for each eigenvalue."""
    factors: int
    """How many eigenvalues pass chance, from the first until one does not."""
    loadings: Mapping[str, Mapping[str, float]]
    """By item and factor, the factors named after the axes that they are closest to."""
    between: Mapping[str, Mapping[str, float]]
    """The factors' correlations."""
    congruence: Mapping[str, float]
    """Of each axis's factor with the weights that the bank intends; 0.95 is as good as equal."""
    placed: float
    """The share of items that load highest on an axis of theirs, with the right sign."""
    misplaced: Sequence[str]


class Placement(msgspec.Struct, frozen=True):
    """How a position goes with where people place themselves."""

    persons: int
    r: Estimate | None


class Differential(msgspec.Struct, frozen=True):
    """Differential item functioning by one column."""

    groups: Sequence[str]
    items: Sequence[ItemDif]
    untested: Sequence[str]
    """Items that a group answered too seldom, or all alike."""


class Validation(msgspec.Struct, frozen=True):
    """What people's answers say about a bank."""

    bank: str
    version: int
    hash: str
    persons: int
    axes: Mapping[str, AxisReport]
    structure: Structure | None
    groups: Mapping[str, Groups]
    """By column; those by self-placement are thirds of its range."""
    placements: Mapping[str, Mapping[str, Placement]]
    """By column and axis."""
    dif: Mapping[str, Differential]
    """By column."""
    too_few: Sequence[str]
    """What could not be said, and why."""
