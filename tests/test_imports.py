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

CODE = f"""
import sys
from politune_harness.cli import main
from politune_harness.pipeline import stages
from politune_harness.registry import Registry
Registry.installed()
print(*(m for m in {HEAVY!r} if m in sys.modules))
"""


def test_loading_plugins_imports_nothing_heavy() -> None:
    out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []
