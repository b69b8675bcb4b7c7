"""What training minimises: pure functions of summed log-probabilities.

Every function takes the Scores of some pairs and the Options of a recipe, and returns a loss for
each pair and what is worth logging for each pair, so that a step may be cut into micro-batches
anywhere without a change of objective. A new objective is one function and one line of OBJECTIVES.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Losses: TypeAlias = "tuple[Tensor, dict[str, Tensor]]"


@dataclass(frozen=True)
class Scores:
    """What is known of some pairs. Row 0 is the chosen answer, row 1 the rejected one."""

    policy: "Tensor"
    """(answers, pairs): the sum, in nats, over the tokens of an answer with its end token."""
    reference: "Tensor"
    """(answers, pairs): the same by the model as it was before this training."""
    lengths: "Tensor"
    """(answers, pairs): how many tokens those are."""
    drift: "Tensor | float" = 0.0
    """How far the policy is from the reference, in nats, over the whole step: KTO's z0."""

    @property
    def shifts(self) -> "Tensor":
        """Return how much more probable each answer has become, in nats."""
        return self.policy - self.reference


@dataclass(frozen=True)
class Options:
    """What a recipe sets."""

    beta: float
    smoothing: float = 0.0
    """Share of pairs taken to be labelled the wrong way round."""
    target: float = 0.5
    """By how much SimPO wants the chosen answer to win: its gamma."""


def sft(scores: Scores, _options: Options) -> "Losses":
    """Return the negative log-likelihood of each chosen answer."""
    return -scores.policy[0], {}


def dpo(scores: Scores, options: Options) -> "Losses":
    """Return the sigmoid loss of Direct Preference Optimisation (Rafailov et al. 2023).

    With smoothing it is conservative DPO (Mitchell 2023).
    """
    margin = _margin(scores.shifts, options)
    return _smoothed(margin, options), _logged(margin, scores)


def dpo_robust(scores: Scores, options: Options) -> "Losses":
    """Return DPO's loss without the bias of `smoothing` flipped labels (Chowdhury et al. 2024)."""
    from torch.nn.functional import logsigmoid

    margin, flipped = _margin(scores.shifts, options), options.smoothing
    losses = -(1 - flipped) * logsigmoid(margin) + flipped * logsigmoid(-margin)
    return losses / (1 - 2 * flipped), _logged(margin, scores)


def dpo_hinge(scores: Scores, options: Options) -> "Losses":
    """Return the hinge loss of SLiC-HF (Zhao et al. 2023) on DPO's margin (Liu et al. 2023)."""
    margin = _margin(scores.shifts, options)
    return (1 - margin).relu(), _logged(margin, scores)


def ipo(scores: Scores, options: Options) -> "Losses":
    """Return the squared loss of Identity Preference Optimisation (Azar et al. 2023, eq. 17)."""
    margin = _margin(scores.shifts, options)
    gap = margin / options.beta - 1 / (2 * options.beta)
    return gap.square(), _logged(margin, scores)


def ipo_mean(scores: Scores, options: Options) -> "Losses":
    """Return IPO's loss on means over tokens instead of sums, as TRL and others have it."""
    margin = _margin(scores.shifts / scores.lengths, options)
    gap = margin / options.beta - 1 / (2 * options.beta)
    return gap.square(), _logged(margin, scores)


def kto(scores: Scores, options: Options) -> "Losses":
    """Return the loss of Kahneman-Tversky Optimisation (Ethayarajh et al. 2024, eq. 8).

    Each answer is judged alone, against `drift`; a pair's loss is the mean of its two.
    """
    gains = options.beta * (scores.shifts - scores.drift)
    losses = 1 - (gains[0].sigmoid() + (-gains[1]).sigmoid()) / 2
    return losses, _logged(_margin(scores.shifts, options), scores)


def orpo(scores: Scores, options: Options) -> "Losses":
    """Return the loss of Odds Ratio Preference Optimisation (Hong et al. 2024, eq. 6 and 7).

    `beta` is the paper's lambda; the first part is the mean over the chosen answer's tokens.
    """
    from torch.nn.functional import logsigmoid

    means = scores.policy / scores.lengths
    odds = means - (-means.expm1()).log()
    margin = options.beta * (odds[0] - odds[1])
    losses = -means[0] - options.beta * logsigmoid(odds[0] - odds[1])
    return losses, _logged(margin, scores)


def simpo(scores: Scores, options: Options) -> "Losses":
    """Return the loss of Simple Preference Optimisation (Meng et al. 2024, eq. 6)."""
    margin = _margin(scores.policy / scores.lengths, options)
    return _smoothed(margin - options.target, options), _logged(margin, scores)


def _margin(values: "Tensor", options: Options) -> "Tensor":
    """Return by how much the chosen answer's reward exceeds the rejected one's."""
    return options.beta * (values[0] - values[1])


def _smoothed(margin: "Tensor", options: Options) -> "Tensor":
    from torch.nn.functional import logsigmoid

    right, wrong = logsigmoid(margin), logsigmoid(-margin)
    return -(1 - options.smoothing) * right - options.smoothing * wrong


def _logged(margin: "Tensor", scores: Scores) -> "dict[str, Tensor]":
    return {
        "margin": margin,
        "accuracy": (margin > 0).float(),
        "chosen_logp": scores.policy[0],
        "rejected_logp": scores.policy[1],
    }


@dataclass(frozen=True)
class Objective:
    """A loss, what it needs, and what it starts from where a recipe does not say."""

    losses: Callable[[Scores, Options], "Losses"]
    answers: Literal[1, 2, 3] = 2
    """Which answers to a prompt it looks at: the chosen one; the rejected one too; and the chosen
    one of another pair, by which KTO measures drift."""
    mean_over: Literal["tokens", "pairs"] = "pairs"
    """What a step's losses are divided by: its completion tokens, or its pairs."""
    referenced: bool = True
    """Whether it needs the log-probabilities of the model before training."""
    smoothed: bool = False
    """Whether it takes label smoothing."""
    plain: bool = False
    """Whether texts are read as they stand, without prompt or template."""
    beta: float = 0.1
    learning_rate: float = 5e-5


IMITATION = Objective(sft, 1, "tokens", referenced=False, learning_rate=2e-4)

OBJECTIVES: Mapping[str, Objective] = {
    "sft": IMITATION,
    "clm": replace(IMITATION, plain=True),
    "dpo": Objective(dpo, smoothed=True),
    "dpo-robust": Objective(dpo_robust, smoothed=True),
    "dpo-hinge": Objective(dpo_hinge),
    "ipo": Objective(ipo),
    "ipo-mean": Objective(ipo_mean),
    "kto": Objective(kto, answers=3),
    "orpo": Objective(orpo, referenced=False),
    "simpo": Objective(simpo, referenced=False, smoothed=True, beta=2.0),
}
"""The objectives, by the name that a recipe gives."""
