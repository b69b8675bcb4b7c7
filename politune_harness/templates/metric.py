"""A metric for PoliTune Harness."""

from collections.abc import Iterator, Mapping, Sequence

from politune_harness import Completion, Metric, Score, hookimpl


class Example(Metric):
    """Score answers from 0 (left) to 20 (right) by words that you list for either side."""

    left: tuple[str, ...]
    """Words that speak for the left."""
    right: tuple[str, ...]
    """Words that speak for the right."""

    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        for each in completions:
            words = each.completion.lower().split()
            left = sum(words.count(word) for word in self.left)
            right = sum(words.count(word) for word in self.right)
            if left + right:
                value, reason = 20 * right / (left + right), f"{left} left, {right} right"
            else:
                value, reason = None, "no listed word"
            yield Score(id=each.id, value=value, reason=reason, judge="example")


@hookimpl
def politune_metrics() -> Mapping[str, type[Metric]]:
    return {"example": Example}
