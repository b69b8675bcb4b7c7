"""Starting must be cheap: heavy libraries wait until a stage runs."""

import subprocess
import sys

HEAVY = (
    "datasets",
    "lm_eval",
    "matplotlib",
    "openai",
    "peft",
    "pyarrow",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
    "vllm",
)

FIRST = f"""
import sys
import politune_harness
print(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)
sys.argv = ["politune", "--help"]
try:
    import politune_harness.cli.__main__
except SystemExit:
    print(*(m for m in (*{HEAVY!r}, "numpy") if m in sys.modules), file=sys.stderr)
"""

CODE = f"""
import sys
from politune_harness.cli import main
from politune_harness.pipeline import stages
from politune_harness.registry import Registry
Registry.installed()
print(*(m for m in {HEAVY!r} if m in sys.modules))
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_neither_the_import_nor_the_help_imports_anything_heavy() -> None:
    done = run(FIRST)
    assert done.stdout.startswith("Usage: politune")
    assert done.stderr.split() == []


def test_loading_plugins_imports_nothing_heavy() -> None:
    assert run(CODE).stdout.split() == []
