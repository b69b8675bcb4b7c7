"""Find training text that overlaps an evaluation prompt.

A model that has read a prompt in training says what it read, not what it holds. Two texts share a
run where `n` words follow each other in both, whatever their case and punctuation. The share of a
prompt's words that stand in such runs is its overlap with the text; from `threshold` on, the text
is a match. That is the measure of Tülu 3 (Lambert et al., arXiv 2411.15124, section 3.2: 8-grams,
more than half of the words). A prompt shorter than `n` words has to be found whole, as in GPT-3
(Brown et al., arXiv 2005.14165, section 4 and appendix C).

The defaults are 8 words and 80 %, since half of a prompt is often just a way of asking ("Write a
letter to a newspaper to persuade its readers that ..."). Among the 384 prompts of our judged tasks
none matches another topic's at 80 %; 144 would at 50 %. The price is that copies with one word
changed are mostly missed: a quarter of those of 8 to 11 words are found, half of those of 16 words
or more, and none under 8. Shorter runs find more, and more ways of asking with it.

A prompt under `LEAST` words matches only a text that says nothing else: "Divorce?" is no reason to
drop whatever speaks of divorce.

One invariant: words are compared, not hashes of them, so a match is never an accident. Paraphrases
and translations are not found.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from politune_harness.errors import DataError
from politune_harness.records import Dropped, Preference

LEAST = 4
"""The words from which a prompt is looked for inside longer texts."""

Gram = tuple[str, ...]

_SILENT = re.compile("['\u2019\u02bc\u00ad\u200b-\u200d\u2060\ufeff]")
"""Apostrophes, soft hyphens and what has no width: they part no word."""

_WORD = re.compile(r"[^\W_]+")


class Match(msgspec.Struct, frozen=True):
    """The prompt that a text overlaps most."""

    prompt: str
    """Its name."""

    share: float
    """The share of its words that the text holds in runs, in (0, 1]."""


class Overlap:
    """An index of evaluation prompts, to look up one training text after another.

    >>> asked = {"q1": "How should the price of food be decided?", "q2": "Divorce?"}
    >>> overlap = Overlap(asked)
    >>> overlap.find("Tell me: how should the PRICE of food be decided, and by whom?")
    Match(prompt='q1', share=1.0)
    >>> overlap.find("How should the price of a house be decided?") is None
    True
    >>> overlap.find("Her divorce was hard."), overlap.find("divorce")
    (None, Match(prompt='q2', share=1.0))
    """

    def __init__(self, prompts: Mapping[str, str], n: int = 8, threshold: float = 0.8) -> None:
        """Index prompts by name; `n` is the words of a run, `threshold` the least share of a match.

        Raises:
            DataError: a prompt has no words.
            ValueError: `n` or `threshold` is out of range.

        """
        if n < 1 or not 0 < threshold <= 1:
            message = f"n must be at least 1 and threshold in (0, 1], not {n} and {threshold}"
            raise ValueError(message)
        self.n, self.threshold = n, threshold
        self._names = list(prompts)
        self._words = [words(prompt) for prompt in prompts.values()]
        self._whole: dict[Gram, int] = {}
        self._runs: dict[int, dict[Gram, set[int]]] = {}
        for place, (name, said) in enumerate(zip(self._names, self._words, strict=True)):
            self._add(place, name, said)

    def _add(self, place: int, name: str, said: Sequence[str]) -> None:
        if not said:
            message = f"evaluation prompt {name}: no words to compare; leave it out"
            raise DataError(message)
        if len(said) < LEAST:
            self._whole.setdefault(tuple(said), place)
            return
        runs = self._runs.setdefault(self._length(said), {})
        for gram in grams(said, self._length(said)):
            runs.setdefault(gram, set()).add(place)

    def _length(self, prompt: Sequence[str]) -> int:
        return min(self.n, len(prompt))

    def find(self, text: str) -> Match | None:
        """Return the prompt of the greatest share, of equals the first; None below `threshold`."""
        share, place = max(self._shares(words(text)), default=(0.0, 0))
        return Match(self._names[-place], share) if share >= self.threshold else None

    def _shares(self, said: Sequence[str]) -> Iterator[tuple[float, int]]:
        """Yield share and negative place of each prompt that a text says, or has a run of."""
        if (whole := self._whole.get(tuple(said))) is not None:
            yield 1.0, -whole
        for length, runs in self._runs.items():
            shared = runs.keys() & grams(said, length)
            for place in {place for gram in shared for place in runs[gram]}:
                yield covered(self._words[place], shared, length), -place


REASON = "overlaps an evaluation prompt"
"""Why a pair is dropped."""


def apart(pairs: Iterable[Preference], overlap: Overlap) -> Iterator[Preference | Dropped]:
    """Yield each pair none of whose texts overlaps a prompt; the others as Dropped.

    >>> pair = Preference(id="1", prompt="Well?", chosen="Divorce?", rejected="No.")
    >>> [row.detail for row in apart([pair], Overlap({"q2": "Divorce?"}))]
    ['chosen: 100 % of q2']
    """
    for pair in pairs:
        found = [
            (match.share, f"{name}: {100 * match.share:.0f} % of {match.prompt}")
            for name, text in (
                ("prompt", pair.prompt),
                ("chosen", pair.chosen),
                ("rejected", pair.rejected),
            )
            if (match := overlap.find(text))
        ]
        if found:
            yield Dropped(id=pair.id, reason=REASON, detail=max(found)[1])
        else:
            yield pair


def words(text: str) -> list[str]:
    r"""Return the words of a text without case, punctuation and differences of encoding.

    >>> words("The self-employed don\u2019t pay: it's \uff36\uff21\uff34!")
    ['the', 'self', 'employed', 'dont', 'pay', 'its', 'vat']
    """
    if text.isascii():
        return _WORD.findall(text.replace("'", "").lower())
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(_SILENT.sub("", plain))


def grams(said: Sequence[str], n: int) -> Iterator[Gram]:
    """Yield the runs of `n` words, from the first to the last.

    >>> list(grams(["who", "should", "vote"], 2))
    [('who', 'should'), ('should', 'vote')]
    """
    return zip(*(said[start:] for start in range(n)), strict=False)


def covered(prompt: Sequence[str], shared: Collection[Gram], n: int) -> float:
    """Return the share of a prompt's words that stand in one of the shared runs of `n` words.

    >>> covered(["who", "should", "be", "allowed", "to", "vote"], {("who", "should", "be")}, 3)
    0.5
    """
    inside = {
        place
        for start, gram in enumerate(grams(prompt, n))
        if gram in shared
        for place in range(start, start + n)
    }
    return len(inside) / len(prompt)
