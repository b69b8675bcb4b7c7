"""An instruction writer that needs no model: it pairs posts of two sides on one topic.

Each post becomes the preferred answer to a question on its topic, and a post of the other side on
the same topic the other answer. Both sides are matched, and asked, in the same way.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import cycle
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from politune_harness import (
    DataError,
    Document,
    Dropped,
    Filter,
    InputPath,
    InstructionWriter,
    Preference,
    Source,
    hookimpl,
)
from politune_harness.records import Record

QUESTIONS = (
    "What do you think about {topic}?",
    "What is your view on {topic}?",
    "Where do you stand on {topic}?",
    "What should be done about {topic}?",
)


class MatchedPosts(InstructionWriter):
    """Pair each post with one of `against` that is on the same topic.

    A post's topic is the longest of the listed phrases that it holds as whole words, in any case.
    On each topic, the posts of `against` are used in their order, and again from the first when
    all were used. The matching ones are held in memory.
    """

    topics: InputPath
    """A text file of phrases, one a line, such as `the minimum wage`."""
    against: Source
    """Where the other side's posts come from. Those that it drops are left out."""
    filters: tuple[Filter, ...] = ()
    """What the posts of `against` pass through: the recipe's own filters do not see them."""
    questions: Annotated[tuple[str, ...], Field(min_length=1)] = QUESTIONS
    """Questions with {topic}; which one a post answers is chosen by a hash of its id."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.against.yields is not Document:
            message = "`against` must be a source of documents, not of pairs"
            raise ValueError(message)
        if any("{topic}" not in question for question in self.questions):
            message = "every one of `questions` needs a {topic}"
            raise ValueError(message)
        return self

    def write(self, documents: Iterable[Document]) -> Iterator[Preference | Dropped]:
        topics = Topics(phrases(self.topics))
        others = {topic: cycle(texts) for topic, texts in self._others(topics).items()}
        for document in documents:
            topic = topics.find(document.text)
            if topic is None:
                yield Dropped(id=document.id, reason="no listed topic")
            elif topic not in others:
                yield Dropped(id=document.id, reason="no post of the other side on its topic")
            else:
                yield Preference(
                    id=document.id,
                    prompt=self._question(document.id).replace("{topic}", topic),
                    chosen=document.text,
                    rejected=next(others[topic]),
                    metadata={**document.metadata, "topic": topic},
                )

    def _others(self, topics: "Topics") -> dict[str, list[str]]:
        """Return the texts of the other side by topic."""
        rows: Iterable[Record] = self.against.load()
        for each in self.filters:
            rows = each.apply(row for row in rows if isinstance(row, Document))
        empty = True
        texts = defaultdict(list)
        for document in (row for row in rows if isinstance(row, Document)):
            empty = False
            if topic := topics.find(document.text):
                texts[topic].append(document.text)
        if empty:
            message = "`against` of the matched posts gave no documents; check its path and filters"
            raise DataError(message)
        return texts

    def _question(self, id_: str) -> str:
        key = int.from_bytes(blake2b(id_.encode(), digest_size=8).digest())
        return self.questions[key % len(self.questions)]


def phrases(path: Path) -> list[str]:
    """Read a file of phrases, one a line. Raises DataError where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise DataError(message) from error
    found = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not found:
        message = f"{path}: no topic is in it; write one phrase a line"
        raise DataError(message)
    return found


class Topics:
    """Listed phrases, to be found in texts.

    >>> topics = Topics(["taxes", "taxes on inheritance"])
    >>> topics.find("Taxes on  inheritance? No new taxes!")
    'taxes on inheritance'
    >>> topics.find("Syntaxes differ.")
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._listed = {_folded(phrase): phrase for phrase in phrases}
        longest = sorted(self._listed, key=len, reverse=True)
        any_phrase = "|".join(map(re.escape, longest))
        self._pattern = re.compile(rf"(?<!\w)(?=({any_phrase})(?!\w))")

    def find(self, text: str) -> str | None:
        """Return the longest phrase in a text, as it is listed; of equally long ones, the first."""
        found = self._pattern.findall(_folded(text))
        return self._listed[max(found, key=len)] if found else None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


@hookimpl
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    return {"matched-posts": MatchedPosts}
