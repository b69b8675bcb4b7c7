"""The names that a plugin may rely on: a change here is a change of the contract."""

import politune_harness
from politune_harness import testing

NAMES = """
    Answer BudgetError Completion DataError Document Dropped Engine Filter Generator HarnessError
    InputFiles InputPath InstructionWriter Metric ModelError ModelName ModelRef Note PairFilter
    PluginError Preference Prompt RecipeError Ruling Score ServiceError Shard Source Trainer Watch
    hookimpl track working
"""
FOR_TESTS = "Scripted UPDATE golden run_recipe tiny_model tiny_tokenizer"


def test_the_public_names_are_these() -> None:
    assert sorted(politune_harness.__all__) == sorted(NAMES.split())
    assert sorted(testing.__all__) == sorted(FOR_TESTS.split())


def test_each_says_what_it_is() -> None:
    typed = {"InputFiles", "InputPath", "ModelName", "Shard", "hookimpl"}
    for name in set(politune_harness.__all__) - typed:
        assert getattr(politune_harness, name).__doc__, name
    for name in set(testing.__all__) - {"UPDATE"}:
        assert getattr(testing, name).__doc__, name
