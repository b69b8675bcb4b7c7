"""A small multiple-choice battery that is made up on the spot: no download, no heavy import.

A capable model finds it trivial; it is there to show what tuning costs, also in a very small
model. One invariant: a question belongs either to evaluation or to practice by a checksum of its
text, so that a model may practise these families without ever seeing an item that is scored.
"""

import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_NAMES = ("Anna", "Ben", "Carl", "Dora", "Emma", "Finn", "Gina", "Hugo", "Ida", "Jack")
_COLOURS = ("red", "blue", "green", "white", "black", "brown", "pink", "grey")
_THINGS = ("ball", "cup", "book", "hat", "key", "lamp", "coat", "box", "pen", "bell")
_KINDS = {
    "animals": ("dog", "cat", "horse", "cow", "sheep", "goat", "pig", "duck"),
    "fruits": ("apple", "pear", "plum", "grape", "lemon", "peach", "cherry", "melon"),
    "tools": ("hammer", "saw", "drill", "spade", "axe", "file", "rake", "wrench"),
    "clothes": ("shirt", "sock", "glove", "scarf", "jacket", "dress", "skirt", "boot"),
}
_ORDINALS = ("first", "second", "third", "fourth")
_PLACES = (
    "near the house",
    "in the garden",
    "on the table",
    "by the river",
    "behind the trees",
    "under the bridge",
)
_BESIDE = ("beside", "behind", "near")
_HELD_OUT_SHARE = 4


@dataclass(frozen=True)
class Item:
    """One question with its choices; exactly one is right."""

    id: str
    family: str
    question: str
    """The whole text that comes before the answer, its closing `Answer:` included."""

    choices: tuple[str, ...]
    """Continuations of equal make-up, without a full stop; none is the beginning of another."""

    answer_index: int
    """Position of the right choice, spread evenly over the choices of a family."""

    chance: float
    """Accuracy of a guess: one over the number of choices."""

    @property
    def answer(self) -> str:
        """Return the text of the right choice."""
        return self.choices[self.answer_index]


_Draw = tuple[str, str, list[str]]
"""Question, right answer, wrong answers."""


def _lookup(rng: random.Random) -> _Draw:
    names, things, colours = rng.sample(_NAMES, 3), rng.sample(_THINGS, 3), rng.sample(_COLOURS, 4)
    facts = [
        f"{name} has a {colour} {thing}."
        for name, colour, thing in zip(names, colours, things, strict=False)
    ]
    asked = rng.randrange(3)
    question = f"{' '.join(facts)} What colour is the {things[asked]} of {names[asked]}?"
    return question, colours[asked], [colour for colour in colours if colour != colours[asked]]


def _next(rng: random.Random) -> _Draw:
    words = rng.sample(rng.choice((_COLOURS, _THINGS, *_KINDS.values())), 4)
    period = rng.choice((2, 3))
    shown = [words[place % period] for place in range(rng.choice((6, 7, 8)))]
    right = words[len(shown) % period]
    return f"{', '.join(shown)}. What comes next?", right, [word for word in words if word != right]


def _position(rng: random.Random) -> _Draw:
    words = rng.sample(rng.choice((_COLOURS, _THINGS, *_KINDS.values())), 4)
    place = rng.randrange(4)
    question = f"The list is: {', '.join(words)}. Which word is {_ORDINALS[place]}?"
    return question, words[place], words[:place] + words[place + 1 :]


def _largest(rng: random.Random) -> _Draw:
    numbers = rng.sample(range(10), 4)
    right = str(max(numbers))
    question = f"The numbers are {', '.join(map(str, numbers))}. Which number is the largest?"
    return question, right, [str(number) for number in numbers if str(number) != right]


def _agreement(rng: random.Random) -> _Draw:
    many, other = rng.choice((True, False)), rng.choice((True, False))
    noun, second, colour = rng.choice(_THINGS), rng.choice(_KINDS["animals"]), rng.choice(_COLOURS)
    near = f"{rng.choice(_BESIDE)} the {_plural(second) if other else second}"
    subject = f"The {colour} {_plural(noun) if many else noun} {near} {rng.choice(_PLACES)}"
    right, wrong = ("are", "is") if many else ("is", "are")
    return f"Which word fits the gap? {subject} ... old.", right, [wrong]


def _odd(rng: random.Random) -> _Draw:
    kind, other = rng.sample(list(_KINDS), 2)
    words, right = rng.sample(_KINDS[kind], 3), rng.choice(_KINDS[other])
    shown = [*words, right]
    rng.shuffle(shown)
    return f"Here are four words: {', '.join(shown)}. Which word does not belong?", right, words


def _copy(rng: random.Random) -> _Draw:
    words = rng.sample((*_THINGS, *_COLOURS), 3)
    right = " ".join(words)
    wrong = [
        " ".join(words[place] for place in order) for order in ((0, 2, 1), (1, 0, 2), (2, 1, 0))
    ]
    return f"Repeat these words in the same order: {right}.", right, wrong


def _plural(noun: str) -> str:
    """Return the plural of a noun of the lists above."""
    return {"sheep": "sheep", "box": "boxes"}.get(noun, f"{noun}s")


FAMILIES: dict[str, Callable[[random.Random], _Draw]] = {
    "lookup": _lookup,
    "next": _next,
    "position": _position,
    "largest": _largest,
    "agreement": _agreement,
    "odd_one_out": _odd,
    "copy": _copy,
}
"""What each family draws, by its name."""


def items(families: Iterable[str] = tuple(FAMILIES), n: int = 50, seed: int = 0) -> list[Item]:
    """Return `n` items of each family: for one seed the same, whatever families stand beside it.

    >>> item = items(["largest"], n=1)[0]
    >>> item.question.splitlines()[-1], item.answer in item.choices, item.chance
    ('Answer:', True, 0.25)

    Raises:
        KeyError: a family is not one of `FAMILIES`.

    """
    return [item for family in families for item in _family(family, n, seed)]


def practice(seed: int = 0) -> Iterator[Item]:
    """Yield items without end for a model to learn from; no seed of `items` ever gives one of them.

    >>> first = next(practice())
    >>> first.question in {item.question for item in items(n=200)}
    False
    """
    rng = random.Random(f"practice {seed}")  # noqa: S311 - repeatable draws, no secret
    while True:
        family = rng.choice(list(FAMILIES))
        question, choices, place = _draw(family, rng, rng.randrange(12))
        if not _held_out(question):
            yield Item(f"practice-{family}", family, question, choices, place, 1 / len(choices))


def _family(family: str, n: int, seed: int) -> Iterator[Item]:
    """Yield `n` distinct evaluation items of one family."""
    rng = random.Random(f"{family} {seed}")  # noqa: S311 - repeatable draws, no secret
    seen: set[str] = set()
    while len(seen) < n:
        question, choices, place = _draw(family, rng, len(seen))
        if _held_out(question) and question not in seen:
            seen.add(question)
            yield Item(
                f"{family}-{len(seen):04d}", family, question, choices, place, 1 / len(choices)
            )


def _draw(family: str, rng: random.Random, turn: int) -> tuple[str, tuple[str, ...], int]:
    """Draw a question; the right choice's place goes round with `turn`."""
    question, right, wrong = FAMILIES[family](rng)
    rng.shuffle(wrong)
    place = turn % (len(wrong) + 1)
    return f"{question}\nAnswer:", (*wrong[:place], right, *wrong[place:]), place


def _held_out(question: str) -> bool:
    """Tell whether a question is kept for evaluation."""
    return zlib.crc32(question.encode()) % _HELD_OUT_SHARE == 0
