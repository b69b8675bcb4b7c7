"""Filters that need nothing but the text."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Annotated, Self

from pydantic import Field, PositiveInt, model_validator

from politune_harness import DataError, Document, Dropped, Filter, ModelError, ModelName, hookimpl
from politune_harness.disk import keys
from politune_harness.errors import one_line

Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Share = Annotated[float, Field(ge=0, le=1)]

LINK = re.compile(r"\W*(?:https?://|www\.)\S")
ENOUGH = 10
"""Words that a text must have before one that it repeats says anything."""


class MinWords(Filter):
    """Keep documents of at least `words` words.

    >>> no, yes = Document(id="a", text="No."), Document(id="b", text="Yes we can")
    >>> [type(row).__name__ for row in MinWords(words=3).apply([no, yes])]
    ['Dropped', 'Document']
    """

    words: PositiveInt = 20
    """The fewest words that a document may have."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        reason = f"under {self.words} words"
        for document in documents:
            enough = len(document.text.split()) >= self.words
            yield document if enough else Dropped(id=document.id, reason=reason)


class Length(Filter):
    """Keep documents of some length, in words or in a model's tokens.

    >>> texts = Document(id="a", text="No."), Document(id="b", text="Yes we can")
    >>> [row.reason for row in Length(at_least=2, at_most=2).apply(texts)]
    ['under 2 words', 'over 2 words']
    """

    at_least: PositiveInt = 1
    """The fewest words or tokens."""
    at_most: PositiveInt | None = None
    """The most words or tokens."""
    tokenizer: ModelName | None = None
    """The model whose tokens are counted, without special ones; by default, words are."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_most is not None and self.at_most < self.at_least:
            message = f"`at_most: {self.at_most}` is less than `at_least: {self.at_least}`"
            raise ValueError(message)
        return self

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        count = _tokens(self.tokenizer) if self.tokenizer else _words
        unit = "tokens" if self.tokenizer else "words"
        for document in documents:
            length = count(document.text)
            if length < self.at_least:
                yield Dropped(id=document.id, reason=f"under {self.at_least} {unit}")
            elif self.at_most is not None and length > self.at_most:
                yield Dropped(id=document.id, reason=f"over {self.at_most} {unit}")
            else:
                yield document


class Quality(Filter):
    """Drop documents that are hardly prose: symbols, shouting, repetition, bare links.

    The rules are of the kind of Gopher's (Rae et al. 2021, arXiv 2112.11446, appendix A) with
    limits for posts, which are shorter than web pages. They say nothing of what a text means. A
    document that breaks several is dropped for the first, in the order of the fields.

    >>> text = Document(id="a", text="WAKE UP PEOPLE this is it, go and VOTE THEM OUT NOW")
    >>> [row.reason for row in Quality().apply([text])]
    ['mostly capitals']
    """

    letters: Share = 0.6
    """The least share of letters among the signs that are no spaces."""
    capitals: Share = 0.5
    """The greatest share of words in capitals, among those of two letters and more."""
    repeated_words: Share = 0.4
    """The greatest share of words that are the commonest one, in texts of ten words and more."""
    repeated_lines: Share = 0.3
    """The greatest share of lines that repeat an earlier one."""
    links: Share = 0.3
    """The greatest share of words that are links."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        for document in documents:
            reason = self._reason(document.text)
            yield Dropped(id=document.id, reason=reason) if reason else document

    def _reason(self, text: str) -> str | None:
        words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
        long = [word for word in words if sum(map(str.isalpha, word)) > 1]
        signs = sum(map(len, words))
        broken = {
            "few letters": sum(map(str.isalpha, text)) < self.letters * signs or not signs,
            "mostly capitals": sum(map(str.isupper, long)) > self.capitals * len(long),
            "one word over and over": len(words) >= ENOUGH
            and _commonest(words) > self.repeated_words * len(words),
            "lines repeated": len(lines) - len({*lines}) > self.repeated_lines * len(lines),
            "mostly links": sum(map(bool, map(LINK.match, words))) > self.links * len(words),
        }
        return next((reason for reason, holds in broken.items() if holds), None)


class Language(Filter):
    """Keep documents in some languages, detected by py3langid.

    Its model comes with the package and always answers alike. Of 950 English posts and quotations,
    down to five words, it knew 98 %; of 3,200 in eight other languages it took 0.3 % for English.

    >>> german = Document(id="de", text="Das Wetter ist heute schlecht.")
    >>> [row.reason for row in Language(keep=["en", "fr"]).apply([german])]
    ['another language']
    """

    keep: Annotated[tuple[Code, ...], Field(min_length=1)]
    """ISO 639-1 codes, such as `en`."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        detector = LanguageIdentifier.from_model_file(MODEL_FILE)
        if unknown := set(self.keep) - set(detector.nb_classes):
            message = f"language: no such code: {', '.join(sorted(unknown))}; write ISO 639-1 codes"
            raise DataError(message)
        for document in documents:
            language, _ = detector.classify(document.text)
            known = language in self.keep
            yield document if known else Dropped(id=document.id, reason="another language")


class Unique(Filter):
    """Keep the first of documents that differ in nothing but case and spaces.

    What it remembers is kept on disk.

    >>> texts = ["Lower  taxes!", "lower taxes!", "Lower taxes?"]
    >>> documents = [Document(id=str(n), text=text) for n, text in enumerate(texts)]
    >>> [row.id for row in Unique().apply(documents) if isinstance(row, Document)]
    ['0', '2']
    """

    scope = "whole_stream"

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        with keys() as seen:
            for document in documents:
                first = seen.add(text_key(document.text))
                yield document if first else Dropped(id=document.id, reason="repeated text")


def text_key(text: str) -> bytes:
    """Return what is the same for texts that differ in nothing but case and spaces."""
    return blake2b(" ".join(text.casefold().split()).encode(), digest_size=16).digest()


def _words(text: str) -> int:
    return len(text.split())


def _tokens(model: str) -> Callable[[str], int]:
    """Return what counts a text's tokens. Raises ModelError where the model has no tokenizer."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except (OSError, ValueError) as error:
        message = f"length: the tokenizer of {model!r} cannot be loaded: {one_line(error)}"
        raise ModelError(message) from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False, verbose=False))


def _commonest(words: Sequence[str]) -> int:
    return Counter(map(str.casefold, words)).most_common(1)[0][1]


@hookimpl
def politune_filters() -> Mapping[str, type[Filter]]:
    return {
        "language": Language,
        "length": Length,
        "min-words": MinWords,
        "quality": Quality,
        "unique": Unique,
    }
