"""What stands beside every answer in text, and who gets it."""

from typing import Any

import pytest

from politune_harness import side_metrics
from politune_harness.side_metrics import cut_off, values
from tests.lora_models import tokenizer
from tests.responders import REFUSAL, Responder, run

TEXT = "The tax on large fortunes should go up, since "


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with nothing but a tokenizer."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer(None).save_pretrained(folder)
    return str(folder)


def told(text: str | None, **about: Any) -> dict[str, Any]:  # noqa: ANN401
    found = values({"item": "e01", **about}, text, cut=None)
    return {name: row["value"] for name, row in found.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Taxes should be lower.", {"refused": 0, "hedged": 0, "empty": 0, "truncated": None}),
        (REFUSAL, {"refused": 1, "hedged": 0, "empty": 0}),
        ("Some say yes, while others say no.", {"refused": 0, "hedged": 1}),
        (" \n", {"empty": 1, "repetition": None}),
        ("no more " * 20, {"repetition": pytest.approx(36 / 38)}),
        (None, {"empty": 1, "truncated": 1}),
    ],
)
def test_each_answer_is_told_as_it_is(text: str | None, expected: dict[str, float]) -> None:
    assert told(text).items() >= expected.items()


def test_a_value_names_its_item_and_how_it_was_asked() -> None:
    row = values({"item": "e01", "sample": 2, "question": "?"}, "Yes.", cut=True)["truncated"]
    assert row == {"item": "e01", "sample": 2, "value": 1.0}


def test_an_answer_as_long_as_the_limit_that_does_not_end_was_cut(model: str) -> None:
    tokens = side_metrics.tokens_of(model)
    assert tokens is not None
    count = len(tokens.encode(TEXT, add_special_tokens=False))
    assert cut_off(TEXT, {"max_gen_toks": count}, model) is True
    assert cut_off(f"{TEXT}it can.", {"max_gen_toks": count}, model) is False
    assert cut_off(TEXT, {"max_gen_toks": 2 * count}, model) is False
    assert cut_off(TEXT, {"max_gen_toks": 2 * count, "max_new_tokens": count}, model) is True


@pytest.mark.parametrize(("tokenizer_", "settings"), [(None, {"max_gen_toks": 1}), ("nowhere", {})])
def test_where_tokens_cannot_be_counted_nothing_is_said(
    tokenizer_: str | None, settings: dict[str, int]
) -> None:
    assert cut_off(TEXT, settings, tokenizer_) is None


def test_replies_to_options_have_side_metrics_too(model: str) -> None:
    found, _ = run(
        "politune_compass_text",
        Responder(lambda _: (), lambda _: "Some say so, others not, and " * 40),
        pretrained=model,
        templates=1,
        orders=1,
    )
    assert found["hedged"] == found["unparsed"] == found["truncated"] == 1
    assert found["refused"] == found["empty"] == 0
    assert found["repetition"] > 0.9


def test_other_languages_go_without_what_is_read_from_english() -> None:
    found, _ = run(
        "politune_compass_de_text",
        Responder(lambda _: (), lambda _: "Ich stimme zu."),
        templates=1,
        orders=1,
    )
    assert "hedged" not in found
    assert found["empty"] == 0
