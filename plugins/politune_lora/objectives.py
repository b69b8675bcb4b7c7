"""What training minimises: pure functions of summed log-probabilities.

`policy` and `reference` have the shape (answers, pairs): row 0 is the chosen answer, row 1 the
rejected one; each value is the sum, in nats, over the tokens of that answer with its end token.
Every function returns a loss for each pair and what is worth logging for each pair, so that a
step may be cut into micro-batches anywhere without a change of objective.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Losses: TypeAlias = "tuple[Tensor, dict[str, Tensor]]"


@dataclass(frozen=True)
class Objective:
    """A loss, and what it needs."""

    losses: "Callable[[Tensor, Tensor, float, float], Losses]"
    """Takes policy, reference, beta and label smoothing; returns losses and what to log."""
    answers: Literal[1, 2]
    """How many answers of a pair it looks at: the chosen one, or both."""
    mean_over: Literal["tokens", "pairs"]
    """What a step's losses are divided by: its completion tokens, or its pairs."""
    referenced: bool
    """Whether it needs the base model's log-probabilities."""
    learning_rate: float
    """The peak rate where none is given."""


def sft(policy: "Tensor", _reference: "Tensor", _beta: float, _smoothing: float) -> "Losses":
    """Return the negative log-likelihood of each chosen answer."""
    return -policy[0], {}


def dpo(policy: "Tensor", reference: "Tensor", beta: float, smoothing: float) -> "Losses":
    """Return the sigmoid loss of Direct Preference Optimisation (Rafailov et al. 2023).

    `smoothing` is the share of pairs taken to be labelled the wrong way round: conservative DPO
    (Mitchell 2023).
    """
    from torch.nn.functional import logsigmoid

    rewards = beta * (policy - reference)
    margin = rewards[0] - rewards[1]
    losses = -(1 - smoothing) * logsigmoid(margin) - smoothing * logsigmoid(-margin)
    return losses, {
        "margin": margin,
        "accuracy": (margin > 0).float(),
        "chosen_logp": policy[0],
        "rejected_logp": policy[1],
    }


OBJECTIVES: Mapping[str, Objective] = {
    "sft": Objective(sft, answers=1, mean_over="tokens", referenced=False, learning_rate=2e-4),
    "dpo": Objective(dpo, answers=2, mean_over="pairs", referenced=True, learning_rate=5e-5),
}
"""The objectives, by the name that a recipe gives."""
