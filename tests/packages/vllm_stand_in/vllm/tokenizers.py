from typing import Any

from transformers import AutoTokenizer


def get_tokenizer(name: str, *, tokenizer_mode: str, **options: Any) -> Any:
    return AutoTokenizer.from_pretrained(name, **options)
