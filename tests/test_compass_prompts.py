"""What is asked is chosen by metadata, and a wrong name is one line."""

from collections.abc import Mapping
from typing import Any

import pytest

from politune_harness import RecipeError
from politune_harness.compass.prompts import choose, read_prompts
from tests.responders import TASKS, manager

PROMPTS = read_prompts(TASKS / "compass", TASKS / "compass")


def test_there_is_enough_to_vary() -> None:
    assert [template.id for template in PROMPTS.templates[:4]] == [
        "ask",
        "choose",
        "closest",
        "reply",
    ]
    assert len({template.id for template in PROMPTS.templates}) >= 10
    assert len({template.text for template in PROMPTS.templates}) >= 10
    assert len(set(PROMPTS.lead_ins)) >= 6
    assert {"letters", "digits", "neutral"} <= set(PROMPTS.labels)


def test_everything_is_asked_unless_something_is_chosen() -> None:
    found = choose(PROMPTS, {})
    assert (found.templates, found.orders) == (PROMPTS.templates, PROMPTS.orders)
    assert found.labels == ("words",)
    assert found.samples == 1
    assert list(found.lead_ins)[::5] == ["lead-in-1", "lead-in-6"]
    assert len(list(found.forms())) == 20


def test_a_number_takes_the_first_and_a_list_what_it_names() -> None:
    given: Mapping[str, Any] = {
        "templates": 3,
        "orders": ["descending"],
        "labels": ["digits", "words", "digits"],
        "lead_ins": ["lead-in-2"],
        "samples": 4,
    }
    found = choose(PROMPTS, given, templates=1, lead_ins=5)
    assert [template.id for template in found.templates] == ["ask", "choose", "closest"]
    assert [*found.orders, *found.labels] == ["descending", "digits", "words"]
    assert found.lead_ins == {"lead-in-2": PROMPTS.lead_ins[1]}
    assert found.samples == 4
    assert len(choose(PROMPTS, {}, templates=1, lead_ins=5).lead_ins) == 5


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "id": (
        {"templates": ["ask", "chose"]},
        "templates: there is no 'chose'; did you mean 'choose'?",
    ),
    "order": ({"orders": ["ascend"]}, "orders: there is no 'ascend'; did you mean 'ascending'?"),
    "labels": ({"labels": ["letter"]}, "labels: there is no 'letter'; did you mean 'letters'?"),
    "lead-in": ({"lead_ins": [1]}, "lead_ins: there is no 1; "),
    "none": ({"templates": 0}, "templates must be a number from 1 to 10 or a list of ask, choose"),
    "many": ({"lead_ins": 99}, "lead_ins must be a number from 1 to 6 or a list of lead-in-1"),
    "nothing": ({"templates": []}, "templates must be a number"),
    "text": ({"labels": "letters"}, "labels must be a number from 1 to 4 or a list of words"),
    "truth": ({"templates": True}, "templates must be a number"),
    "samples": ({"samples": 0}, "samples must be a whole number of at least 1, not 0"),
    "half": ({"samples": 1.5}, "samples must be a whole number of at least 1, not 1.5"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_choice_is_one_line(case: str) -> None:
    given, problem = WRONG[case]
    with pytest.raises(RecipeError) as caught:
        choose(PROMPTS, given)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_metadata_reaches_the_documents_and_the_results() -> None:
    chosen = {"templates": ["reply"], "labels": ["neutral"], "orders": ["descending"]}
    task = manager(**chosen).load(["politune_compass"])["tasks"]["politune_compass"]
    (first, *_), asked = task.eval_docs, task.config.metadata["instrument"]["asked"]
    assert len(task.eval_docs) == 160
    assert asked == chosen
    assert first["choices"] == ["W", "R", "M", "K"]
    assert "K) Strongly agree, M) Agree, R) Disagree, W) Strongly disagree." in first["prompt"]
    assert "order_effect" not in task.aggregation()


def test_a_wrong_choice_is_heard_before_anything_is_asked() -> None:
    with pytest.raises(RecipeError, match="did you mean 'letters'"):
        manager(labels=["letter"]).load(["politune_compass"])
