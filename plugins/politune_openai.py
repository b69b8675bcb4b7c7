"""Answers from any endpoint that speaks OpenAI's chat completions: OpenAI's own, vLLM's, others.

A key is read from the environment when a session starts. It is never a field, so no recipe,
manifest or log can hold it; and OpenAI's key is sent to OpenAI alone.
"""

import collections.abc
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from politune_harness import (
    Answer,
    Completion,
    Generator,
    ModelError,
    Prompt,
    ServiceError,
    hookimpl,
    working,
)
from politune_harness.errors import one_line
from politune_harness.records import JSON

if TYPE_CHECKING:
    import openai

OWN = "https://api.openai.com/v1"
Endpoint = Annotated[str, Field(pattern="^https?://")]


class OpenAI(Generator):
    """Ask a chat completions endpoint, several prompts at a time, answers in order.

    Rate limits, server errors, timeouts and broken replies are tried again with growing pauses,
    or after the pause that the endpoint asks for. Install with
    `pip install 'politune-harness[openai]'`.
    """

    model: str
    """The model's name, as the endpoint knows it."""
    base_url: Endpoint = OWN
    """Where the endpoint is, such as `http://localhost:8000/v1`."""
    api_key_env: str | None = None
    """Environment variable that holds the key. By default OPENAI_API_KEY for OpenAI itself, and
    no key for others."""
    max_tokens: PositiveInt = 512
    """Longest answer, in tokens."""
    temperature: NonNegativeFloat | None = 0.0
    """Sampling temperature; null leaves it to models that allow no choice."""
    seed: int | None = None
    """Sent along where given: endpoints differ in what they make of it."""
    json_schema: Mapping[str, JSON] | None = None
    """JSON Schema that answers must follow, where the endpoint can hold a model to one."""
    concurrency: PositiveInt = 8
    """How many prompts are under way at once."""
    retries: NonNegativeInt = 5
    """How often a request that failed is tried again."""
    timeout: PositiveFloat = 60.0
    """How long to wait for an answer, in seconds."""

    @contextmanager
    def session(self) -> Iterator[Answer]:
        with self._client() as client:
            yield Chat(self, client)

    def ready(self) -> None:
        """Raise ServiceError where the key is missing or refused, or nothing answers."""
        client = self._client()
        import openai

        with client:
            try:
                client.with_options(max_retries=1).models.with_raw_response.list()
            except (
                openai.APIConnectionError,
                openai.AuthenticationError,
                openai.PermissionDeniedError,
            ) as error:
                raise self.failure(error) from None
            except openai.APIStatusError:
                return  # an endpoint without a list of models is one all the same

    @property
    def own(self) -> bool:
        """Whether the endpoint is OpenAI's."""
        return self.base_url.rstrip("/") == OWN

    @property
    def _key_variable(self) -> str | None:
        return self.api_key_env or ("OPENAI_API_KEY" if self.own else None)

    def _client(self) -> "openai.OpenAI":
        variable = self._key_variable
        key = os.environ.get(variable) if variable else "none"
        if not key:
            message = (
                f"{self.model} at {self.base_url} needs a key: set the environment variable "
                f"{variable}, or base_url to an endpoint that needs none"
            )
            raise ServiceError(message)
        try:
            import openai
        except ModuleNotFoundError as error:
            if error.name != "openai":
                raise
            message = "generator 'openai' needs its client: pip install 'politune-harness[openai]'"
            raise ServiceError(message) from None
        return openai.OpenAI(
            api_key=key,
            base_url=self.base_url,
            max_retries=self.retries,
            timeout=self.timeout,
        )

    def failure(self, error: Exception) -> ServiceError:
        """Return what went wrong as one line, without the key, should a server repeat it."""
        import openai

        what = one_line(error)
        if isinstance(error, openai.APITimeoutError):
            what = f"no answer within {self.timeout:g} s"
        elif isinstance(error, openai.APIConnectionError):
            what = f"cannot be reached: {error.__cause__ or error}"
        elif isinstance(error, openai.AuthenticationError):
            what = f"the key was refused (401): check {self._key_variable or 'api_key_env'}"
        elif isinstance(error, msgspec.DecodeError):
            what = f"the reply is no chat completion: {error}"
        if key := os.environ.get(self._key_variable or ""):
            what = what.replace(key, "(key)")
        return ServiceError(f"{self.model} at {self.base_url}: {what}")


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Reply(msgspec.Struct):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]


class Chat:
    """An open connection to an endpoint."""

    def __init__(self, settings: OpenAI, client: "openai.OpenAI") -> None:
        self._settings, self._client = settings, client
        self._unstructured = settings.json_schema is None

    def __call__(
        self, prompts: Sequence[Prompt], adapter: Path | None = None
    ) -> Iterator[Completion]:
        """Yield the answers in order. Raises ServiceError at the first that is not to be had."""
        if adapter is not None:
            message = f"generator 'openai' cannot put adapter {adapter} on {self._settings.model}"
            raise ModelError(message)
        with closing(self.attempts(prompts)) as attempts:
            for row in attempts:
                if isinstance(row, ServiceError):
                    raise row
                yield row

    def attempts(
        self, prompts: Sequence[Prompt]
    ) -> collections.abc.Generator[Completion | ServiceError]:
        """Yield the answers in order, and an error in the place of each that is not to be had."""
        with (
            ThreadPoolExecutor(self._settings.concurrency) as pool,
            working("asking", len(prompts)) as work,
        ):
            try:
                for row in pool.map(self._attempt, prompts):
                    work.advance()
                    yield row
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _attempt(self, prompt: Prompt) -> Completion | ServiceError:
        import openai

        for n in range(self._settings.retries + 1):
            time.sleep(min(0.25 * 2**n, 8.0) if n else 0)
            try:
                message = self._ask(prompt).choices[0].message
            except openai.OpenAIError as error:  # the client has tried as often as it may
                return self._settings.failure(error)
            except msgspec.DecodeError as error:
                broken = error
            else:
                text = message.content or message.refusal or ""
                return Completion(id=prompt.id, prompt=prompt.prompt, completion=text)
        return self._settings.failure(broken)

    def _ask(self, prompt: Prompt) -> _Reply:
        """Ask for an answer in the schema's shape, or in any shape where that is refused."""
        import openai

        if self._unstructured:
            return self._send(prompt)
        schema = {"name": "answer", "strict": True, "schema": self._settings.json_schema}
        try:
            return self._send(
                prompt, response_format={"type": "json_schema", "json_schema": schema}
            )
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            reply = self._send(prompt)
            self._unstructured = True
            return reply

    def _send(self, prompt: Prompt, **more: object) -> _Reply:
        s = self._settings
        turns = [{"role": "user", "content": prompt.prompt}]
        if prompt.system is not None:
            turns.insert(0, {"role": "system", "content": prompt.system})
        # OpenAI's newer models know only the new name, and other servers often only the old one.
        length = "max_completion_tokens" if s.own else "max_tokens"
        sent = {length: s.max_tokens, "temperature": s.temperature, "seed": s.seed, **more}
        create: Any = self._client.chat.completions.with_raw_response.create
        raw = create(
            model=s.model, messages=turns, **{k: v for k, v in sent.items() if v is not None}
        )
        return msgspec.json.decode(raw.content, type=_Reply)


@hookimpl
def politune_generators() -> Mapping[str, type[Generator]]:
    return {"openai": OpenAI}
