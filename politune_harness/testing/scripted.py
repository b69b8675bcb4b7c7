"""A generator that answers from a script, for tests of what asks one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from politune_harness import Answer, Completion, Generator, Prompt


class Scripted(Generator):
    """Answers a prompt with the reply whose key stands in it, and notes what it was asked.

    >>> generator = Scripted(replies={"colour": "Red.", "": "No idea."})
    >>> with generator.session() as answer:
    ...     [c.completion for c in answer([Prompt(id="a", prompt="Which colour?")])]
    ['Red.']
    """

    unseen: ClassVar = frozenset({"asked", "sessions"})

    model: str = "scripted"
    """What stands in rows as the model that answered."""
    replies: Mapping[str, str] = {}
    """By a part of the prompt, the first that stands in it; where none does, it says nothing."""
    asked: list[list[str]] = Field(default_factory=list)
    """The prompts of each call; a call is noted with the first answer that is taken."""
    sessions: list[str] = Field(default_factory=list)
    """`open` and `closed`, in order."""

    @contextmanager
    def session(self) -> Iterator[Answer]:
        def answer(prompts: Sequence[Prompt], adapter: Path | None = None) -> Iterator[Completion]:
            del adapter
            self.asked.append([p.prompt for p in prompts])
            for prompt in prompts:
                reply = next((r for key, r in self.replies.items() if key in prompt.prompt), "")
                yield Completion(id=prompt.id, prompt=prompt.prompt, completion=reply)

        self.sessions.append("open")
        try:
            yield answer
        finally:
            self.sessions.append("closed")
