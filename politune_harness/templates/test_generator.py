import sys
from pathlib import Path

import pytest

from politune_harness import ModelError, Prompt, ServiceError
from politune_harness.templates.generator import Example

LOUD = (sys.executable, "-c", "print(input().upper())")
PROMPTS = [Prompt(id="a", prompt="trains"), Prompt(id="b", prompt="roads; echo $HOME")]


def test_every_prompt_is_answered_in_order() -> None:
    with Example(command=LOUD).session() as answer:
        said = {each.id: each.completion for each in answer(PROMPTS)}
    assert said == {"a": "TRAINS", "b": "ROADS; ECHO $HOME"}


def test_what_cannot_be_done_is_an_error_of_one_line() -> None:
    with (
        Example(command=("no-such-program",)).session() as answer,
        pytest.raises(ServiceError, match="no-such-program did not answer"),
    ):
        list(answer(PROMPTS))
    with Example(command=LOUD).session() as answer, pytest.raises(ModelError, match="no adapters"):
        list(answer(PROMPTS, Path("adapter")))
