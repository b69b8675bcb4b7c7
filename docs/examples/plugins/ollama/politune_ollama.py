"""Answers from a model that Ollama serves, over its own interface (POST /api/chat)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from politune_harness import (
    Answer,
    Completion,
    Generator,
    ModelError,
    Prompt,
    ServiceError,
    hookimpl,
    track,
)


class Ollama(Generator):
    """Ask a local Ollama, one prompt after the other."""

    model: str
    """A model that it has, such as `llama3.1:8b`."""
    url: str = Field(default="http://localhost:11434", pattern="^https?://")
    """Where it listens."""
    max_tokens: PositiveInt = 512
    """Longest answer, in tokens."""
    temperature: NonNegativeFloat = 0.0
    """Sampling temperature."""
    seed: int = 0
    """Of sampling."""
    timeout: PositiveFloat = 300.0
    """How long to wait for an answer, in seconds."""

    @contextmanager
    def session(self) -> Iterator[Answer]:
        yield self._answer

    def _answer(
        self, prompts: Sequence[Prompt], adapter: Path | None = None
    ) -> Iterator[Completion]:
        if adapter is not None:
            message = f"Ollama takes no adapter folders: make a model of {adapter} first"
            raise ModelError(message)
        for prompt in track(prompts, "answering", len(prompts)):
            said = self._ask(prompt)
            tokens = int(said.get("prompt_eval_count", 0)), int(said.get("eval_count", 0))
            text = str(said["message"]["content"])
            yield Completion(id=prompt.id, prompt=prompt.prompt, completion=text, tokens=tokens)

    def _ask(self, prompt: Prompt) -> Mapping:
        turns = [("system", prompt.system), ("user", prompt.prompt)]
        body = {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in turns if text],
            "stream": False,
            "options": {
                "temperature": self.temperature,
                "seed": self.seed,
                "num_predict": self.max_tokens,
            },
        }
        request = Request(f"{self.url}/api/chat", json.dumps(body).encode())
        try:
            with urlopen(request, timeout=self.timeout) as reply:
                return json.load(reply)
        except HTTPError as error:
            message = f"Ollama at {self.url} refused {self.model}: {error.read().decode()[:200]}"
            raise ModelError(message) from error
        except (URLError, TimeoutError) as error:
            message = (
                f"Ollama at {self.url} does not answer ({error}): start it with `ollama serve`"
            )
            raise ServiceError(message) from error


@hookimpl
def politune_generators() -> Mapping[str, type[Generator]]:
    return {"ollama": Ollama}
