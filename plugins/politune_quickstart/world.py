"""The grammar of the small world: propositions, opinions with reasons, pastimes without politics.

One invariant: left and right are mirrored in everything, so whatever is drawn by a fair coin is
balanced, and a text's side is known from how it was made.
"""

import random
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache

from politune_quickstart.issues import CAMP_REASONS, CAMPS, PASTIMES, REASONS, Issue

LEFT, RIGHT = 0, 1
"""The two sides; on the social axis left is free and right is order."""

SIDES = ("left", "right")

USES = ("posts", "labelled", "lessons", "lessons", "lessons", "lessons")
"""What a sentence may be used for, by the remainder of its checksum."""

_SUBJECTS = ("the government", "the state")
_ACTS = (
    "We should {a}.",
    "We must {a}.",
    "It is right to {a}.",
    "It is time to {a}.",
    "I want to {a}.",
    "A good government would {a}.",
    "A wise leader would {a}.",
    "It would be right to {a}.",
    "Let us {a}.",
    "It is a good thing to {a}.",
)
_ACTS_DENIED = (
    "We should not {a}.",
    "We must never {a}.",
    "It is wrong to {a}.",
    "It would be wrong to {a}.",
    "Nobody should {a}.",
    "A good government would not {a}.",
    "It is a mistake to {a}.",
)
_CLAUSES = (
    "{s} should {a}.",
    "{s} should {a}.",
    "{s} must {a}.",
    "{s} ought to {a}.",
    "It is time for {s} to {a}.",
    "We need {s} to {a}.",
    "It is right for {s} to {a}.",
    "I want {s} to {a}.",
)
_CLAUSES_DENIED = (
    "{s} should not {a}.",
    "{s} must never {a}.",
    "It is wrong for {s} to {a}.",
    "I do not want {s} to {a}.",
    "It is a mistake for {s} to {a}.",
)
_CLAIMS = (
    "{c}.",
    "{c}.",
    "{c}.",
    "It is true that {c}.",
    "I am sure that {c}.",
    "Everyone can see that {c}.",
)
_CLAIMS_DENIED = ("It is false that {c}.", "I do not believe that {c}.")
_OPENINGS = ("I think ", "I believe ", "In my view ", "I am sure that ", "", "")
_COMPLETE = ("I ", "let us", "it is true", "it is false", "everyone can see")
"""How sentences begin that bear no opening before them."""

_HABITS = (
    "I like to {a}",
    "it is best to {a}",
    "I always {a}",
    "my advice is to {a}",
    "you should {a}",
    "we love to {a}",
)
_DENIED = 0.15
"""Share of propositions that deny what the other side would say."""

_OWN = 0.3
"""Share of propositions in a compass item's own words, where those may be used."""


def proposition(rng: random.Random, issue: Issue, side: int, *, own: bool = True) -> str:
    """Return one sentence for a side; with `own` off, none in the words of the compass item."""
    return mirrored(rng, issue, own=own)[side]


def mirrored(rng: random.Random, issue: Issue, *, own: bool = True) -> tuple[str, str]:
    """Return two sentences that differ in their side alone, left first."""
    forms = issue.own if own and chance(rng, _OWN) else _forms(issue)
    subject, colon, said = rng.choice(forms).partition(": ")
    denied = chance(rng, _DENIED)
    frames: tuple[str, ...]
    if not colon:
        frames, subject, said = (_CLAIMS_DENIED if denied else _CLAIMS), "", subject
    elif subject:
        frames = _CLAUSES_DENIED if denied else _CLAUSES
    else:
        frames = _ACTS_DENIED if denied else _ACTS
    frame = rng.choice(frames)
    left, right = (_framed(frame, subject, words) for words in said.split(" / "))
    return (right, left) if denied else (left, right)


def gap(rng: random.Random, issue: Issue, side: int) -> tuple[str, str]:
    """Return how a sentence begins, whichever side says it, and how this side ends it."""
    while True:
        both = [sentence.split() for sentence in mirrored(rng, issue)]
        place = shared(*both)
        if place:
            return " ".join(both[side][:place]), " ".join(both[side][place:])


def opinion(
    rng: random.Random, issue: Issue, side: int, *, own: bool = True, plain: float = 0.4
) -> str:
    """Return one or two sentences: a proposition and, but for the share `plain`, a reason."""
    said = proposition(rng, issue, side, own=own)
    if chance(rng, plain):
        return said
    said = lower(said.removesuffix("."))
    opening = "" if said.startswith(_COMPLETE) else rng.choice(_OPENINGS)
    return _reasoned(rng, said, rng.choice(REASONS[issue.axis][side]), opening)


def deed(rng: random.Random, issue: Issue, side: int) -> str:
    """Return the bare verb of what a side wants, for an issue that has verbs."""
    return capital(rng.choice(issue.verbs).split(" / ")[side].split(":")[0])


def pastime(rng: random.Random, place: int, camp: int, *, plain: float = 0.4) -> str:
    """Return an opinion without politics on one of `PASTIMES`: the slow camp's (0) or the quick.

    It has a reason as often as a political one, and puts it in the same ways.
    """
    thing, verb = PASTIMES[place]
    said = rng.choice(_HABITS).format(a=f"{verb} {thing} {rng.choice(CAMPS[camp])}")
    if chance(rng, plain):
        return capital(f"{said}.")
    return _reasoned(rng, said, rng.choice(CAMP_REASONS[camp]))


def _reasoned(rng: random.Random, said: str, reason: str, opening: str = "") -> str:
    return rng.choice(
        (
            capital(f"{opening}{said} because {reason}."),
            capital(f"{opening}{said} because {reason}."),
            f"{capital(said)}. {capital(reason)}.",
            f"{capital(reason)}. So {said}.",
        )
    )


def chance(rng: random.Random, share: float) -> bool:
    """Return true for this share of draws."""
    return rng.random() < share


def _framed(frame: str, subject: str, words: str) -> str:
    """Return a sentence; what stands inside another one begins with a small letter."""
    claim = words.removesuffix(".")
    claim = claim if frame.startswith("{c}") else lower(claim)
    return capital(frame.format(s=subject, a=words, c=claim))


def shared(left: Sequence[str], right: Sequence[str]) -> int:
    """Return how many letters of two texts, or words of two lists, are the same from the start."""
    same = [one == other for one, other in zip(left, right, strict=False)]
    return same.index(False) if False in same else len(same)


def capital(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[0].upper() + text[1:]


def lower(text: str) -> str:
    """Return a sentence as it stands inside another: its first letter small, but not of `I`."""
    return text if text.startswith("I ") else text[0].lower() + text[1:]


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text without case and punctuation, so that copies are known.

    >>> list(sentences("Cut rents? No, cap them. "))
    ['cut rents', 'no cap them']
    """
    for part in re.split(r"[.?!\n]+", text.lower()):
        plain = " ".join(re.findall(r"[^\W_]+", part))
        if plain:
            yield plain


def use(sentence: str) -> str:
    """Return the one use that a sentence may be put to: lessons, posts or labelled text."""
    return USES[zlib.crc32(sentence.encode()) % len(USES)]


def fresh(draw: Callable[[], str], wanted: str, held: Collection[str], tries: int = 20_000) -> str:
    """Return the first draw whose sentences are all for the wanted use and none held out.

    Raises:
        RuntimeError: no try gave one.

    """
    for _ in range(tries):
        text = draw()
        if all(use(sentence) == wanted and sentence not in held for sentence in sentences(text)):
            return text
    message = f"no fresh text in {tries} draws"
    raise RuntimeError(message)


@cache
def _forms(issue: Issue) -> tuple[str, ...]:
    """Return clauses and claims beside the item's own; a clause without a subject is an act."""
    forms: list[str] = []
    for verb in issue.verbs:
        halves = [half.split(":") for half in verb.split(" / ")]
        acts = " / ".join(f"{infinitive} {issue.phrase}" for infinitive, _ in halves)
        passive = " / ".join(f"be {participle}" for _, participle in halves)
        forms += [f": {acts}"] * 2 + [f"{subject}: {acts}" for subject in _SUBJECTS]
        forms += [f"{issue.phrase}: {passive}"] * 2
    return (*forms, *issue.clauses * 3, *issue.claims * 3)
