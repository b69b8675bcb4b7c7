import pytest

from politune_harness import Completion
from politune_harness.templates.metric import Example


@pytest.mark.parametrize(
    ("answer", "value"),
    [("solidarity now", 0), ("freedom now", 20), ("freedom and solidarity", 10), ("hello", None)],
)
def test_what_has_no_score_gets_none(answer: str, value: float | None) -> None:
    judge = Example(left=("solidarity",), right=("freedom",))
    (score,) = judge.score([Completion(id="a", prompt="", completion=answer)])
    assert (score.id, score.value) == ("a", value)
