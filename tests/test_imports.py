"""Starting must be cheap: heavy libraries wait until a stage runs."""

import subprocess
import sys

from politune_harness.cli.options import KINDS as WORDS
from politune_harness.components import KINDS

HEAVY = (
    "datasets",
    "lm_eval",
    "matplotlib",
    "openai",
    "peft",
    "pyarrow",
    "ray",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
    "vllm",
)

LIGHT = (*HEAVY, "importlib.metadata", "numpy", "pluggy", "pydantic", "yaml")
"""What neither the import of the package nor the help has any use for."""

FIRST = f"""
import sys
import politune_harness
print(*(m for m in {LIGHT!r} if m in sys.modules), file=sys.stderr)
sys.argv = ["politune", "--help"]
try:
    import politune_harness.cli.__main__
except SystemExit:
    print(*(m for m in {LIGHT!r} if m in sys.modules), file=sys.stderr)
"""

LISTED = f"""
import sys
sys.argv = ["politune", "plugins"]
try:
    import politune_harness.cli.__main__
except SystemExit:
    print(*(m for m in (*{HEAVY!r}, "numpy") if m in sys.modules), file=sys.stderr)
"""

CODE = f"""
import sys
from politune_harness.layout import stages
from politune_harness.registry import Registry
Registry.installed()
print(*(m for m in {HEAVY!r} if m in sys.modules))
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_neither_the_import_nor_the_help_imports_anything_but_click() -> None:
    done = run(FIRST)
    assert done.stdout.startswith("Usage: politune")
    assert done.stderr.split() == []


def test_the_list_of_plugins_imports_nothing_heavy() -> None:
    done = run(LISTED)
    assert "politune_sources" in done.stdout
    assert done.stderr.split() == []


def test_loading_plugins_imports_nothing_heavy() -> None:
    assert run(CODE).stdout.split() == []


def test_the_words_for_kinds_are_those_of_the_components() -> None:
    assert tuple(KINDS) == WORDS
