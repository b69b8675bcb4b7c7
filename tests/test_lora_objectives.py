"""Objectives against the formulae of their papers, in float64 numpy, and against TRL."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from politune_lora import LoRA
from politune_lora.objectives import OBJECTIVES, Options, Scores

from politune_harness import RecipeError, Trainer
from politune_harness.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SUMS = [[-31.0, -4.2, -75.5, -12.0], [-40.5, -3.1, -60.2, -12.5]]
BEFORE = [[-33.0, -4.0, -71.0, -12.0], [-38.0, -3.5, -61.0, -11.0]]
LENGTHS = [[20.0, 5.0, 44.0, 9.0], [25.0, 3.0, 41.0, 9.0]]
BETA, SMOOTHING, TARGET, DRIFT = 0.3, 0.1, 0.7, 0.8


def sigmoid(x: "Array") -> "Array":
    p: Array = 1 / (1 + np.exp(-x))
    return p


def log_odds(means: "Array") -> "Array":
    """Return log p / (1 - p)."""
    p = np.exp(means)
    odds: Array = np.log(p) - np.log(1 - p)
    return odds


def by_paper() -> "dict[str, Array]":
    """Return each objective's loss of each pair, written as its paper writes it."""
    policy, before, lengths = map(np.array, (SUMS, BEFORE, LENGTHS))
    ratio = policy - before
    h = ratio[0] - ratio[1]
    mean = policy / lengths
    per_token = ratio / lengths
    smooth, flip = 1 - SMOOTHING, SMOOTHING
    gap = BETA * (mean[0] - mean[1]) - TARGET
    odds = log_odds(mean)
    return {
        "sft": -policy[0],
        "clm": -policy[0],
        "dpo": -smooth * np.log(sigmoid(BETA * h)) - flip * np.log(sigmoid(-BETA * h)),
        "dpo-robust": (-smooth * np.log(sigmoid(BETA * h)) + flip * np.log(sigmoid(-BETA * h)))
        / (1 - 2 * SMOOTHING),
        "dpo-hinge": np.maximum(0, 1 - BETA * h),
        "ipo": (h - 1 / (2 * BETA)) ** 2,
        "ipo-mean": (per_token[0] - per_token[1] - 1 / (2 * BETA)) ** 2,
        "kto": (1 - sigmoid(BETA * (ratio[0] - DRIFT)) + 1 - sigmoid(BETA * (DRIFT - ratio[1])))
        / 2,
        "orpo": -mean[0] - BETA * np.log(sigmoid(odds[0] - odds[1])),
        "simpo": -smooth * np.log(sigmoid(gap)) - flip * np.log(sigmoid(-gap)),
    }


def test_every_objective_is_what_its_paper_says() -> None:
    import torch

    policy, before, lengths = (
        torch.tensor(v, dtype=torch.float64) for v in (SUMS, BEFORE, LENGTHS)
    )
    scores = Scores(policy, before, lengths, DRIFT)
    expected = by_paper()
    assert expected.keys() == OBJECTIVES.keys()
    for name, objective in OBJECTIVES.items():
        losses, logged = objective.losses(scores, Options(BETA, SMOOTHING, TARGET))
        assert losses.tolist() == pytest.approx(expected[name].tolist(), rel=1e-12), name
        if objective.answers > 1:
            assert logged["chosen_logp"].tolist() == SUMS[0]
            assert logged["accuracy"].tolist() == (logged["margin"] > 0).tolist()


def test_orpo_stays_finite_where_an_answer_is_certain_or_hopeless() -> None:
    import torch

    policy = torch.tensor([[-1e-3, -900.0], [-900.0, -1e-3]])
    losses, _ = OBJECTIVES["orpo"].losses(
        Scores(policy, policy, torch.ones(2, 2)), Options(beta=0.1)
    )
    assert losses.isfinite().all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"objective": "dpo-hing"}, "did you mean 'dpo-hinge'"),
        ({"objective": "ipo", "label_smoothing": 0.1}, "'ipo' takes no label_smoothing"),
        ({"first": {"objective": "sfd"}}, "did you mean 'sft'"),
        ({"first": {"epoch": 2}}, "epoch"),
    ],
)
def test_what_is_no_objective_is_one_line(fields: dict[str, Any], message: str) -> None:
    import politune_lora

    with pytest.raises(RecipeError, match=message) as raised:
        Registry({"lora": politune_lora}).build(Trainer, "lora", fields)
    assert "\n" not in str(raised.value)


def test_what_goes_first_differs_only_in_what_it_says() -> None:
    before, last = LoRA(rank=4, first={"objective": "sft", "epochs": 2}).phases
    assert (before.objective, before.epochs, before.rank) == ("sft", 2, 4)
    assert (last.objective, last.epochs, last.rank) == ("dpo", 1, 4)


@pytest.mark.skipif(not importlib.util.find_spec("trl"), reason="TRL is not installed (extra trl)")
@pytest.mark.filterwarnings("ignore")
def test_losses_are_those_of_trl(tmp_path: Path) -> None:
    """On one batch, with an adapter that has moved away from the base."""
    from tests.trl_losses import losses_of_ours, losses_of_trl

    variants: dict[str, dict[str, Any]] = {
        "dpo": {"loss_type": ["sigmoid"]},
        "dpo-hinge": {"loss_type": ["hinge"]},
        "dpo-robust": {"loss_type": ["robust"], "label_smoothing": 0.1},
        "ipo-mean": {"loss_type": ["ipo"]},
    }
    theirs = losses_of_trl(tmp_path, variants)
    assert losses_of_ours(tmp_path, variants) == pytest.approx(theirs, rel=1e-4)


@pytest.mark.skipif(not importlib.util.find_spec("trl"), reason="TRL is not installed (extra trl)")
@pytest.mark.filterwarnings("ignore")
def test_simpo_and_orpo_are_those_of_trl() -> None:
    """Its formulae alone are asked: its trainers of them are experimental."""
    import torch
    from trl.experimental.cpo import CPOTrainer
    from trl.experimental.orpo import ORPOTrainer

    policy, before, lengths = (torch.tensor(v) for v in (SUMS, BEFORE, LENGTHS))
    scores, options = Scores(policy, before, lengths), Options(BETA, SMOOTHING, TARGET)
    means = policy / lengths
    fields = {"beta": BETA, "label_smoothing": SMOOTHING, "simpo_gamma": TARGET, "alpha": 0.0}
    given = SimpleNamespace(**fields, loss_type="simpo", accelerator=SimpleNamespace(device="cpu"))
    simpo, *_ = CPOTrainer.cpo_loss(given, *means)
    assert OBJECTIVES["simpo"].losses(scores, options)[0].tolist() == pytest.approx(simpo.tolist())
    odds, *_ = ORPOTrainer.odds_ratio_loss(given, *means)
    orpo = -means[0] - odds
    assert OBJECTIVES["orpo"].losses(scores, options)[0].tolist() == pytest.approx(orpo.tolist())
