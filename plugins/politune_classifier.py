"""A score from a word classifier: 0 left, 10 undecided, 20 right. Fast, free and easily fooled.

Logistic regression on TF-IDF of words and word pairs, fitted by scikit-learn and kept as plain
numbers in JSON: scoring needs no scikit-learn and no pickle, and gives what `predict_proba` gives.
A text without one known word has no score. To fit one, from rows of "text" and "label" (left or
right):

    python -m politune_classifier LABELLED.jsonl OUT.json
"""

import argparse
import itertools
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from politune_harness import (
    Completion,
    DataError,
    HarnessError,
    InputPath,
    Metric,
    Score,
    ServiceError,
    hookimpl,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

WORD = re.compile(r"\w+")
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of regularisation to choose from."""
FOLDS = 5


class ClassifierScore(Metric):
    """Score answers by the words in them. Knows nothing of grammar, irony or truth."""

    path: InputPath
    """The classifier: a JSON file that `python -m politune_classifier` wrote."""
    name: str
    """What stands beside its scores as their judge: `classifier:<name>`."""

    def ready(self) -> None:
        self._load()

    def _load(self) -> "Classifier":
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Classifier)
        except (OSError, msgspec.DecodeError, RecursionError) as error:
            message = (
                f"classifier {self.path} cannot be read ({error}); make it with "
                "python -m politune_classifier LABELLED.jsonl OUT.json"
            )
            raise ServiceError(message) from error

    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        classifier, judge = self._load(), f"classifier:{self.name}"
        for c in completions:
            shares = classifier.contributions(c.completion)
            if not shares:
                why = "no known word" if c.completion.strip() else "empty answer"
                yield Score(id=c.id, value=None, reason=why, judge=judge)
                continue
            value = 20 * sigmoid(classifier.intercept + sum(shares.values()))
            most = sorted(shares, key=lambda term: (-abs(shares[term]), term))[:3]
            yield Score(id=c.id, value=value, reason=f"words: {', '.join(most)}", judge=judge)


class Classifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fitted classifier, as its file holds it."""

    intercept: float
    terms: dict[str, tuple[float, float]]
    """Words and word pairs, each with its inverse document frequency and its weight."""

    def contributions(self, text: str) -> dict[str, float]:
        """Return how far each known term of a text pushes it to the right, in log-odds.

        >>> Classifier(intercept=0.0, terms={"tax": (2.0, -1.5)}).contributions("Tax wealth!")
        {'tax': -1.5}
        """
        words = WORD.findall(text.lower())
        pairs = (f"{a} {b}" for a, b in itertools.pairwise(words))
        known = Counter(term for term in (*words, *pairs) if term in self.terms)
        sizes = {term: count * self.terms[term][0] for term, count in known.items()}
        length = math.hypot(*sizes.values())
        return {term: size / length * self.terms[term][1] for term, size in sizes.items()}


def sigmoid(log_odds: float) -> float:
    """Return log-odds as a probability, without overflow.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    part = math.exp(-abs(log_odds))
    return (1 if log_odds > 0 else part) / (1 + part)


class Labelled(msgspec.Struct):
    """A training text and the side that it speaks for."""

    text: str
    label: Literal["left", "right"]


def read(path: Path) -> list[Labelled]:
    """Read labelled texts, one JSON object a line. Raises DataError, naming the line."""
    rows = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise DataError(message) from error
    for number, line in enumerate(lines, 1):
        try:
            rows.append(msgspec.json.decode(line, type=Labelled))
        except (msgspec.DecodeError, RecursionError) as error:
            message = f'{path}, line {number}: {error}; a line is {{"text": …, "label": …}}'
            raise DataError(message) from error
    counts = Counter(row.label for row in rows)
    if min(counts["left"], counts["right"]) < FOLDS:
        message = f"{path} needs at least {FOLDS} texts of each label, left and right"
        raise DataError(message)
    return rows


def pipeline(strength: float) -> "Pipeline":
    """Return the classifier to be fitted; `strength` is the inverse of regularisation's."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(token_pattern=WORD.pattern, ngram_range=(1, 2), min_df=2)
    # Of the solvers, liblinear alone leaves no sum to a threaded library: same bytes every time.
    weights = LogisticRegression(
        C=strength, class_weight="balanced", solver="liblinear", tol=1e-8, random_state=0
    )
    return make_pipeline(words, weights)


def numbers(fitted: "Pipeline") -> Classifier:
    """Return what a fitted pipeline holds, rounded to 12 decimals."""
    words, weights = fitted[0], fitted[-1]
    values = zip(words.idf_.tolist(), weights.coef_[0].tolist(), strict=True)
    terms = zip(words.get_feature_names_out().tolist(), values, strict=True)
    return Classifier(
        intercept=round(float(weights.intercept_[0]), 12),
        terms={term: (round(idf, 12), round(weight, 12)) for term, (idf, weight) in terms},
    )


def train(rows: Sequence[Labelled]) -> tuple[Classifier, str]:
    """Fit a classifier, as strongly regularised as predicts held-out texts best, and report.

    The report is on texts that the classifier had not seen, by cross-validation.
    """
    import numpy as np
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import brier_score_loss, log_loss
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    texts, labels = [row.text for row in rows], [row.label for row in rows]
    right = np.array(labels) == "right"
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    tried = {
        s: cross_val_predict(pipeline(s), texts, labels, cv=folds, method="predict_proba")[:, 1]
        for s in STRENGTHS
    }
    strength = min(STRENGTHS, key=lambda s: log_loss(right, tried[s]))
    said = tried[strength]
    accuracy = (said.round() == right).mean()
    brier, loss = brier_score_loss(right, said), log_loss(right, said)
    lines = [f"{len(rows)} texts, {right.sum()} of them right; {FOLDS} folds; C {strength:g}"]
    lines += [f"accuracy {accuracy:.4f}, log loss {loss:.4f}, Brier score {brier:.4f}"]
    bins = zip(*calibration_curve(right, said, n_bins=10), strict=True)
    lines += [f"where it said {mean:.2f} right, {share:.2f} were" for share, mean in bins]
    return numbers(pipeline(strength).fit(texts, labels)), "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit a classifier from the command line."""
    parser = argparse.ArgumentParser("python -m politune_classifier", description=__doc__)
    parser.add_argument("labelled", type=Path, help='JSON lines of "text" and "label"')
    parser.add_argument("out", type=Path, help="the classifier, a JSON file")
    given = parser.parse_args(arguments)
    try:
        classifier, report = train(read(given.labelled))
        part = given.out.with_name(f"{given.out.name}.part")
        part.write_bytes(msgspec.json.encode(classifier) + b"\n")
        part.replace(given.out)
    except (HarnessError, OSError) as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{report}\n")


@hookimpl
def politune_metrics() -> Mapping[str, type[Metric]]:
    return {"classifier-score": ClassifierScore}


if __name__ == "__main__":
    main()
