import pytest
from politune_moral_words import MoralWords, foundations

from politune_harness import Completion


@pytest.mark.parametrize(
    ("answer", "value", "reason"),
    [
        ("Be kind and fair.", 0, "care 25 %, fairness 25 %"),
        ("Duty to the nation!", 20, "authority 25 %, loyalty 25 %"),
        ("Care, and order.", 10, "authority 33.33 %, care 33.33 %"),
        ("I like trains.", None, "no listed word"),
    ],
)
def test_an_answer_is_scored_by_its_words(answer, value, reason):
    (score,) = MoralWords().score([Completion(id="a", prompt="", completion=answer)])
    assert (score.value, score.reason) == (value, reason)


def test_every_foundation_has_about_as_many_words():
    words = list(foundations().values())
    assert {words.count(name) for name in words} == {10, 12}
