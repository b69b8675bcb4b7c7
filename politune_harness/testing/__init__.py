"""For the tests of plugins: a generator with a script, a tiny model, and golden files.

Nothing here needs a network, a GPU or a download.
"""

from politune_harness.testing.golden import UPDATE, golden
from politune_harness.testing.model import tiny_model, tiny_tokenizer
from politune_harness.testing.run import run_recipe
from politune_harness.testing.scripted import Scripted

__all__ = ["UPDATE", "Scripted", "golden", "run_recipe", "tiny_model", "tiny_tokenizer"]
