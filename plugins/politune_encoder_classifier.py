"""A score from an encoder that was tuned on labelled texts: 0 left, 10 undecided, 20 right.

As in the PoliTune paper's first experiment, a BERT-style model learns the sides of texts through a
LoRA. What is saved is an ordinary model of Transformers with the LoRA merged into it, which the
filters that take an encoder (`toxicity`, `distilled-stance`) read too. To tune one, from rows of
"text" and "label" (left or right):

    python -m politune_encoder_classifier LABELLED.jsonl OUT --model answerdotai/ModernBERT-base
"""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from politune_classifier import Labelled, read
from politune_encoder import Encoder, Tuning
from politune_pairs import draw
from pydantic import PositiveInt

from politune_harness import (
    Completion,
    DataError,
    HarnessError,
    InputPath,
    Metric,
    ModelError,
    Score,
    ServiceError,
    hookimpl,
)

SIDES = ("left", "right")
HELD_OUT = 0.2
"""The share of the labelled texts that does not train, and on which the report is made."""
RANK = 8


class EncoderClassifier(Metric):
    """Score answers by an encoder that `python -m politune_encoder_classifier` tuned."""

    path: InputPath
    """The folder of the encoder, with the classes `left` and `right`."""
    name: str
    """What stands beside its scores as their judge: `encoder:<name>`."""
    max_tokens: PositiveInt = 256
    """Where a text is cut."""

    def ready(self) -> None:
        self._load()

    def _load(self) -> Encoder:
        try:
            encoder = Encoder(str(self.path), max_tokens=self.max_tokens)
            encoder.place("right")
        except (ModelError, DataError) as error:
            message = (
                f"{error}; make it with python -m politune_encoder_classifier LABELLED.jsonl OUT"
            )
            raise ServiceError(message) from error
        return encoder

    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        encoder, judge = self._load(), f"encoder:{self.name}"
        right = encoder.place("right")
        said = [c for c in completions if c.completion.strip()]
        rates = iter(encoder.probabilities([c.completion for c in said])[:, right].tolist())
        for c in completions:
            if not c.completion.strip():
                yield Score(id=c.id, value=None, reason="empty answer", judge=judge)
                continue
            rate = next(rates)
            yield Score(id=c.id, value=20 * rate, reason=f"right: {rate:.3f}", judge=judge)


def split(rows: Sequence[Labelled], seed: int) -> tuple[list[Labelled], list[Labelled]]:
    """Return the texts that train and those that are held out, a share of each side."""
    parts: tuple[list[Labelled], list[Labelled]] = ([], [])
    for side in SIDES:
        its = sorted((r for r in rows if r.label == side), key=lambda r: draw(seed, side, r.text))
        aside = round(HELD_OUT * len(its))
        parts[1].extend(its[:aside])
        parts[0].extend(its[aside:])
    return parts


def tune(
    rows: Sequence[Labelled], model: str, how: Tuning, max_tokens: int, seed: int
) -> tuple[Encoder, str]:
    """Tune an encoder on labelled texts, and report on those that it has not seen.

    Raises ModelError where there is no such model.
    """
    trained, tested = split(rows, seed)
    encoder = Encoder(model, max_tokens=max_tokens, classes=len(SIDES), names=SIDES, seed=seed)
    encoder.tuned([r.text for r in trained], [SIDES.index(r.label) for r in trained], how, seed)
    rates = encoder.probabilities([r.text for r in tested])
    told = [rate[SIDES.index(r.label)] for rate, r in zip(rates.tolist(), tested, strict=True)]
    accuracy = sum(rate > 1 / 2 for rate in told) / len(told)
    loss = -sum(math.log(max(rate, 1e-9)) for rate in told) / len(told)
    report = (
        f"{len(trained)} texts tuned {model}; on {len(tested)} held out: accuracy {accuracy:.4f}, "
        f"log loss {loss:.4f}"
    )
    return encoder, report


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune an encoder from the command line."""
    parser = argparse.ArgumentParser("python -m politune_encoder_classifier", description=__doc__)
    parser.add_argument("labelled", type=Path, help='JSON lines of "text" and "label"')
    parser.add_argument("out", type=Path, help="the encoder, a folder")
    parser.add_argument("--model", default="answerdotai/ModernBERT-base", help="a Hub id or folder")
    parser.add_argument("--rank", type=int, default=RANK, help="of the LoRA; 0 tunes all weights")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    how = Tuning(epochs=given.epochs, learning_rate=given.learning_rate, rank=given.rank)
    try:
        rows = read(given.labelled)
        encoder, report = tune(rows, given.model, how, given.max_tokens, given.seed)
        encoder.save(given.out)
    except (HarnessError, OSError) as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{report}\n")


@hookimpl
def politune_metrics() -> Mapping[str, type[Metric]]:
    return {"encoder-classifier": EncoderClassifier}


if __name__ == "__main__":
    main()
