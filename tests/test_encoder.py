"""Encoders: toxicity, and a stance learned from another filter, with a tiny BERT."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from politune_asking import UNPARSED
from politune_distilled_stance import DistilledStance
from politune_encoder import Encoder, Tuning
from politune_toxicity import PairToxicity, Toxicity

from politune_harness import DataError, Document, Dropped, Filter, ModelError, Note, Preference

WORDS = ["taxes", "fares", "parks", "buses", "should", "rise", "fall", "the", "a", "and", "vote"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT that knows a few words, with the classes of a toxicity model."""
    return make_bert(tmp_path_factory.mktemp("bert"), WORDS)


def make_bert(folder: Path, words: Sequence[str]) -> Path:
    """Write a BERT of two layers."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder.mkdir(exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        id2label={0: "fine", 1: "toxic"},
        label2id={"fine": 0, "toxic": 1},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_a_model_in_half_precision_is_tuned_in_full(bert: Path, tmp_path: Path) -> None:
    from transformers import BertForSequenceClassification, BertTokenizer

    halved: Any = BertForSequenceClassification.from_pretrained(bert, dtype="float16")
    halved.save_pretrained(tmp_path)
    BertTokenizer(str(bert / "vocab.txt")).save_pretrained(tmp_path)
    encoder = Encoder(str(tmp_path), max_tokens=8, classes=3)
    texts, classes = ["taxes rise", "parks fall", "buses vote"], [0, 1, 2]
    encoder.tuned(texts, classes, Tuning(epochs=20, learning_rate=1e-2), seed=0)
    found = encoder.probabilities(texts)
    assert np.isfinite(found).all()
    assert found[0, 0] > 0.4 > found[1:, 0].max()


def test_a_new_head_is_drawn_with_the_seed(bert: Path, tmp_path: Path) -> None:
    from transformers import BertModel, BertTokenizer

    BertModel.from_pretrained(bert).save_pretrained(tmp_path)
    BertTokenizer(str(bert / "vocab.txt")).save_pretrained(tmp_path)

    def head(seed: int) -> bytes:
        encoder = Encoder(str(tmp_path), max_tokens=8, classes=2, seed=seed)
        return encoder.probabilities(["taxes rise", "parks fall"]).tobytes()

    assert head(1) == head(1) != head(2)


def documents(size: int) -> list[Document]:
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(WORDS, 8)) for _ in range(size)]
    return [Document(id=str(n), text=text) for n, text in enumerate(texts)]


class AboutTaxes(Filter):
    """A teacher that is easy to learn from, and does not read the word `vote`."""

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        for document in documents:
            if document.text.startswith("vote"):
                yield Dropped(id=document.id, reason=UNPARSED)
            elif "taxes" in document.text:
                yield document
            else:
                yield Dropped(id=document.id, reason="not about taxes")


TUNING = {"epochs": 6, "learning_rate": 5e-3}


def distilled(bert: Path, **fields: object) -> DistilledStance:
    given = {"teacher": AboutTaxes(), "model": str(bert), "labelled": 160, "tuning": TUNING}
    return DistilledStance.model_validate({**given, **fields})


@pytest.mark.parametrize("rank", [0, 4])
def test_an_encoder_learns_what_its_teacher_keeps(bert: Path, rank: int) -> None:
    rows = documents(240)
    how = {"epochs": 6, "learning_rate": 2e-2 if rank else 5e-3, "rank": rank}
    filter_ = distilled(bert, precision=0.9, tuning=how)
    note, *out = filter_.apply(rows)
    assert isinstance(note, Note)
    assert "the encoder agrees with its teacher: kappa 0." in note.text.replace("1.00", "0.99")
    assert note.values["n"] == pytest.approx(29, abs=4)
    assert note.values["kappa"] > 0.4
    assert [row.id for row in out] == [row.id for row in rows]
    by_encoder = [d for d, row in zip(rows, out, strict=True) if _by_encoder(row)]
    assert len(by_encoder) == 80
    kept = {row.id for row in out if isinstance(row, Document)}
    right = ["taxes" in d.text for d in by_encoder if d.id in kept]
    assert sum(right) / len(right) > 0.7
    assert [*filter_.apply(rows)] == [note, *out]


def _by_encoder(row: object) -> bool:
    if isinstance(row, Dropped):
        return row.reason == "below the threshold"
    return isinstance(row, Document) and "distilled" in row.metadata


def test_an_encoder_that_does_not_agree_is_not_used(bert: Path) -> None:
    untaught = distilled(bert, tuning={"epochs": 1, "learning_rate": 1e-6}, threshold=0.0)
    rows = untaught.apply(documents(160))
    assert isinstance(next(rows), Note)
    with pytest.raises(DataError, match=r"below `least_kappa: 0.4`: on \d+ held-out documents"):
        next(rows)


def test_what_cannot_be_learned_is_said_before_training(bert: Path) -> None:
    with pytest.raises(DataError, match="too few of either kind"):
        list(distilled(bert).apply(documents(6)))
    noise = distilled(bert, precision=1.0, tuning={"epochs": 1, "learning_rate": 1e-6})
    with pytest.raises(DataError, match=r"no threshold reaches `precision: 1\.0`"):
        list(noise.apply(documents(160)))


def test_toxicity_is_noted_and_bounded(bert: Path) -> None:
    rows = documents(20)
    noted = [row for row in Toxicity(model=str(bert)).apply(rows) if isinstance(row, Document)]
    rates = [row.metadata["toxicity"] for row in noted]
    assert len(set(rates)) > 3
    whole = Encoder(str(bert), max_tokens=256).probabilities([row.text for row in rows])
    assert rates == pytest.approx(whole[:, 1].tolist(), abs=1e-5)
    bound = sorted(rates)[9]
    some = [*Toxicity(model=str(bert), at_most=bound).apply(rows)]
    assert sum(isinstance(row, Document) for row in some) == sum(rate <= bound for rate in rates)
    assert {row.reason for row in some if isinstance(row, Dropped)} == {"too toxic"}


def test_toxicity_of_pairs_is_that_of_either_answer(bert: Path) -> None:
    texts = [row.text for row in documents(8)]
    pairs = [
        Preference(id=str(n), prompt="?", chosen=a, rejected=b)
        for n, (a, b) in enumerate(zip(texts[:4], texts[4:], strict=True))
    ]
    rows = [*PairToxicity(model=str(bert)).apply(pairs, {})]
    rates = [row.metadata["toxicity"] for row in rows if isinstance(row, Preference)]
    alone = list(Toxicity(model=str(bert)).apply(documents(8)))
    assert [rate["chosen"] for rate in rates] == pytest.approx(
        [row.metadata["toxicity"] for row in alone[:4] if isinstance(row, Document)], abs=1e-5
    )
    assert rates[0]["rejected"] != rates[0]["chosen"]


def test_unknown_models_and_classes_are_one_line(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no class 'rude'; it has fine, toxic"):
        list(Toxicity(model=str(bert), label="rude").apply(documents(1)))
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        Encoder(str(tmp_path), max_tokens=8)
    assert "\n" not in str(caught.value)
