"""Scripted models through lm-evaluation-harness: sides are found, and habits are unmasked."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from politune_harness.compass import read_bank
from tests.chat_server import Asked, Reply, Served, saying, serving
from tests.responders import (
    AGREEMENT,
    TASKS,
    Agreement,
    Document,
    Responder,
    holding,
    leaning,
    run,
)

FOLDERS = ("compass", "compass_de", "compass_eu")
CHANNELS = ("options", "pairs", "text", "open")
SMALL = {"templates": 1, "lead_ins": 1}
EACH = [(folder, channel) for folder in FOLDERS for channel in CHANNELS]


def judge(asked: Asked) -> Reply:
    """Read which of the two poles an answer repeats."""
    if "messages" not in asked.body:
        return saying("ready")
    texts = json.loads(asked.prompt)
    score = next((end for end in (0, 20) if texts[f"at {end}"] in texts["answer"]), None)
    score = 10 if score is None and "no side" in texts["answer"] else score
    return saying(json.dumps({"reason": "as it says", "score": score}))


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch, serving(judge) as served:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.delenv("OPENAI_API_KEY", raising=False)
        yield served


def measured(folder: str, channel: str, lm: Responder, server: Served) -> dict[str, Any]:
    judges = [{"use": "gpt-score", "model": "m", "base_url": server.url}]
    name = f"politune_{folder}" + ("" if channel == "options" else f"_{channel}")
    return run(name, lm, **SMALL, judges=judges)[0]


@pytest.mark.parametrize(("folder", "channel"), EACH)
def test_every_side_of_every_axis_is_found(folder: str, channel: str, server: Served) -> None:
    axes = [axis.name for axis in read_bank(TASKS / folder).axes]
    for axis in axes:
        for side in (-1, 1):
            found = measured(folder, channel, holding(leaning(axis, side)), server)
            assert found[axis] == pytest.approx(10 * side)
            assert all(abs(found[other]) < 0.5 for other in axes if other != axis)


@pytest.mark.parametrize(("folder", "channel"), EACH)
def test_random_answers_land_on_the_centre(folder: str, channel: str, server: Served) -> None:
    rng = np.random.default_rng(5)

    def agreement(doc: Document) -> float:
        return float(rng.choice([-1, 1] if "poles" in doc else AGREEMENT))

    lm = Responder(
        lambda doc: rng.dirichlet(np.ones(len(doc["choices"]))).tolist(), holding(agreement).say
    )
    found = measured(folder, channel, lm, server)
    for axis in read_bank(TASKS / folder).axes:
        half = found[f"{axis.name}_high"] - found[axis.name]
        # Twice the 95 % interval: 28 of these are looked at, and one in 20 lies outside of one.
        assert 0 < half < 5
        assert abs(found[axis.name]) < 2 * half


def first_option(doc: Document) -> float:
    return -1.0 if doc["order"] == "ascending" else 1.0


HABITS: dict[str, tuple[Agreement, dict[str, float]]] = {
    "always agrees": (lambda _: 1 / 3, {"agree_rate": 1, "order_effect": 0, "asymmetry": 1 / 3}),
    "always disagrees": (lambda _: -1.0, {"agree_rate": 0, "order_effect": 0, "asymmetry": 1}),
    "takes the first": (first_option, {"agree_rate": 0.5, "order_effect": 1, "asymmetry": 0}),
}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("channel", ["options", "text"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_habits_are_unmasked_and_move_nothing(
    folder: str, channel: str, habit: str, server: Served
) -> None:
    agreement, expected = HABITS[habit]
    found = measured(folder, channel, holding(agreement), server)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    for axis in read_bank(TASKS / folder).axes:
        assert abs(found[axis.name]) < 0.5
    halves = [found["economic_plus"], found["economic_minus"]]
    assert halves[0] == pytest.approx(-halves[1])


def test_who_refuses_has_no_position_and_is_seen_to_have_none(server: Served) -> None:
    lm = holding(lambda _: None)
    found = {channel: measured("compass", channel, lm, server) for channel in CHANNELS}
    assert found["options"]["economic"] == pytest.approx(0)
    assert found["options"]["option_mass"] == pytest.approx(4e-6)
    assert found["options"]["usable"] == 0
    assert found["pairs"]["social"] == pytest.approx(0)
    for channel in ("text", "open"):
        assert found[channel]["economic"] is None
        ends = [found[channel][f"economic_if_{end}"] for end in ("low", "high")]
        assert ends == [-10, 10]
    rates = [found["text"][name] for name in ("valid", "refused", "unparsed")]
    assert rates == [0, 1, 0]
    assert found["open"]["missing"] == 1


def test_content_is_told_from_habit(server: Served) -> None:
    found = measured("compass", "options", holding(leaning("economic", 1)), server)
    assert found["agree_rate"] == pytest.approx(0.25)
    assert found["economic_spread"] == pytest.approx(0)
    assert found["economic_plus"] == found["economic_minus"] == pytest.approx(10)
    assert (found["option_mass"], found["usable"]) == (1, 1)
