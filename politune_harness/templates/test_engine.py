import pytest

from politune_harness.templates.engine import Example


def test_results_come_in_the_order_given() -> None:
    assert list(Example(workers=3).map(abs, range(-9, 0))) == list(range(9, 0, -1))


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(Example().map(int, ["1", "no"]))
