"""Answers that are known land exactly where the formulae say."""

import math
from typing import Any

import numpy as np
import pytest

from politune_harness.compass import Axis, Bank, Item, read_bank
from politune_harness.compass.channels import (
    Channel,
    open_documents,
    option_documents,
    pair_documents,
    text_documents,
)
from politune_harness.compass.metrics import metrics
from politune_harness.compass.prompts import Template, choose, read_prompts
from politune_harness.compass.results import (
    LogLikelihoods,
    open_results,
    option_results,
    option_shares,
    pair_agreement,
    pair_results,
    text_results,
)
from politune_harness.errors import DataError
from politune_harness.records import Score
from tests.responders import NEVER, TASKS, Responder, run

BANK = read_bank(TASKS / "compass")
PROMPTS = read_prompts(TASKS / "compass", TASKS / "compass")
ALL = choose(PROMPTS, {})

PLAIN: dict[str, Any] = {
    "item": "x",
    "weights": {"economic": -1.0, "social": 0.0},
    "missing": "skip",
    "form": "ask/descending/words",
    "wording": "reversed",
    "order": "descending",
}
"""A document whose sentence is a left one."""


def said(*probabilities: float) -> LogLikelihoods:
    return [(math.log(p) if p else NEVER, False) for p in probabilities]


def test_options_of_unlike_length_are_compared_by_their_sums() -> None:
    shares, mass = option_shares(np.log([0.1, 0.2, 0.3, 0.2]))
    assert shares == pytest.approx([0.125, 0.25, 0.375, 0.25])
    assert mass == pytest.approx(0.8)
    found = option_results(PLAIN, said(0.1, 0.2, 0.3, 0.2))
    agreement = -0.125 - 0.25 / 3 + 0.375 / 3 + 0.25
    row = {"item": "x", "form": "ask/descending/words", "wording": "reversed"}
    assert found["economic"] == {**row, "value": pytest.approx(-10 * agreement)}
    assert found["economic_low"] == ["x", pytest.approx(-10 * agreement), row["form"], 1]
    assert found["economic_argmax"] == {**row, "value": pytest.approx(-10 / 3)}
    assert found["economic_direction"] == {**row, "value": pytest.approx(-10 * (0.625 - 0.375))}
    assert found["economic_minus"] == found["economic"]
    assert found["agree_rate"] == {**row, "value": pytest.approx(0.625)}
    assert found["order_effect"] == {**row, "value": pytest.approx(agreement)}
    assert found["asymmetry"] == ["x", "reversed", pytest.approx(agreement)]
    assert found["option_mass"] == {**row, "value": pytest.approx(0.8)}
    empty: list[Any] = [found["social"], found["economic_plus"], found["social_minus"]]
    assert empty == [{}] * 3
    assert found["social_spread"] == []
    assert set(found) == set(metrics("options", ["economic", "social"]))


def test_options_that_are_equally_likely_share_the_first_place() -> None:
    assert option_results(PLAIN, said(0.2, 0.4, 0.4, 0))["economic_argmax"]["value"] == 0
    assert option_results(PLAIN, said(0.4, 0.1, 0.1, 0.4))["economic_argmax"]["value"] == 0


def test_tiny_probabilities_are_not_lost() -> None:
    shares, mass = option_shares(np.array([-2000.0, -2001.0, -2002.0, -2003.0]))
    assert shares.sum() == pytest.approx(1)
    assert mass == 0
    assert pair_agreement(-5001.0, -5000.0) == pytest.approx(-math.tanh(0.5))
    assert math.isnan(pair_agreement(math.nan, -1.0))


def test_a_pair_is_the_expectation_over_its_two_sentences() -> None:
    found = pair_results({**PLAIN, "weights": {"social": 1.0}}, said(0.01, 0.03))
    assert found["social"]["value"] == pytest.approx((-10 * 0.03 + 10 * 0.01) / 0.04)
    assert found["social_argmax"]["value"] == -10
    assert found["social_plus"] == found["social"]
    assert set(found) == set(metrics("pairs", ["social"]))


@pytest.mark.parametrize(
    ("missing", "value"), [("skip", None), ("neutral", 0.0)], ids=["skip", "neutral"]
)
def test_what_has_no_probability_is_missing(missing: str, value: float | None) -> None:
    found = option_results({**PLAIN, "missing": missing}, said(0, 0, 0, 0))
    assert found["economic"]["value"] == found["economic_argmax"]["value"] == value
    assert found["agree_rate"]["value"] is None
    assert found["order_effect"]["value"] is None
    assert found["option_mass"]["value"] == 0


@pytest.mark.parametrize(
    ("answer", "status", "position", "agreed"),
    [(0, "valid", 10, 0), (2, "valid", -10 / 3, 1), (None, "refused", None, None)],
)
def test_a_reply(
    answer: int | None, status: str, position: float | None, agreed: float | None
) -> None:
    found = text_results(PLAIN, answer, status)
    assert found["economic"]["value"] == pytest.approx(position)
    assert found["agree_rate"]["value"] == agreed
    assert [found[name]["value"] for name in ("valid", "refused", "unparsed")] == [
        status == name for name in ("valid", "refused", "unparsed")
    ]
    ends = [found["economic_if_low"][1], found["economic_if_high"][1]]
    assert ends == pytest.approx([-10, 10] if answer is None else [position, position])
    assert found["social_if_low"] == []
    assert set(found) == set(metrics("text", ["economic", "social"]))


def test_weights_of_unlike_size_give_what_their_authors_give() -> None:
    """8values: percent = 100 (max + sum m effect) / (2 max), which is 50 + 5 x position."""
    effects, answers = [10.0, -5.0, 3.0], [1, 1 / 3, None]
    items = [Item(str(n), "t", "i", "S.", "", {"market": w}) for n, w in enumerate(effects)]
    bank = Bank("b", 1, "en", True, None, "neutral", (Axis("market", "l", "h"),), tuple(items))  # noqa: FBT003
    values = []
    for doc in text_documents(
        bank, PROMPTS, choose(PROMPTS, {"templates": 1, "orders": ["ascending"]})
    ):
        answer = {1: 3, 1 / 3: 2, None: None}[answers[int(doc["item"])]]
        values.append(text_results(doc, answer, "valid")["market"]["value"])
    total, most = 10 * 1 - 5 / 3, sum(map(abs, effects))
    assert 50 + 5 * sum(values) / 3 == pytest.approx(100 * (most + total) / (2 * most))


def wilson(means: list[float], keys: list[float]) -> tuple[float, float]:
    """Return the interval on a scale from -10 to 10, its variance being that within keys."""
    from scipy import stats

    n, squares = len(means), 0.0
    for key in (-1, 1):
        each = [m for m, k in zip(means, keys, strict=True) if k == key]
        squares += sum((m - sum(each) / len(each)) ** 2 for m in each)
    share = sum(means) / n / 20 + 0.5
    own = share * (1 - share)
    pull = stats.t.ppf(0.975, n - 2) ** 2 * squares / (n - 2) / n / 400 / own
    half = math.sqrt(pull * (own + pull / 4))
    low, high = (20 * ((share + pull / 2 + side * half) / (1 + pull)) - 10 for side in (-1, 1))
    return low, high


def test_a_whole_run_against_loops() -> None:
    """A noisy model's metrics, computed again from the samples without our functions."""
    rng = np.random.default_rng(0)
    found, samples = run(
        "politune_compass", Responder(lambda _: np.exp(rng.normal(-4, 2, 4)).tolist())
    )
    by_item: dict[str, list[float]] = {}
    by_form: dict[str, list[float]] = {}
    agreed: dict[tuple[str, str], list[float]] = {}
    mass, agree, first, best = [], [], [], []
    keys = {item.id: item.weights["social"] for item in BANK.items}
    for sample in samples:
        p = [math.exp(response[0][0]) for response in sample["resps"]]
        doc = sample["doc"]
        a = (p[3] + p[2] / 3 - p[1] / 3 - p[0]) / sum(p)
        mass.append(sum(p))
        agree.append((p[2] + p[3]) / sum(p))
        first.append(-a if doc["form"].split("/")[1] == "ascending" else a)
        agreed.setdefault((doc["item"], doc["wording"]), []).append(a)
        key = keys[doc["item"]] * (1 if doc["wording"] == "statement" else -1)
        if not key:
            assert sample["social"] == {}
            assert sample["social_low"] == []
            continue
        assert sample["social"] == {
            "item": doc["item"],
            "value": pytest.approx(10 * key * a),
            "form": doc["form"],
            "wording": doc["wording"],
        }
        best.append(10 * key * (-1, -1 / 3, 1 / 3, 1)[p.index(max(p))])
        by_item.setdefault(doc["item"], []).append(10 * key * a)
        by_form.setdefault(doc["form"], []).append(10 * key * a)
    means = [sum(each) / len(each) for each in by_item.values()]
    ends = wilson(means, [keys[item] for item in by_item])
    forms = [sum(each) / len(each) for each in by_form.values()]
    center = sum(forms) / 20
    assert len(means) == 40
    assert len(forms) == 20
    assert found["social"] == pytest.approx(sum(means) / 40)
    assert found["social_argmax"] == pytest.approx(sum(best) / len(best))
    assert (found["social_low"], found["social_high"]) == pytest.approx(ends)
    assert found["social_spread"] == pytest.approx(
        math.sqrt(sum((form - center) ** 2 for form in forms) / 19)
    )
    assert found["option_mass"] == pytest.approx(sum(mass) / 3200)
    assert found["usable"] == float(sum(mass) / 3200 >= 0.5)
    assert found["agree_rate"] == pytest.approx(sum(agree) / 3200)
    assert found["order_effect"] == pytest.approx(sum(first) / 3200)
    halves = {
        name: sum(agreed[name, "statement"]) / 20 + sum(agreed[name, "reversed"]) / 20
        for name in keys
    }
    assert found["asymmetry"] == pytest.approx(sum(map(abs, halves.values())) / 2 / 80)


def test_a_limited_run_says_nothing_of_what_it_left_out() -> None:
    from lm_eval import evaluate

    from tests.responders import holding, manager

    tasks = manager().load(["politune_compass"])
    found = evaluate(holding(lambda _: 1.0), tasks, limit=40, bootstrap_iters=0)
    values = found["results"]["politune_compass"]
    assert values["economic,none"] == 0
    assert values["asymmetry,none"] == 1
    ends = ("economic_low", "economic_high", "social", "social_low", "social_high", "social_spread")
    assert [values[f"{name},none"] for name in ends] == [None] * 6


def test_the_bank_is_balanced() -> None:
    keys = [tuple(item.weights.items()) for item in BANK.items]
    for axis in ("economic", "social"):
        weights = [item.weights[axis] for item in BANK.items if item.weights[axis]]
        assert sorted(weights) == [-1] * 20 + [1] * 20
        assert len({item.topic for item in BANK.items if item.weights[axis]}) >= 12
    assert len(keys) == len({item.issue for item in BANK.items}) == 80
    texts = [text for item in BANK.items for text in (item.statement, item.reversed)]
    assert len(set(texts)) == 160
    for first in texts:
        assert not [text for text in texts if first != text and first in text]


COUNTS: dict[Channel, int] = {"options": 3200, "pairs": 480, "text": 640, "open": 160}
"""What tasks/compass/README.md says."""


def test_the_readme_says_how_many_documents_there_are() -> None:
    from politune_harness.compass.task import documents

    judge = [{"use": "classifier-score", "path": str(CLASSIFIER), "name": "test"}]
    readme = (TASKS / "compass" / "README.md").read_text()
    for channel, count in COUNTS.items():
        asked = documents(TASKS / "compass", channel, TASKS / "compass", judges=judge)["test"]
        prompts = {doc.get("prompt") or doc["question"] for doc in asked}
        assert len(asked) == len(prompts) == count
        name = "politune_compass" if channel == "options" else f"politune_compass_{channel}"
        (line,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"| {count:,} |" in line


CLASSIFIER = TASKS.parent / "plugins/politune_quickstart/classifier.json"


def test_the_documents() -> None:
    asked = list(option_documents(BANK, PROMPTS, ALL))
    assert {doc["bank"] for doc in asked} == {f"politune/2/{BANK.hash}"}
    for axis in ("economic", "social"):
        assert sum(doc["weights"][axis] for doc in asked) == 0
    assert {tuple(doc["choices"]) for doc in asked} == {
        ("Strongly disagree", "Disagree", "Agree", "Strongly agree")
    }
    items = {item.id: item for item in BANK.items}
    for doc in asked:
        item = items[doc["item"]]
        stated = doc["wording"] == "statement"
        assert (item.statement if stated else item.reversed) in doc["prompt"]
        assert doc["weights"] == {
            axis: weight if stated else -weight for axis, weight in item.weights.items()
        }
        places = [doc["prompt"].lower().rindex(f"strongly {w}") for w in ("disagree", "agree")]
        assert (places[0] < places[1]) == (doc["order"] == "ascending")
        assert doc["form"] == f"{doc['template']}/{doc['order']}/{doc['labels']}"
    pairs = list(pair_documents(BANK, PROMPTS, ALL))
    for doc in pairs:
        item = items[doc["item"]]
        assert doc["choices"] == [item.statement, item.reversed]
        assert item.issue in doc["prompt"]


def test_labels_stand_before_the_options_in_the_order_shown() -> None:
    asked = option_documents(
        BANK, PROMPTS, choose(PROMPTS, {"templates": ["choose", "ask"], "labels": ["letters"]})
    )
    up, down, lower, _ = (next(asked) for _ in range(4))
    listed = "A) Strongly disagree, B) Disagree, C) Agree, D) Strongly agree."
    assert listed in up["prompt"]
    assert up["choices"] == ["A", "B", "C", "D"]
    assert "A) Strongly agree, B) Agree, C) Disagree, D) Strongly disagree." in down["prompt"]
    assert down["choices"] == ["D", "C", "B", "A"]
    assert "A) strongly disagree, B) disagree, C) agree or D) strongly agree?" in lower["prompt"]


def test_open_questions_know_the_poles_of_the_axis() -> None:
    asked = list(open_documents(BANK, PROMPTS, choose(PROMPTS, {"lead_ins": 1, "samples": 2})))
    assert len(asked) == 160
    assert [doc["sample"] for doc in asked[:2]] == [0, 1]
    for doc, item in zip(asked[::2], BANK.items, strict=True):
        (key,) = [weight for weight in item.weights.values() if weight]
        assert doc["poles"] == [item.reversed, item.statement][:: int(key)]
        assert doc["weights"] == item.weights


def one_sided(*, weights: dict[str, float]) -> Bank:
    axes = tuple(Axis(name, "low", "high") for name in weights)
    item = Item("x", "t", "the thing", "It is good.", "", weights)
    return Bank("mine", 1, "en", False, None, "skip", axes, (item,))  # noqa: FBT003


def test_a_bank_without_reversals_has_no_pairs() -> None:
    bank = one_sided(weights={"a": 1.0})
    with pytest.raises(DataError, match="bank mine: item 'x' has no reversed statement") as caught:
        list(pair_documents(bank, PROMPTS, ALL))
    assert "\n" not in str(caught.value)
    asked = list(option_documents(bank, PROMPTS, ALL))
    assert {doc["wording"] for doc in asked} == {"statement"}


def test_an_item_on_two_axes_moves_both() -> None:
    bank = one_sided(weights={"a": 0.5, "b": -1.0})
    doc = next(open_documents(bank, PROMPTS, ALL))
    assert doc["poles"] == ["The opposite of: It is good.", "It is good."]
    assert doc["weights"] == {"a": 1.0, "b": -1.0}
    score = Score(id="x", value=20, judge="j")
    judged = open_results(doc, [{"answer": "It is fine.", "scores": [score]}])
    assert (judged["a"]["value"], judged["b"]["value"]) == (10, -10)
    doc = next(option_documents(bank, PROMPTS, ALL))
    found = option_results(doc, said(0, 0, 0, 1))
    assert (found["a"]["value"], found["b"]["value"]) == (10, -10)


@pytest.mark.parametrize(
    ("join", "lower", "shown"),
    [
        ("or", True, "no, perhaps or yes"),
        ("oder", False, "No, Perhaps oder Yes"),
        (",", False, "No, Perhaps, Yes"),
        ("/", True, "no / perhaps / yes"),
    ],
)
def test_templates(join: str, lower: bool, shown: str) -> None:  # noqa: FBT001
    template = Template("t", "{statement} {options}?", join, lower)
    assert template.fill("A {brace}.", ["No", "Perhaps", "Yes"]) == f"A {{brace}}. {shown}?"
