"""Choose data, fine-tune a model on it, and measure where its politics move and what it costs.

A plugin needs only the names exported here.
"""

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
