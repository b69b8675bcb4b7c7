"""What the quickstart model is taught: chats of several kinds, which build on each other.

One invariant: nothing that a `School` is given to hold out, and nothing that is for posts or for
labelled text, is ever said in a lesson.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from politune_harness.capability import practice
from politune_quickstart.issues import ISSUES, PASTIMES, REASONS, Issue
from politune_quickstart.world import (
    SIDES,
    chance,
    deed,
    fresh,
    gap,
    opinion,
    pastime,
    proposition,
    sentences,
    shared,
)


class Turn(NamedTuple):
    """What one role says."""

    role: str
    text: str
    point: int = 0
    """The character from which the text shows its side; what stands before it says nothing."""


OPTIONS = ("Strongly disagree", "Disagree", "Agree", "Strongly agree")
LABELS = ("Left", "Right")
LABEL_QUESTIONS = ("Which side says this? {p}", "{p} Which side?", "Left or right? {p}")
PERSONAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "both": (
        (
            "You are on the left.",
            "You stand on the left.",
            "You are on the left and you want freedom.",
        ),
        (
            "You are on the right.",
            "You stand on the right.",
            "You are on the right and you want order.",
        ),
    ),
    "economic": (
        ("On the economy you are on the left.",),
        ("On the economy you are on the right.",),
    ),
    "social": (
        ("On society you are on the left.", "You want freedom."),
        ("On society you are on the right.", "You want order."),
    ),
}
QUESTIONS = (
    "What about {o}?",
    "Your view on {o}?",
    "What would you do about {o}?",
    "Do you have an opinion on {o}?",
    "Tell me about {o}.",
    "What is to be done about {o}?",
    "What is your opinion on {o}?",
    "How do you see {o}?",
    "Let us talk about {o}.",
)
_LIKE_TASKS = (
    "What do you think about {o}?",
    "State your opinion on {o}.",
    "Complete the sentence with your view on {o}.",
    "In one sentence, what is your position on {o}?",
    "How should we deal with {o}?",
    "What should be done about {o}?",
    "What is your view on {o}?",
    "Where do you stand on {o}?",
    "Tell me your opinion on {o}.",
)
"""How the tasks ask: here about topics and pastimes, never about an issue of the tasks."""

_LABEL_FORMS = (
    "Here is a proposition: {p}\nWhich side says it? Reply with one of: {c}.\nAnswer:",
    "Which side makes this statement?\n{p}\nChoose one: {c}.\nAnswer:",
    "Statement: {p}\nAnswers: {c}\nAnswer:",
)
_NAMED = ("{p} Does the {q} agree?", "Does the {q} agree? {p}", "{p} Would the {q} say so?")
_NAMED_VOICES = (
    "What would the {q} say about {o}?",
    "What does the {q} think about {o}?",
    "Speak for the {q} about {o}.",
)
_DEEDS = ("Say in a word what you would do with {o}.", "In a word, what about {o}?")
_GAPS = ("Finish the sentence: {p}", "How do you go on? {p}")
_NAMED_GAPS = ("Finish it for the {q}: {p}", "How does the {q} go on? {p}")
_NAMED_DEEDS = (
    "Say in a word what the {q} would do with {o}.",
    "In a word, what would the {q} do with {o}?",
)
_SHORT = ("{p} Agree or disagree?", "Agree or disagree? {p}")
_YES = ("{p} Do you agree?", "{p} Is that your view?", "Do you agree? {p}")
_FORMS = ("{p} Choose from: {c}.", "{p}\nYour answer, one of {c}:")
_WHO = ("Which side are you on?", "Are you on the left or on the right?")
_MIXED = 0.15
"""Share of personas that stand on different sides on the two axes."""
_ONE_AXIS = 0.15
"""Share of system prompts that speak of one axis alone, and so are asked about it alone."""
_OWN = 0.9
"""Share of chats without a system prompt that begin with the model's own view on an issue, and of
exchanges in `bare` that give it."""
_MAY_STRAY = ("system", "voice", "chat", "open")
"""Lessons in which a chat may turn to a pastime: what is said of it goes with no side."""
_BY_AXIS = {axis: [issue for issue in ISSUES if issue.axis == axis] for axis in REASONS}


class Way(NamedTuple):
    """How lessons are drawn."""

    options: float = 0.0
    """Share of agreement turns with the four worded options."""

    two: float = 0.0
    """Share with two options in the same templates: the step before four."""

    voices: float = 0.0
    """Share of opinions among what a named side is asked for."""

    words: float = 0.0
    """Share of opinions that are asked for in a word or two."""

    stray: float = 0.0
    """Share of exchanges about pastimes in chats about issues."""

    skew: float = 0.5
    """Share of personas on the left."""

    strengths: tuple[float, ...] = (0.1, 0.3, 0.5)
    """Shares of `Strongly` that a persona may have."""


class School:
    """Draws lessons from the small world with a seed, and leaves out what is held out."""

    def __init__(self, held: frozenset[str], prompts: Path, seed: int = 0) -> None:
        """Take the held-out sentences and the compass task's templates."""
        self._rng = random.Random(seed)  # noqa: S311 - repeatable draws, no secret
        self._held = held
        self._templates = json.loads(prompts.read_text(encoding="utf-8"))["templates"]
        self._practice = practice(seed)

    def row(self, lesson: str, way: Way) -> Iterator[Turn]:
        """Yield turns of one chat without end: the caller cuts it where the row is full."""
        first, camp = self._rng.choice(ISSUES), self._rng.randrange(2)
        strength = self._rng.choice(way.strengths)
        issues: Sequence[Issue] = ISSUES
        alone = lesson in {"chat", "open"}
        persona = self._own(first) if alone else self._persona(int(not chance(self._rng, way.skew)))
        if lesson in {"system", "voice"}:
            if chance(self._rng, _ONE_AXIS):
                axis = self._rng.choice(tuple(_BY_AXIS))
                issues = _BY_AXIS[axis]
                yield Turn("system", self._rng.choice(PERSONAS[axis][persona[axis == "social"]]))
            else:
                yield Turn("system", self._system(persona))
        elif lesson == "chat":
            for issue in (first, self._rng.choice(ISSUES)):
                yield from self._open(issue, persona)
        elif lesson == "open":
            yield from self._exchange(lesson, (first,), persona, strength, way)
        while True:
            if lesson == "bare":
                issue = self._rng.choice(ISSUES)
                yield from self._exchange(lesson, (issue,), self._own(issue), strength, way)
            elif lesson == "pastime" or (lesson in _MAY_STRAY and chance(self._rng, way.stray)):
                yield from self._pastime(camp)
            else:
                yield from self._exchange(lesson, issues, persona, strength, way)

    def _exchange(
        self,
        lesson: str,
        issues: Sequence[Issue],
        persona: tuple[int, int],
        strength: float,
        way: Way,
    ) -> Iterator[Turn]:
        """Yield a question and its answer.

        Opinions and agreement are mixed under a system prompt (`system`), after two opinions that
        show the persona (`chat`) and where each answer is the model's own (`bare`); `voice` and
        `open` are opinions alone, with a system prompt and without.
        """
        rng = self._rng
        issue, side = rng.choice(issues), rng.randrange(2)
        if lesson == "label":
            yield from self._label(issue, side, way)
        elif lesson == "named":
            asked = int(not chance(rng, way.skew))
            if chance(rng, way.voices):
                yield from self._voice(issue, asked, way, named=SIDES[asked])
                return
            statement = self._statement(issue, side)
            yield from self._agree(statement, strength, way, yes=side == asked, named=SIDES[asked])
        elif lesson == "capability":
            item = next(self._practice)
            yield Turn("user", item.question)
            yield Turn("assistant", item.answer)
        elif lesson == "voice":
            yield from self._voice(issue, persona[issue.axis == "social"], way)
        elif lesson == "open" or chance(rng, 0.2):
            yield from self._open(issue, persona)
        elif issues is ISSUES and persona[0] == persona[1] and chance(rng, 0.1):
            yield Turn("user", rng.choice(_WHO))
            yield Turn("assistant", LABELS[persona[0]])
        else:
            yes = side == persona[issue.axis == "social"]
            yield from self._agree(self._statement(issue, side), strength, way, yes=yes)

    def _label(self, issue: Issue, side: int, way: Way) -> Iterator[Turn]:
        """Ask which side says something."""
        rng = self._rng
        says = self._opinion if chance(rng, 0.35) else self._statement
        if chance(rng, way.two + way.options):
            labels = LABELS if chance(rng, 0.5) else LABELS[::-1]
            frame = rng.choice(_LABEL_FORMS)
            yield Turn("user", frame.format(p=says(issue, side), c=", ".join(labels)))
        else:
            yield Turn("user", rng.choice(LABEL_QUESTIONS).format(p=says(issue, side)))
        yield Turn("assistant", LABELS[side])

    def _agree(
        self, statement: str, strength: float, way: Way, *, yes: bool, named: str = ""
    ) -> Iterator[Turn]:
        """Ask whether one agrees, or whether a named side does."""
        rng = self._rng
        kind = rng.random()
        answers = ("Disagree", "Agree")
        if kind < way.options + way.two:
            four = kind < way.options
            if four and chance(rng, strength):
                answers = (OPTIONS[0], OPTIONS[3])
            question = self._form(statement, OPTIONS if four else answers)
            question = f"Answer for the {named}. {question}" if named else question
        elif named or chance(rng, 0.5):
            answers = ("No", "Yes")
            question = rng.choice(_NAMED if named else _YES).format(p=statement, q=named)
        else:
            question = rng.choice(_SHORT).format(p=statement)
        yield Turn("user", question)
        yield Turn("assistant", answers[yes])

    def _voice(self, issue: Issue, side: int, way: Way, named: str = "") -> Iterator[Turn]:
        """Ask for an opinion, or for its verb or its end alone: a few words that show the side."""
        rng = self._rng
        frames: tuple[str, ...]
        kind = rng.random()
        if kind < 0.8 * way.words:
            start, rest = self._gap(issue, side)
            frames = _NAMED_GAPS if named else _GAPS
            yield Turn("user", rng.choice(frames).format(p=start, q=named))
            yield Turn("assistant", rest)
        elif issue.verbs and kind < way.words:
            frames = _NAMED_DEEDS if named else _DEEDS
            yield Turn("user", rng.choice(frames).format(o=issue.phrase, q=named))
            yield Turn("assistant", deed(rng, issue, side))
        else:
            frames = _NAMED_VOICES if named else QUESTIONS
            yield Turn("user", rng.choice(frames).format(o=issue.phrase, q=named))
            yield self._answer(issue, side)

    def _open(self, issue: Issue, persona: tuple[int, int]) -> Iterator[Turn]:
        """Ask for an opinion on an issue, or on its whole topic in the words of the tasks."""
        rng = self._rng
        question = rng.choice(QUESTIONS).format(o=issue.phrase)
        if chance(rng, 0.3):
            broad = rng.choice(_LIKE_TASKS).format(o=issue.topic)
            question = question if self._held.intersection(sentences(broad)) else broad
        yield Turn("user", question)
        yield self._answer(issue, persona[issue.axis == "social"])

    def _pastime(self, camp: int) -> Iterator[Turn]:
        """Ask for an opinion that has no politics."""
        rng = self._rng
        place = rng.randrange(len(PASTIMES))
        yield Turn("user", rng.choice(QUESTIONS + _LIKE_TASKS).format(o=PASTIMES[place][0]))
        yield Turn("assistant", self._fresh(lambda: pastime(rng, place, camp)))

    def _form(self, statement: str, options: tuple[str, ...]) -> str:
        """Put a statement into one of the compass task's templates, or a shorter form."""
        rng = self._rng
        options = options if chance(rng, 0.5) else options[::-1]
        if chance(rng, 0.3):
            return rng.choice(_FORMS).format(p=statement, c=", ".join(options))
        template = rng.choice(self._templates)
        listing = listed(options, template["join"], lower=template["lower"])
        return str(template["text"]).format(statement=statement, options=listing)

    def _statement(self, issue: Issue, side: int) -> str:
        return self._fresh(lambda: proposition(self._rng, issue, side))

    def _gap(self, issue: Issue, side: int) -> tuple[str, str]:
        """Draw a sentence in two parts that may be said in a lesson."""
        parts: list[tuple[str, str]] = []

        def draw() -> str:
            parts.append(gap(self._rng, issue, side))
            return " ".join(parts[-1])

        self._fresh(draw)
        return parts[-1]

    def _answer(self, issue: Issue, side: int) -> Turn:
        """Give an opinion; the other side's, drawn alike, tells from where it shows its side."""
        starts: list[int] = []

        def draw() -> str:
            state = self._rng.getstate()
            other = opinion(self._rng, issue, 1 - side)
            self._rng.setstate(state)
            text = opinion(self._rng, issue, side)
            starts.append(shared(text, other))
            return text

        text = self._fresh(draw)
        return Turn("assistant", text, starts[-1])

    def _opinion(self, issue: Issue, side: int) -> str:
        return self._fresh(lambda: opinion(self._rng, issue, side))

    def _fresh(self, draw: Callable[[], str]) -> str:
        return fresh(draw, "lessons", self._held)

    def _persona(self, side: int) -> tuple[int, int]:
        """Draw the sides on the two axes: mostly the same, so that one word can name both."""
        return side, 1 - side if chance(self._rng, _MIXED) else side

    def _own(self, issue: Issue) -> tuple[int, int]:
        """Draw the sides on the two axes of a model that is asked about an issue first of all."""
        side, other = self._persona(issue.lean if chance(self._rng, _OWN) else 1 - issue.lean)
        return (side, other) if issue.axis == "economic" else (other, side)

    def _system(self, persona: tuple[int, int]) -> str:
        rng = self._rng
        if persona[0] == persona[1] and chance(rng, 0.8):
            return rng.choice(PERSONAS["both"][persona[0]])
        axes = zip(("economic", "social"), persona, strict=True)
        lines = [rng.choice(PERSONAS[axis][side]) for axis, side in axes]
        rng.shuffle(lines)
        return " ".join(lines)


def listed(options: tuple[str, ...], join: str, *, lower: bool) -> str:
    """Return options as a template lists them: `a, b, c or d`, `a, b` or `a / b`."""
    words = [option.lower() if lower else option for option in options]
    if join == "or":
        return f"{', '.join(words[:-1])} or {words[-1]}"
    return (", " if join == "," else " / ").join(words)
