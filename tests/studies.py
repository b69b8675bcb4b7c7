"""Simulated studies whose true values are known: thousands at once, for coverage."""

from dataclasses import dataclass

import numpy as np

from politune_harness.statistics.arrays import Array
from politune_harness.statistics.crossed import Spread, contrast
from politune_harness.statistics.intervals import ends

Terms = list[tuple[float, Array]]


@dataclass(frozen=True)
class Design:
    """Standard deviations are in units of the items'."""

    items: int = 40
    seeds: int = 5
    seed_sd: float = 0.2
    moved_sd: float = 0.3
    """How differently an arm moves the items."""
    rest_sd: float = 0.5

    def arm(self, rng: np.random.Generator, bank: Array, seeds: int | None = None) -> Array:
        """Return an arm that does not move the mean, shape (studies, items, seeds)."""
        studies, m = len(bank), seeds or self.seeds
        shape = (studies, self.items, m)
        arm: Array = (
            bank
            + rng.normal(0, self.moved_sd, (studies, self.items, 1))
            + rng.normal(0, self.seed_sd, (studies, 1, m))
            + rng.normal(0, self.rest_sd, shape)
        )
        return arm

    def estimates(self, rng: np.random.Generator, studies: int) -> dict[str, Terms]:
        """Return what is estimated, each truly 0, in as many studies."""
        bank = rng.normal(0, 1, (studies, self.items, 1))
        arm, control = self.arm(rng, bank), self.arm(rng, bank)
        base = bank + rng.normal(0, self.rest_sd, bank.shape)
        return {
            "interval": [(1.0, arm)],
            "difference": [(1.0, arm), (-1.0, base)],
            "difference_in_differences": [(1.0, arm), (-1.0, control), (0.0, base)],
        }


def agreeing(
    rng: np.random.Generator, design: Design, studies: int, sd: float
) -> tuple[Array, list[float]]:
    """Return an arm whose tendency to agree varies by seed, which leaves its mean, and the keys."""
    key = np.tile([1.0, -1.0], design.items // 2)
    tendency = 1.5 + rng.normal(0, sd, (studies, 1, design.seeds))
    bank = rng.normal(0, 1, (studies, design.items, 1))
    return design.arm(rng, bank) + key[:, None] * tendency, key.tolist()


def items_alone(terms: Terms) -> Terms:
    """Return the arms as if their seeds were one model."""
    return [(weight, x.mean(-1, keepdims=True)) for weight, x in terms]


def coverage(
    estimate: Spread | Terms, truth: float = 0, limits: tuple[float, float] | None = None
) -> float:
    """Return the share of studies whose interval holds the truth."""
    spread = estimate if isinstance(estimate, Spread) else contrast(estimate)
    low, high = ends(spread, limits=limits)
    return float(np.mean((low <= truth) & (truth <= high)))


def with_gaps(rng: np.random.Generator, x: Array, share: float = 0.15) -> Array:
    """Return `x` without a share of its cells, and its last seed without half of the items."""
    gone = rng.random(x.shape) < share
    gone[..., : x.shape[-2] // 2, -1] = True
    return np.where(gone, np.nan, x)


ITEM_LOGIT_SD = 1.5


def answers(
    rng: np.random.Generator, design: Design, studies: int, level: float, *, binary: bool
) -> Array:
    """Return answers in [0, 1]: logistic in items and seeds, right or wrong if `binary`."""
    shape = (studies, design.items, design.seeds)
    logit = (
        level
        + rng.normal(0, ITEM_LOGIT_SD, (studies, design.items, 1))
        + rng.normal(0, design.seed_sd, (studies, 1, design.seeds))
        + rng.normal(0, design.rest_sd, shape)
    )
    share = 1 / (1 + np.exp(-logit))
    return (rng.random(shape) < share).astype(float) if binary else share


def true_share(design: Design, level: float) -> float:
    """Return the mean of all answers that there could be."""
    sd = np.sqrt(ITEM_LOGIT_SD**2 + design.seed_sd**2 + design.rest_sd**2)
    places, weights = np.polynomial.hermite_e.hermegauss(80)
    return float(weights @ (1 / (1 + np.exp(-level - sd * places))) / weights.sum())
