"""A generator for PoliTune Harness."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import PositiveFloat

from politune_harness import (
    Answer,
    Completion,
    Generator,
    ModelError,
    Prompt,
    ServiceError,
    hookimpl,
)


class Example(Generator):
    """Ask a program on this machine, which reads a prompt and writes an answer."""

    model: str = "unnamed"
    """What stands in manifests as the model that answered."""
    command: tuple[str, ...]
    """The program and its arguments; no shell is involved."""
    timeout: PositiveFloat = 60.0
    """How long to wait for an answer, in seconds."""

    @contextmanager
    def session(self) -> Iterator[Answer]:
        yield self._answer

    def _answer(
        self, prompts: Sequence[Prompt], adapter: Path | None = None
    ) -> Iterator[Completion]:
        if adapter is not None:
            message = f"{self.command[0]} takes no adapters"
            raise ModelError(message)
        for prompt in prompts:
            text = "\n\n".join(filter(None, (prompt.system, prompt.prompt)))
            yield Completion(id=prompt.id, prompt=prompt.prompt, completion=self._ask(text))

    def _ask(self, text: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603
                self.command,
                input=text,
                capture_output=True,
                text=True,
                timeout=self.timeout,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            message = f"{self.command[0]} did not answer: {error}"
            raise ServiceError(message) from error
        return done.stdout.strip()


@hookimpl
def politune_generators() -> Mapping[str, type[Generator]]:
    return {"example": Example}
