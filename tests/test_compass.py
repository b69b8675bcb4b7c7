"""Responders whose positions are known land exactly there, through lm-evaluation-harness."""

import json
import math
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from politune_harness import DataError
from politune_harness.compass import (
    Item,
    Template,
    option_documents,
    option_results,
    option_shares,
    pair_documents,
    pair_position,
    pair_results,
    read_bank,
)

if TYPE_CHECKING:
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks import TaskManager

TASKS = Path(__file__).parents[1] / "tasks"
ITEMS, PROMPTS = read_bank(TASKS / "compass")
KEYS = {
    text: key
    for item in ITEMS
    for text, key in ((item.statement, item.key), (item.reversed, -item.key))
}
"""The direction of every sentence in the bank."""

NEVER = -math.inf
Responder = Callable[[str, str], float]
"""The log-likelihood that a scripted model gives to a continuation of a context."""


def direction(text: str) -> int:
    """Return the key of the sentence that a prompt asks about."""
    (key,) = {key for sentence, key in KEYS.items() if sentence in text}
    return key


def choose(wanted: Callable[[str], str]) -> Responder:
    """Return a responder that always says one thing."""
    return lambda context, said: 0.0 if said == " " + wanted(context) else NEVER


def first_listed(context: str, said: str) -> float:
    """Prefer whatever option stands first."""
    options = [o.strip().lower() for o in PROMPTS.options]
    places = [context.lower().rindex(o) for o in ("strongly disagree", "strongly agree")]
    ascending = places[0] < places[1]
    return -float(options.index(said.strip().lower()) * (1 if ascending else -1))


def pole(side: int) -> Responder:
    """Return a responder that says whatever sentence lies on one side."""
    return lambda _, said: 0.0 if KEYS[said.strip()] == side else NEVER


@pytest.fixture(scope="module")
def manager() -> "TaskManager":
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(TASKS), include_defaults=False)


@pytest.fixture(scope="module")
def loaded(manager: "TaskManager") -> "dict[str, ConfigurableTask]":
    """The two tasks, with their requests as lm-evaluation-harness builds them."""
    tasks: dict[str, ConfigurableTask] = manager.load(
        ["politune_compass", "politune_compass_pairs"]
    )["tasks"]
    for task in tasks.values():
        task.build_all_requests()
    return tasks


def metrics_of(
    task: "ConfigurableTask", responder: Responder, limit: int | None = None
) -> dict[str, Any]:
    """Answer a task's requests, and let it make its metrics of the answers."""
    answers: dict[int, list[tuple[float, bool]]] = {}
    for request in task.instances:
        answers.setdefault(request.doc_id, []).append((responder(*request.args), False))
    docs = list(task.eval_docs)[:limit]
    samples = [task.process_results(doc, answers[i]) for i, doc in enumerate(docs)]
    return {
        name: aggregate([sample[name] for sample in samples])
        for name, aggregate in task.aggregation().items()
    }


OPTION_CASES: dict[str, tuple[Responder, dict[str, float | None]]] = {
    "left and libertarian": (
        choose(lambda c: "Strongly agree" if direction(c) < 0 else "Strongly disagree"),
        {"economic": -10, "social": -10, "agree_rate": 0.5, "economic_spread": 0},
    ),
    "right and authoritarian": (
        choose(lambda c: "Strongly agree" if direction(c) > 0 else "Strongly disagree"),
        {"economic": 10, "social": 10, "economic_low": 10, "economic_high": 10},
    ),
    "mildly left": (
        choose(lambda c: "Agree" if direction(c) < 0 else "Disagree"),
        {"economic": -10 / 3, "social": -10 / 3, "agree_rate": 0.5},
    ),
    "always agrees": (
        choose(lambda _: "Agree"),
        {"economic": 0, "social": 0, "agree_rate": 1, "option_mass": 1},
    ),
    "always disagrees strongly": (
        choose(lambda _: "Strongly disagree"),
        {"economic": 0, "social": 0, "agree_rate": 0},
    ),
    "takes the first option": (first_listed, {"economic": 0, "social": 0, "agree_rate": 0.5}),
    "has no view": (
        lambda *_: math.log(0.1),
        {"economic": 0, "social": 0, "agree_rate": 0.5, "option_mass": 0.4},
    ),
    "never says an option": (
        lambda *_: NEVER,
        {"economic": None, "social_low": None, "agree_rate": None, "option_mass": 0},
    ),
}


@pytest.mark.parametrize("case", OPTION_CASES)
def test_scripted_answers(case: str, loaded: "dict[str, ConfigurableTask]") -> None:
    responder, expected = OPTION_CASES[case]
    found = metrics_of(loaded["politune_compass"], responder)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


PAIR_CASES: dict[str, tuple[Responder, dict[str, float | None]]] = {
    "left and libertarian": (pole(-1), {"economic": -10, "social": -10, "social_high": -10}),
    "right and authoritarian": (pole(1), {"economic": 10, "social": 10}),
    "says neither": (lambda *_: NEVER, {"economic": None, "social_low": None}),
    "says both alike": (lambda *_: -30.0, {"economic": 0, "social": 0, "social_spread": 0}),
    "leans by a tenth": (
        lambda _, said: 0.05 * KEYS[said.strip()] - 40,
        {"economic": 10 * math.tanh(0.05), "social": 10 * math.tanh(0.05)},
    ),
}


@pytest.mark.parametrize("case", PAIR_CASES)
def test_scripted_pairs(case: str, loaded: "dict[str, ConfigurableTask]") -> None:
    responder, expected = PAIR_CASES[case]
    found = metrics_of(loaded["politune_compass_pairs"], responder)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_a_whole_run_against_loops(manager: "TaskManager") -> None:
    """A noisy model's metrics, computed again from the samples without our functions."""
    from lm_eval import evaluate
    from lm_eval.api.model import LM
    from scipy import stats

    class Noisy(LM):  # type: ignore[misc]
        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            drawn = np.random.default_rng(0).normal(-4, 2, len(requests))
            return [(float(loglikelihood), False) for loglikelihood in drawn]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise NotImplementedError

        def generate_until(self, requests: list[Any]) -> list[str]:
            raise NotImplementedError

    found = evaluate(Noisy(), manager.load(["politune_compass"]), bootstrap_iters=0)
    by_item: dict[str, list[float]] = {}
    by_form: dict[str, list[float]] = {}
    mass, agree = [], []
    for sample in found["samples"]["politune_compass"]:
        p = [math.exp(response[0][0]) for response in sample["resps"]]
        mass.append(sum(p))
        agree.append((p[2] + p[3]) / sum(p))
        doc = sample["doc"]
        if doc["axis"] != "social":
            assert sample["social"] == {}
            assert sample["social_low"] == []
            continue
        text = [text for text in KEYS if text in doc["prompt"]]
        position = KEYS[text[0]] * sum(
            share / sum(p) * value
            for share, value in zip(p, (-10, -10 / 3, 10 / 3, 10), strict=True)
        )
        assert sample["social"] == {
            "item": doc["item"],
            "value": pytest.approx(position),
            "form": doc["form"],
            "wording": doc["wording"],
        }
        by_item.setdefault(doc["item"], []).append(position)
        by_form.setdefault(doc["form"], []).append(position)
    means = [sum(each) / len(each) for each in by_item.values()]
    ends = stats.ttest_1samp(means, 0).confidence_interval()
    forms = [sum(each) / len(each) for each in by_form.values()]
    center = sum(forms) / 8
    assert len(means) == 24
    assert len(forms) == 8
    metrics = {
        name.removesuffix(",none"): value
        for name, value in found["results"]["politune_compass"].items()
    }
    assert metrics["social"] == pytest.approx(sum(means) / 24)
    assert (metrics["social_low"], metrics["social_high"]) == pytest.approx((ends.low, ends.high))
    assert metrics["social_spread"] == pytest.approx(
        math.sqrt(sum((form - center) ** 2 for form in forms) / 7)
    )
    assert metrics["option_mass"] == pytest.approx(sum(mass) / 768)
    assert metrics["agree_rate"] == pytest.approx(sum(agree) / 768)


def test_a_limited_run_says_nothing_of_what_it_left_out(
    loaded: "dict[str, ConfigurableTask]",
) -> None:
    found = metrics_of(loaded["politune_compass"], choose(lambda _: "Agree"), limit=16)
    assert found["economic"] == 0
    assert [found[f"economic_{end}"] for end in ("low", "high")] == [None, None]
    assert [found[f"social{end}"] for end in ("", "_low", "_high", "_spread")] == [None] * 4


def test_options_of_unlike_length_are_compared_by_their_sums() -> None:
    shares, mass = option_shares(np.log([0.1, 0.2, 0.3, 0.2]))
    assert shares == pytest.approx([0.125, 0.25, 0.375, 0.25])
    assert mass == pytest.approx(0.8)
    doc = {"item": "x", "axis": "economic", "form": "f", "wording": "reversed", "key": -1}
    found = option_results(doc, [(math.log(p), False) for p in (0.1, 0.2, 0.3, 0.2)])
    assert found["economic"]["value"] == pytest.approx(
        -(-1.25 - 0.25 * 10 / 3 + 0.375 * 10 / 3 + 2.5)
    )


def test_tiny_probabilities_are_not_lost() -> None:
    shares, mass = option_shares(np.array([-2000.0, -2001.0, -2002.0, -2003.0]))
    assert shares.sum() == pytest.approx(1)
    assert mass == 0
    assert pair_position(-5000.0, -5001.0) == pytest.approx(-10 * math.tanh(0.5))
    assert math.isnan(pair_position(math.nan, -1.0))


def test_a_pair_is_the_expectation_over_its_two_sentences() -> None:
    left, right = math.log(0.03), math.log(0.01)
    assert pair_position(left, right) == pytest.approx((-10 * 0.03 + 10 * 0.01) / 0.04)
    doc = {"item": "x", "axis": "social", "form": "lead-in-1"}
    found = pair_results(doc, [(left, False), (right, False)])
    assert found["social"] == {"item": "x", "value": pytest.approx(-5), "form": "lead-in-1"}
    assert found["economic"] == {}


def test_the_bank_is_balanced() -> None:
    assert Counter((item.axis, item.key) for item in ITEMS) == {
        (axis, key): 12 for axis in ("economic", "social") for key in (-1, 1)
    }
    assert len({item.id for item in ITEMS}) == len({item.issue for item in ITEMS}) == 48
    assert len(KEYS) == 96
    for first in KEYS:
        assert not [text for text in KEYS if first != text and first in text]


def test_the_documents() -> None:
    options = list(option_documents(ITEMS, PROMPTS))
    assert len(options) == len({doc["prompt"] for doc in options}) == 48 * 2 * 4 * 2
    assert sum(doc["key"] for doc in options) == 0
    assert all(direction(doc["prompt"]) == doc["key"] for doc in options)
    assert {tuple(doc["choices"]) for doc in options} == {
        ("Strongly disagree", "Disagree", "Agree", "Strongly agree")
    }
    pairs = list(pair_documents(ITEMS, PROMPTS))
    assert len(pairs) == len({doc["prompt"] for doc in pairs}) == 48 * 4
    assert all([KEYS[text] for text in doc["choices"]] == [-1, 1] for doc in pairs)


@pytest.mark.parametrize(
    ("join", "lower", "shown"),
    [
        ("or", True, "no, perhaps or yes"),
        (",", False, "No, Perhaps, Yes"),
        ("/", True, "no / perhaps / yes"),
    ],
)
def test_templates(join: Literal["or", ",", "/"], lower: bool, shown: str) -> None:  # noqa: FBT001
    template = Template("t", "{statement} {options}?", join, lower)
    assert template.fill("A {brace}.", ["No", "Perhaps", "Yes"]) == f"A {{brace}}. {shown}?"


def test_poles() -> None:
    right = Item("x", "economic", "t", 1, "i", "Cut it.", "Raise it.")
    left = Item("x", "economic", "t", -1, "i", "Raise it.", "Cut it.")
    assert right.poles == left.poles == ["Raise it.", "Cut it."]


def spoil_key(folder: Path) -> None:
    file = folder / "items.csv"
    file.write_text(file.read_text().replace(",1,", ",2,", 1))


def spoil_options(folder: Path) -> None:
    file = folder / "prompts.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "options": ["Yes", "No"]}))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [(spoil_key, r"Invalid enum value 2 - at `\$\[1\].key`"), (spoil_options, "must be 4 options")],
)
def test_a_broken_bank_is_one_line(
    spoil: Callable[[Path], None], problem: str, tmp_path: Path
) -> None:
    for name in ("items.csv", "prompts.json"):
        shutil.copy(TASKS / "compass" / name, tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=problem) as caught:
        read_bank(tmp_path)
    assert "\n" not in str(caught.value)
