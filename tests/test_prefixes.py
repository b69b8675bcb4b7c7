import random
from collections import Counter
from typing import Any

import pytest

from politune_harness.lm_prefixes import Shared, share
from politune_harness.prefixes import Text, common, rows
from tests.test_evaluation import build_model


def texts(count: int = 60) -> list[Text]:
    rng = random.Random(1)  # noqa: S311
    starts = [tuple(rng.randrange(9) for _ in range(20)) for _ in range(4)]
    return [
        Text(n, (*rng.choice(starts), *(rng.randrange(3) for _ in range(rng.randrange(1, 9)))), 2)
        for n in range(count)
    ]


@pytest.mark.parametrize("size", [10, 64, 1000])
def test_rows_hold_every_text_and_each_token_sees_its_own_beginning_alone(size: int) -> None:
    given, found = texts(), list(rows(texts(), size))
    assert sorted(text.number for row in found for text, _ in row.paths) == list(range(len(given)))
    for row in found:
        assert len(row.tokens) <= max(size, *(len(text.tokens) for text, _ in row.paths))
        seen = row.seen()
        for text, path in row.paths:
            assert tuple(row.tokens[place] for place in path) == text.tokens
            assert [row.depths[place] for place in path] == list(range(len(path)))
            for depth, place in enumerate(path):
                assert seen[place].nonzero()[0].tolist() == sorted(path[: depth + 1])
        order, asked = row.order()
        assert sorted(order) == list(range(len(row.tokens)))
        assert {p for text, path in row.paths for p in path[-2:]} == set(order[-asked:])


def test_common_beginnings_are_computed_once() -> None:
    given = texts()
    (row,) = rows(given, 10_000)
    beginnings = {text.tokens[:n] for text in given for n in range(1, len(text.tokens) + 1)}
    assert len(row.tokens) == len(beginnings)
    assert common((), (1,)) == 0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_model(tmp_path_factory.mktemp("prefixes") / "model"))


def hflm(model: str, dtype: str = "float32") -> Any:  # noqa: ANN401
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
    return HFLM(pretrained=base, tokenizer=AutoTokenizer.from_pretrained(model), batch_size=4)


def requests(count: int = 50) -> list[tuple[tuple[str, str], list[int], list[int]]]:
    rng = random.Random(2)  # noqa: S311
    starts = [[rng.randrange(3, 250) for _ in range(30)] for _ in range(5)]
    ends = [[rng.randrange(3, 250) for _ in range(n)] for n in (1, 1, 2, 4)]
    return [
        (("", ""), [*rng.choice(starts), rng.randrange(3, 9)], rng.choice(ends))
        for _ in range(count)
    ]


def test_what_is_shared_gives_what_lm_eval_gives(model: str) -> None:
    asked, plain, shared = requests(), hflm(model), Shared()
    told: list[Any] = plain._loglikelihood_tokens(asked, disable_tqdm=True)
    lm = hflm(model)
    share(lm, shared, remember=True)
    found = lm._loglikelihood_tokens(asked, disable_tqdm=True)
    assert shared.exact
    for (mine, greedy), (theirs, also) in zip(found, told, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)
        assert greedy == also
    assert shared.tokens["computed"] < 0.5 * shared.tokens["requested"]


def test_what_is_shared_is_as_near_the_truth_as_what_is_not(model: str) -> None:
    """Both round; by how much is seen in float64."""
    asked, lm = requests(200), hflm(model)
    exact = [value for value, _ in hflm(model, "float64")._loglikelihood_tokens(asked)]
    plain = [value for value, _ in lm._loglikelihood_tokens(asked)]
    share(lm, Shared(), remember=True)
    shared = [value for value, _ in lm._loglikelihood_tokens(asked)]
    off = [max(abs(a - b) for a, b in zip(exact, some, strict=True)) for some in (plain, shared)]
    assert 0 < off[1] < 3 * off[0] < 1e-4


def test_what_sharing_would_change_lm_eval_computes(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("politune_harness.lm_prefixes.CLOSE", -1.0)
    asked, shared, lm = requests(), Shared(), hflm(model)
    plain = lm._loglikelihood_tokens(asked, disable_tqdm=True)
    share(lm, shared, remember=False)
    assert lm._loglikelihood_tokens(asked, disable_tqdm=True) == plain
    assert shared.exact is False
    one = {tuple(before + after[:-1]) for _, before, after in asked}
    assert shared.tokens == Counter(
        requested=sum(len(b) + len(a) - 1 for _, b, a in asked), computed=sum(map(len, one))
    )


def test_too_long_requests_go_the_old_way(model: str) -> None:
    shared, lm = Shared(), hflm(model)
    share(lm, shared, remember=False)
    long = [(("", ""), [5] * 300, [n]) for n in (3, 4)]
    assert len(lm._loglikelihood_tokens(long, disable_tqdm=True)) == 2
    assert shared.exact is None
