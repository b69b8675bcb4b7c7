"""Choose data, fine-tune a model on it, and measure where its politics move and what it costs.

A plugin needs only the names exported here. Each is imported when it is first asked for, so that
what needs none of them, such as `politune --help`, starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from politune_harness.components import (
        Answer,
        Engine,
        Filter,
        Generator,
        InputFiles,
        InputPath,
        InstructionWriter,
        Metric,
        ModelName,
        PairFilter,
        Ruling,
        Shard,
        Source,
        Trainer,
        Watch,
    )
    from politune_harness.errors import (
        BudgetError,
        DataError,
        HarnessError,
        ModelError,
        PluginError,
        RecipeError,
        ServiceError,
    )
    from politune_harness.hookspecs import hookimpl
    from politune_harness.progress import track, working
    from politune_harness.records import (
        Completion,
        Document,
        Dropped,
        ModelRef,
        Note,
        Preference,
        Prompt,
        Score,
    )

__all__ = [
    "Answer",
    "BudgetError",
    "Completion",
    "DataError",
    "Document",
    "Dropped",
    "Engine",
    "Filter",
    "Generator",
    "HarnessError",
    "InputFiles",
    "InputPath",
    "InstructionWriter",
    "Metric",
    "ModelError",
    "ModelName",
    "ModelRef",
    "Note",
    "PairFilter",
    "PluginError",
    "Preference",
    "Prompt",
    "RecipeError",
    "Ruling",
    "Score",
    "ServiceError",
    "Shard",
    "Source",
    "Trainer",
    "Watch",
    "hookimpl",
    "track",
    "working",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Return a public name from the first module that has it, the quickest to import first."""
        for module in ("errors", "progress", "records", "components", "hookspecs"):
            if name in __all__ and hasattr(found := import_module(f"{__name__}.{module}"), name):
                return globals().setdefault(name, getattr(found, name))
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
