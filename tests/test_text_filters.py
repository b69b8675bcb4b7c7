from collections.abc import Iterator
from pathlib import Path

import pytest
from politune_politosphere import Politosphere
from politune_text_filters import Language, Length, MinWords, Quality, Unique
from pydantic import ValidationError

from politune_harness import DataError, Document, Dropped, Filter, ModelError
from politune_harness.registry import Registry

SHARED = Path(__file__).parents[2] / "shared/data/politosphere/comments_2019-10.bz2"


def documents(*texts: str) -> Iterator[Document]:
    return (Document(id=str(n), text=text) for n, text in enumerate(texts))


def kept(filter_: Filter, *texts: str) -> list[str]:
    rows = list(filter_.apply(documents(*texts)))
    assert [row.id for row in rows] == [str(n) for n in range(len(texts))]
    return [row.text for row in rows if isinstance(row, Document)]


def test_short_documents_are_left_out() -> None:
    assert kept(MinWords(words=3), "one two three", "one two\n", "") == ["one two three"]
    (row,) = MinWords(words=3).apply(documents("no"))
    assert row == Dropped(id="0", reason="under 3 words")


SENTENCES = {
    "en": "The council voted against the new road, and I think that was right.",
    "de": "Der Rat hat gegen die neue Straße gestimmt, und ich finde das richtig.",
    "fr": "Le conseil a voté contre la nouvelle route, et je pense que c'était juste.",
    "es": "El consejo votó contra la nueva carretera, y creo que fue lo correcto.",
    "pl": "Rada głosowała przeciwko nowej drodze i myślę, że słusznie.",
    "ru": "Совет проголосовал против новой дороги, и я думаю, что это правильно.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_each_language_is_told_from_the_others(language: str) -> None:
    assert kept(Language(keep=(language,)), *SENTENCES.values()) == [SENTENCES[language]]


def test_several_languages_may_be_kept() -> None:
    assert len(kept(Language(keep=("en", "fr")), *SENTENCES.values())) == 2


def test_a_language_must_be_a_code_that_is_known() -> None:
    with pytest.raises(ValidationError, match="keep"):
        Language(keep=("english",))
    with pytest.raises(ValidationError, match="keep"):
        Language(keep=())
    with pytest.raises(DataError, match="no such code: zz; write ISO 639-1 codes"):
        list(Language(keep=("en", "zz")).apply(documents("a")))


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/politosphere")
def test_english_comments_are_kept() -> None:
    posts = [row.text for row in Politosphere(path=SHARED).load() if isinstance(row, Document)]
    assert len(kept(Language(keep=("en",)), *posts)) >= 145


def test_the_first_of_repeated_texts_is_kept() -> None:
    texts = ("Keep the park.", " keep  the PARK.\n", "Keep the park!", "Keep the park.")
    assert kept(Unique(), *texts) == ["Keep the park.", "Keep the park!"]
    assert Unique.scope == "whole_stream"


def test_length_counts_words_or_tokens() -> None:
    texts = ("one two", "one two three", "one two three four")
    assert kept(Length(at_least=3, at_most=3), *texts) == ["one two three"]
    with pytest.raises(ValidationError, match="`at_most: 2` is less than `at_least: 3`"):
        Length(at_least=3, at_most=2)
    with pytest.raises(ModelError, match="model '/no/model' is no folder"):
        kept(Length(tokenizer="/no/model"), "a")
    model = str(Registry.installed().models()["quickstart"])
    filter_ = Length(at_most=4, tokenizer=model)
    assert kept(filter_, "Taxes.", "Unheardofwordsarelonger.") == ["Taxes."]
    reason = list(filter_.apply(documents("A word and another and more.")))
    assert reason == [Dropped(id="0", reason="over 4 tokens")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("We should lower the fares, and soon.", None),
        ("Это хорошая мысль, и мы за неё.", None),
        ("", "few letters"),
        ("12 34 %% ++ ok", "few letters"),
        ("VOTE THEM OUT now", "mostly capitals"),
        ("no " * 9 + "maybe yes", "one word over and over"),
        ("Vote!\nVote!\nVote!\nNow or never.", "lines repeated"),
        ("see https://example.org/abcdef", "mostly links"),
    ],
)
def test_what_is_hardly_prose_is_dropped(text: str, reason: str | None) -> None:
    (row,) = Quality().apply(documents(text))
    assert (row.reason if isinstance(row, Dropped) else None) == reason
