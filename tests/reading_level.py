"""The school grade that a bank's sentences need: `python -m tests.reading_level` prints them.

English by Flesch and Kincaid (1975), German by the first Wiener Sachtextformel (Bamberger and
Vanecek 1984). Both are rules of thumb about running text: over the sentences of a whole bank they
say how hard its words are, and about a single sentence next to nothing.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from politune_harness.compass import read_bank
from politune_harness.compass.review import sentences, words

TASKS = Path(__file__).parents[1] / "tasks"
BANKS = ("compass", "compass_eu", "compass_de")


def english_syllables(word: str) -> int:
    """Count groups of vowels, less the silent endings.

    >>> [english_syllables(word) for word in ("state", "table", "banned", "needed", "taxes")]
    [1, 2, 1, 2, 2]
    >>> [english_syllables(word) for word in ("government", "unemployment", "firms", "prices")]
    [3, 4, 1, 2]
    """
    spoken = re.sub(r"(?<![aeiouydt])ed$|(?<![aeiouy])(?<![^aeiouy]l)e$", "", word)
    spoken = re.sub(r"(?<=[^aeiouycgszxh])es$", "s", spoken)
    return max(1, len(re.findall(r"[aeiouy]+", spoken)))


def german_syllables(word: str) -> int:
    """Count vowels, taking for one those that are spoken as one.

    >>> [german_syllables(word) for word in ("Staat", "Mieten", "Häuser", "Regierung", "höher")]
    [1, 2, 2, 3, 2]
    """
    return max(1, len(re.findall(r"aa|ee|oo|ie|ei|ai|au|äu|eu|[aeiouyäöü]", word.lower())))


def english_grade(texts: Iterable[str]) -> float:
    """Return 0.39 words a sentence + 11.8 syllables a word - 15.59."""
    each = [words(text) for text in texts]
    said = [word for sentence in each for word in sentence]
    syllables = sum(english_syllables(word) for word in said)
    return 0.39 * len(said) / len(each) + 11.8 * syllables / len(said) - 15.59


def german_grade(texts: Iterable[str]) -> float:
    """Return the first Wiener Sachtextformel: shares of long and short words, and words a sentence.

    In per cent of words: `many` of three syllables or more, `long` of more than six letters, `one`
    of one syllable.
    """
    each = [words(text) for text in texts]
    said = [word for sentence in each for word in sentence]
    syllables = [german_syllables(word) for word in said]
    many = 100 * sum(count > 2 for count in syllables) / len(said)
    long = 100 * sum(len(word) > 6 for word in said) / len(said)
    one = 100 * sum(count == 1 for count in syllables) / len(said)
    return 0.1935 * many + 0.1672 * len(said) / len(each) + 0.1297 * long - 0.0327 * one - 0.875


def grade(folder: Path) -> float:
    """Return the grade of all sentences of a bank, by the formula of its language."""
    bank = read_bank(folder)
    formula = {"en": english_grade, "de": german_grade}[bank.language]
    return formula([text for _, text in sentences(bank)])


if __name__ == "__main__":
    for name in BANKS:
        print(f"{name}: grade {grade(TASKS / name):.1f}")  # noqa: T201
