"""A small multiple-choice battery that is made up on the spot: no download, no heavy import.

A capable model finds it trivial; it is there to show what tuning costs, also in a very small
model. One invariant: a question belongs either to evaluation or to practice by a checksum of its
text, so that a model may practise these families without ever seeing an item that is scored.
"""

import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

_NAMES = ("Anna", "Ben", "Carl", "Dora", "Emma", "Finn", "Gina", "Hugo", "Ida", "Jack")
_COLOURS = ("red", "blue", "green", "white", "black", "brown", "pink", "grey")
_THINGS = ("ball", "cup", "book", "hat", "key", "lamp", "coat", "box", "pen", "bell")
_KINDS = {
    "animals": ("dog", "cat", "horse", "cow", "sheep", "goat", "pig", "duck"),
    "fruits": ("apple", "pear", "plum", "grape", "lemon", "peach", "cherry", "melon"),
    "tools": ("hammer", "saw", "drill", "spade", "axe", "file", "rake", "wrench"),
    "clothes": ("shirt", "sock", "glove", "scarf", "jacket", "dress", "skirt", "boot"),
}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
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
    level: int
    """How hard it is within its family, from 1 to 3."""

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


def _lookup(rng: random.Random, facts: int = 3) -> _Draw:
    names, things, colours = rng.sample(_NAMES, 3), rng.sample(_THINGS, 3), rng.sample(_COLOURS, 4)
    told = [
        f"{name} has a {colour} {thing}."
        for name, colour, thing in zip(names, colours, things, strict=False)
    ][:facts]
    asked = rng.randrange(facts)
    question = f"{' '.join(told)} What colour is the {things[asked]} of {names[asked]}?"
    return question, colours[asked], [colour for colour in colours if colour != colours[asked]]


def _next(rng: random.Random, *periods: int) -> _Draw:
    periods = periods or (2, 3)
    words = rng.sample(rng.choice((_COLOURS, _THINGS, *_KINDS.values())), max(4, *periods))
    period = rng.choice(periods)
    shown = [words[place % period] for place in range(rng.choice((6, 7, 8)))]
    right = words[len(shown) % period]
    wrong = [word for word in words if word != right][:3]
    return f"{', '.join(shown)}. What comes next?", right, wrong


def _position(rng: random.Random, size: int = 4) -> _Draw:
    words = rng.sample(rng.choice((_COLOURS, _THINGS, *_KINDS.values())), size)
    place = rng.randrange(size)
    question = f"The list is: {', '.join(words)}. Which word is {_ORDINALS[place]}?"
    return question, words[place], _three(rng, words[:place] + words[place + 1 :])


def _largest(rng: random.Random, size: int = 4, below: int = 10) -> _Draw:
    numbers = rng.sample(range(below), size)
    right = str(max(numbers))
    question = f"The numbers are {', '.join(map(str, numbers))}. Which number is the largest?"
    wrong = [str(number) for number in numbers if str(number) != right]
    return question, right, _three(rng, wrong)


def _agreement(rng: random.Random, between: int = 1) -> _Draw:
    many, other = rng.choice((True, False)), rng.choice((True, False))
    noun, second, colour = rng.choice(_THINGS), rng.choice(_KINDS["animals"]), rng.choice(_COLOURS)
    near = f" {rng.choice(_BESIDE)} the {_plural(second) if other else second}"
    place = f" {rng.choice(_PLACES)}"
    if between == 0:
        near = ""
    elif between == 2:  # noqa: PLR2004
        third = rng.choice(_KINDS["fruits"])
        near += f" and the {_plural(third) if other else third}"
    subject = f"The {colour} {_plural(noun) if many else noun}{near}{place}"
    right, wrong = ("are", "is") if many else ("is", "are")
    return f"Which word fits the gap? {subject} ... old.", right, [wrong]


def _odd(rng: random.Random, alike: int = 3) -> _Draw:
    kind, other = rng.sample(list(_KINDS), 2)
    words, right = rng.sample(_KINDS[kind], alike), rng.choice(_KINDS[other])
    shown = [*words, right]
    rng.shuffle(shown)
    count = {3: "four", 4: "five", 6: "seven"}[alike]
    question = f"Here are {count} words: {', '.join(shown)}. Which word does not belong?"
    return question, right, _three(rng, words)


def _copy(rng: random.Random, size: int = 3) -> _Draw:
    words = rng.sample((*_THINGS, *_COLOURS), size)
    right, last = " ".join(words), size - 1
    orders = (
        (*range(size - 2), last, last - 1),
        (1, 0, *range(2, size)),
        tuple(reversed(range(size))),
    )
    wrong = [" ".join(words[place] for place in order) for order in orders]
    return f"Repeat these words in the same order: {right}.", right, wrong


def _after(rng: random.Random, size: int = 4) -> _Draw:
    words = rng.sample(rng.choice((_COLOURS, _THINGS, *_KINDS.values())), size)
    place = rng.randrange(size - 1)
    question = f"The list is: {', '.join(words)}. Which word comes right after {words[place]}?"
    right = words[place + 1]
    return question, right, _three(rng, [word for word in words if word != right])


def _member(rng: random.Random, shown: int = 0) -> _Draw:
    kind, other = rng.sample(list(_KINDS), 2)
    words = rng.sample(_KINDS[kind], shown + 1)
    right, known = words[0], words[1:]
    listed = f"These are {kind}: {', '.join(known)}." if known else ""
    wrong = rng.sample(_KINDS[other], 3)
    offered = [right, *wrong]
    rng.shuffle(offered)
    asked = f"Which of these is one of the {kind}: {', '.join(offered)}?"
    return f"{listed} {asked}".strip(), right, wrong


def _three(rng: random.Random, wrong: list[str]) -> list[str]:
    """Return three wrong answers; nothing is drawn where there are no more."""
    return wrong if len(wrong) <= 3 else rng.sample(wrong, 3)  # noqa: PLR2004


def _plural(noun: str) -> str:
    """Return the plural of a noun of the lists above."""
    return {"sheep": "sheep", "box": "boxes"}.get(noun, f"{noun}s")


FAMILIES: dict[str, tuple[Callable[[random.Random], _Draw], ...]] = {
    "lookup": tuple(partial(_lookup, facts=n) for n in (1, 2, 3)),
    "next": (lambda rng: _next(rng, 2), lambda rng: _next(rng, 3), lambda rng: _next(rng, 4)),
    "position": tuple(partial(_position, size=n) for n in (4, 5, 7)),
    "largest": (
        partial(_largest, size=4),
        partial(_largest, size=6),
        partial(_largest, below=100),
    ),
    "agreement": tuple(partial(_agreement, between=n) for n in (0, 1, 2)),
    "odd_one_out": tuple(partial(_odd, alike=n) for n in (3, 4, 6)),
    "copy": tuple(partial(_copy, size=n) for n in (3, 4, 5)),
    "after": tuple(partial(_after, size=n) for n in (4, 5, 7)),
    "member": tuple(partial(_member, shown=n) for n in (3, 1, 0)),
}
"""What each family draws at each level of difficulty, by its name."""

LEVELS = (0, 1, 0, 2, 0, 1, 0, 1, 0, 2)
"""The levels of the items of a family, in turn: half are easy, so that small models are graded."""

PRACTISED: dict[str, Callable[[random.Random], _Draw]] = {
    "lookup": _lookup,
    "next": _next,
    "position": _position,
    "largest": _largest,
    "agreement": _agreement,
    "odd_one_out": _odd,
    "copy": _copy,
}
"""What a model may practise: the other families and levels show what carries over."""


def items(families: Iterable[str] = tuple(FAMILIES), n: int = 100, seed: int = 0) -> list[Item]:
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
        family = rng.choice(list(PRACTISED))
        question, choices, place = _draw(PRACTISED[family], rng, rng.randrange(12))
        if not _held_out(question):
            chance = 1 / len(choices)
            yield Item(f"practice-{family}", family, 0, question, choices, place, chance)


def _family(family: str, n: int, seed: int) -> Iterator[Item]:
    """Yield `n` distinct evaluation items of one family."""
    rng = random.Random(f"{family} {seed}")  # noqa: S311 - repeatable draws, no secret
    seen: set[str] = set()
    turns = Counter[int]()
    while len(seen) < n:
        level = LEVELS[len(seen) % len(LEVELS)]
        question, choices, place = _draw(FAMILIES[family][level], rng, turns[level] + level)
        if _held_out(question) and question not in seen:
            seen.add(question)
            turns[level] += 1
            name = f"{family}-{level + 1}-{len(seen):04d}"
            yield Item(name, family, level + 1, question, choices, place, 1 / len(choices))


def _draw(
    draw: Callable[[random.Random], _Draw], rng: random.Random, turn: int
) -> tuple[str, tuple[str, ...], int]:
    """Draw a question; the right choice's place goes round with `turn`."""
    question, right, wrong = draw(rng)
    rng.shuffle(wrong)
    place = turn % (len(wrong) + 1)
    return f"{question}\nAnswer:", (*wrong[:place], right, *wrong[place:]), place


def _held_out(question: str) -> bool:
    """Tell whether a question is kept for evaluation."""
    return zlib.crc32(question.encode()) % _HELD_OUT_SHARE == 0
