from typing import Any


def resolve_chat_template(tokenizer: Any, **_: Any) -> str | None:
    template: str | None = tokenizer.chat_template
    return template
