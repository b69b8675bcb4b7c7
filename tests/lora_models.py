"""Tiny real models and tokenizers, for the tests of the trainer."""

from politune_harness import Preference
from politune_harness.testing.model import CHAT
from politune_harness.testing.model import tiny_model as llama
from politune_harness.testing.model import tiny_tokenizer as tokenizer

__all__ = ["CHAT", "INSTRUCT", "llama", "pairs", "tokenizer"]

INSTRUCT = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}"
    "{{ raise_exception('no system turn') }}{% elif m['role'] == 'user' %}"
    "[INST] {{ m['content'] }} [/INST]{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)
"""As Mistral's first one: no generation prompt, no system turn."""


def pairs(count: int = 24) -> list[Preference]:
    """Return pairs of unlike lengths, whose chosen answers say yes and whose rejected say no."""
    things = ["harbour", "orchard", "meadow", "holiday"]
    return [
        Preference(
            id=f"p{i}",
            prompt=f"Should the {things[i % 4]} be {'much ' * (i % 5)}larger?",
            chosen=f"Yes, the {things[i % 4]} should {'really ' * (i % 3)}be larger.",
            rejected="No." if i % 2 else f"No, I would rather keep the {things[i % 4]} small.",
        )
        for i in range(count)
    ]
