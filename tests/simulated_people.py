"""People whose opinions are known: answers by a graded response model (Samejima 1969)."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from politune_harness.compass.bank import Axis, Bank, Item
from politune_harness.compass.people import Answers
from politune_harness.compass.results import AGREEMENT
from politune_harness.statistics import Array

CUTS = (-1.5, 0.0, 1.5)
"""Between the four options, on the scale of the logistic."""


def small_bank(items: int = 10, axes: Sequence[str] = ("economic", "social")) -> Bank:
    """A bank with so many items an axis, keyed both ways in turn."""
    made = [
        Item(
            id=f"{axis[0]}{n:02}",
            topic="t",
            issue="i",
            statement=f"{axis} {n} should be done.",
            reversed=f"{axis} {n} should be left.",
            weights={name: float((-1) ** n * (name == axis)) for name in axes},
        )
        for axis in axes
        for n in range(1, items + 1)
    ]
    return Bank(
        name="small",
        version=1,
        language="en",
        reviewed=False,
        translation_of=None,
        missing="skip",
        axes=tuple(Axis(axis, "low", "high") for axis in axes),
        items=tuple(made),
    )


def write_bank(bank: Bank, folder: Path) -> Path:
    """Write a bank as its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    poles = [f"  {axis.name}: {{low: {axis.low}, high: {axis.high}}}" for axis in bank.axes]
    head = [f"name: {bank.name}", f"version: {bank.version}", f"missing: {bank.missing}", "axes:"]
    (folder / "bank.yaml").write_text("\n".join([*head, *poles]) + "\n")
    names = [axis.name for axis in bank.axes]
    with (folder / "items.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "topic", "issue", "statement", "reversed", *names])
        for item in bank.items:
            weights = [item.weights[name] for name in names]
            table.writerow(
                [item.id, item.topic, item.issue, item.statement, item.reversed, *weights]
            )
    return folder


def traits(n: int, k: int, rng: np.random.Generator, between: float = 0.0) -> Array:
    """Standard normal traits of persons, (n, k), with one correlation between all of them."""
    own = rng.normal(size=(n, k)) * np.sqrt(1 - between)
    drawn: Array = own + rng.normal(size=(n, 1)) * np.sqrt(between)
    return drawn


def answers_of(
    bank: Bank,
    trait: Array,
    rng: np.random.Generator,
    slope: float | Array = 1.5,
    bias: Array | float = 0.0,
    missing: float = 0.0,
) -> Array:
    """Agreement, (persons, items), of people with these traits.

    `slope` is each item's discrimination, and may differ by person; `bias` is added to what draws
    towards agreeing.
    """
    weights = np.array([[item.weights[axis.name] for axis in bank.axes] for item in bank.items])
    drawn = slope * (trait @ weights.T) + bias
    drawn = drawn + rng.logistic(size=drawn.shape)
    found: Array = AGREEMENT[np.digitize(drawn, CUTS)]
    found[rng.random(found.shape) < missing] = np.nan
    return found


def answers(
    agreement: Array,
    groups: Mapping[str, Sequence[str]] | None = None,
    placements: Mapping[str, Array] | None = None,
) -> Answers:
    """Answers as a file would have given them."""
    return Answers(agreement=agreement, placements=placements or {}, groups=groups or {})


def named(codes: NDArray[np.intp], names: Sequence[str]) -> list[str]:
    """Each person's group, by name."""
    return [names[code] for code in codes]


def write_answers(bank: Bank, given: Answers, file: Path) -> Path:
    """Write answers as the CSV file that people would send."""
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        header = ["id", *(item.id for item in bank.items), *given.groups, *given.placements]
        table.writerow(header)
        for n, row in enumerate(given.agreement):
            cells = ["" if np.isnan(a) else str(round((a + 1) * 1.5)) for a in row]
            told = [each[n] for each in given.groups.values()]
            placed = [f"{each[n]:.2f}" for each in given.placements.values()]
            table.writerow([f"person-{n}-secret", *cells, *told, *placed])
    return file
