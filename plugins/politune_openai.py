"""Answers from any endpoint that speaks OpenAI's chat completions: OpenAI's own, vLLM's, others.

A key is read from the environment when a session starts. It is never a field, so no recipe,
manifest or log can hold it; and OpenAI's key is sent to OpenAI alone.
"""

import collections.abc
import json
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from politune_harness import (
    Answer,
    BudgetError,
    Completion,
    Generator,
    HarnessError,
    ModelError,
    Prompt,
    RecipeError,
    ServiceError,
    hookimpl,
    working,
)
from politune_harness.components import without_password
from politune_harness.errors import one_line
from politune_harness.records import JSON
from politune_harness.retrying import Later, retried
from politune_harness.spending import spending

if TYPE_CHECKING:
    import openai

OWN = "https://api.openai.com/v1"
Endpoint = Annotated[str, Field(pattern="^https?://"), AfterValidator(without_password)]
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""In seconds: before the first repetition, doubled each time, and at the most."""
PATIENCE = 600.0
"""The longest pause that an endpoint may ask for, in seconds; beyond it the request has failed."""
PASSING = frozenset({408, 409, 429})
"""Errors, beside 500 and above, that may pass."""
OVERHEAD = 256
"""More tokens than a template adds to a prompt."""


class OpenAI(Generator):
    """Ask a chat completions endpoint, several prompts at a time, answers in order.

    Rate limits, server errors, timeouts, cut connections and broken replies are tried again with
    growing pauses, or after the pause that the endpoint asks for; meanwhile other prompts are
    asked. Install with `pip install 'politune-harness[openai]'`.
    """

    unseen: ClassVar = frozenset(
        {"api_key_env", "concurrency", "price_in", "price_out", "retries", "timeout"}
    )

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
    price_in: NonNegativeFloat | None = None
    """What a million tokens of prompt cost, in any currency: for `--max-cost` and the spend. It is
    0 where they cost nothing."""
    price_out: NonNegativeFloat | None = None
    """What a million tokens of answer cost."""

    @contextmanager
    def session(self) -> Iterator[Answer]:
        with self._client() as client:
            yield Chat(self, client)

    def ready(self) -> None:
        """Raise ServiceError where the key is missing or refused, or nothing answers.

        Raises RecipeError where a limit is to be held and what answers cost is not known.
        """
        client = self._client()
        import openai

        with client:
            try:
                client.with_options(max_retries=2).models.with_raw_response.list()
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
        self._priced()
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
            max_retries=0,  # tried again here, where a pause holds up nothing else
            timeout=self.timeout,
        )

    def _priced(self) -> None:
        """Raise RecipeError where a limit is to be held and what answers cost is not known."""
        if spending().limited and None in {self.price_in, self.price_out}:
            message = (
                f"{self.model} at {self.base_url}: --max-cost needs its price_in and price_out, "
                "which are 0 where answers cost nothing"
            )
            raise RecipeError(message)

    def cost(self, tokens: tuple[int, int]) -> float:
        """Return what so many tokens of prompt and answer cost."""
        return (tokens[0] * (self.price_in or 0) + tokens[1] * (self.price_out or 0)) / 1e6

    def most(self, prompt: Prompt) -> float:
        """Return more than an answer can cost: no token is shorter than a byte."""
        said = json.dumps([prompt.system, prompt.prompt, self.json_schema], ensure_ascii=False)
        length = len(said.encode("utf-8", "surrogatepass"))
        return self.cost((length + OVERHEAD, self.max_tokens))

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


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Reply(msgspec.Struct):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    usage: _Usage | None = None


class Chat:
    """An open connection to an endpoint."""

    def __init__(self, settings: OpenAI, client: "openai.OpenAI") -> None:
        self._settings, self._client = settings, client
        self._unstructured = settings.json_schema is None
        self._spending = spending()

    def __call__(
        self, prompts: Sequence[Prompt], adapter: Path | None = None
    ) -> Iterator[Completion]:
        """Yield the answers in order. Raises ServiceError at the first that is not to be had."""
        if adapter is not None:
            message = f"generator 'openai' cannot put adapter {adapter} on {self._settings.model}"
            raise ModelError(message)
        early: dict[int, Completion] = {}
        with closing(self.attempts(prompts)) as attempts:
            for place in range(len(prompts)):
                while place not in early:
                    number, row = next(attempts)
                    if isinstance(row, HarnessError):
                        raise row
                    early[number] = row
                yield early.pop(place)

    def attempts(
        self, prompts: Sequence[Prompt]
    ) -> collections.abc.Generator[tuple[int, Completion | HarnessError]]:
        """Yield each prompt's number and its answer, or why there is none, as they come."""
        asked: collections.abc.Generator[tuple[int, Completion | HarnessError]]
        asked = retried(self._attempt, prompts, self._settings.concurrency)
        with (
            working(f"asking {self._settings.model}", len(prompts)) as work,
            closing(asked) as rows,
        ):
            for row in rows:
                work.advance()
                if spent := self._spending.spent:
                    work.rename(f"asking {self._settings.model}, {spent:.4f} spent")
                yield row

    def _attempt(self, prompt: Prompt, before: int) -> Completion | HarnessError | Later:
        """Ask once. What a reply costs that did not come whole is taken to be the most it can."""
        import openai

        s = self._settings
        paid = most = s.most(prompt)
        try:
            self._spending.set_aside(most)
        except BudgetError as error:
            return error
        try:
            reply = self._ask(prompt)
            message, usage = reply.choices[0].message, reply.usage
            tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else None
            paid = s.cost(tokens) if tokens else most
            text = message.content or message.refusal or ""
            return Completion(id=prompt.id, prompt=prompt.prompt, completion=text, tokens=tokens)
        except openai.APIStatusError as error:
            paid = 0.0
            return self._later(
                error, before, _asked_pause(error.response.headers), passes=_passes(error)
            )
        except (openai.OpenAIError, msgspec.DecodeError) as error:
            passes = isinstance(error, (openai.APIConnectionError, msgspec.DecodeError))
            return self._later(error, before, 0.0, passes=passes)
        finally:
            self._spending.settle(most, paid)

    def _later(
        self,
        error: Exception,
        before: int,
        asked: float,
        *,
        passes: bool,
    ) -> Later | ServiceError:
        if not passes or before >= self._settings.retries or asked > PATIENCE:
            return self._settings.failure(error)
        grown = min(FIRST_PAUSE * 2**before, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311
        return Later(asked or grown)

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
        try:
            return msgspec.json.decode(raw.content, type=_Reply)
        except RecursionError as error:
            raise msgspec.DecodeError(str(error)) from None


def _passes(error: "openai.APIStatusError") -> bool:
    """Say whether an error may be gone the next time; an account without money stays so."""
    status = error.status_code
    return (status in PASSING or status >= 500) and error.code != "insufficient_quota"  # noqa: PLR2004


def _asked_pause(headers: Mapping[str, str]) -> float:
    """Return the seconds that an endpoint asks to wait, by number or by date; 0 for none.

    >>> _asked_pause({"retry-after": "1.5"}), _asked_pause({"retry-after": "soon"})
    (1.5, 0.0)
    """
    if (asked := headers.get("retry-after")) is None:
        return 0.0
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return 0.0


@hookimpl
def politune_generators() -> Mapping[str, type[Generator]]:
    return {"openai": OpenAI}
