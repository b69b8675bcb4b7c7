from politune_harness import Dropped, Preference
from politune_harness.templates.pair_filter import Example


def test_each_pair_is_kept_or_dropped_in_order() -> None:
    pairs = [
        Preference(id="a", prompt="Trains?", chosen="Yes, and many of them.", rejected="No."),
        Preference(id="b", prompt="Roads?", chosen="Yes.", rejected="No."),
    ]
    assert list(Example(at_most=2).apply(pairs, {})) == [
        Dropped(id="a", reason="answer too long"),
        pairs[1],
    ]
