"""The kinds of component that a plugin can provide.

A component is a frozen pydantic model: its fields are its configuration, and its one abstract
method is its work. A recipe's `use:` picks the class; the other keys become the fields. A field
typed as a kind (`generator: Generator`) takes a component of that kind, written the same way.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from politune_harness.models import locate
from politune_harness.records import (
    Completion,
    Document,
    Dropped,
    ModelRef,
    Note,
    Preference,
    Prompt,
    Score,
)


def _beside_recipe(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    path = path.expanduser()
    return folder / path if folder is not None else path


def _located(model: str, info: ValidationInfo) -> str:
    context = info.context or {}
    return locate(model, context.get("models", {}), context.get("folder"))


InputPath = Annotated[Path, AfterValidator(_beside_recipe)]
"""A file or folder that a component reads; relative ones are taken from the recipe's folder.

Fingerprints hash its content, so a changed file is read again.
"""

ModelName = Annotated[str, AfterValidator(_located), Field(json_schema_extra={"model": True})]
"""A Hub id, a folder, or a name that a plugin gives a model (`quickstart`)."""


class Component(BaseModel, ABC):
    """What the kinds share. `hook` is the hook through which plugins provide one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    hook: ClassVar[str]


class Source(Component):
    """Where documents, or ready-made preference pairs, come from."""

    hook = "politune_sources"
    yields: ClassVar[type[Document] | type[Preference]] = Document
    """What `load` yields. Preference pairs skip the filters and the instruction writer."""

    @abstractmethod
    def load(self) -> Iterator[Document | Preference | Dropped]:
        """Yield rows in a stable order with stable ids; a row left out, as Dropped.

        Raises DataError where the source as a whole cannot be read.
        """


class Filter(Component):
    """A way to drop or annotate documents."""

    hook = "politune_filters"
    scope: ClassVar[Literal["per_document", "whole_stream"]] = "per_document"
    """Whether each document is judged alone, so that shards may run apart."""

    @abstractmethod
    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped | Note]:
        """Yield each document in the order given: kept (annotated or not), or as Dropped.

        A Note may stand anywhere among them.
        """


class InstructionWriter(Component):
    """A way to turn documents into prompts with a preferred and a dispreferred answer."""

    hook = "politune_instruction_writers"

    @abstractmethod
    def write(self, documents: Iterable[Document]) -> Iterator[Preference | Dropped]:
        """Yield a pair, or Dropped, for each document, in the order given."""


class PairFilter(Component):
    """A way to drop, repair, annotate or swap pairs, ready-made or written."""

    hook = "politune_pair_filters"
    compares: ClassVar[bool] = False
    """Whether it looks at the other arms."""

    @abstractmethod
    def apply(
        self, pairs: Iterable[Preference], others: Mapping[str, Iterable[Preference]]
    ) -> Iterator[Preference | Dropped | Note]:
        """Yield each pair in the order given, or Dropped in its place.

        `others` holds the pairs of every other arm as they stand before this filter, where it
        `compares`; all arms see each other alike.
        """


class Trainer(Component):
    """A way to fine-tune a model on preference pairs."""

    hook = "politune_trainers"

    @abstractmethod
    def train(
        self,
        preferences: Sequence[Preference],
        model: ModelRef,
        folder: Path,
        *,
        seed: int,
        on_checkpoint: Callable[[ModelRef], None] | None = None,
    ) -> ModelRef:
        """Train on `preferences`, write the weights under `folder`, and refer to them.

        `on_checkpoint` is called with each intermediate checkpoint once it is on disk.
        """


class Answer(Protocol):
    """A loaded engine: answers prompts as the base model or under an adapter."""

    def __call__(
        self, prompts: Sequence[Prompt], adapter: Path | None = None
    ) -> Iterator[Completion]:
        """Yield one completion for each prompt, in order, with its id."""
        ...


class Generator(Component):
    """A way to answer prompts with a language model."""

    hook = "politune_generators"

    model: ModelName
    """The model that answers: a Hub id, a folder, or a name that a plugin gives one."""

    @abstractmethod
    def session(self) -> AbstractContextManager[Answer]:
        """Load the engine once, and hand out what answers; release it at the end.

        Raises ServiceError where a package, key or server is missing, ModelError where the
        model is.
        """


class Metric(Component):
    """A way to score completions, by a judge that it names."""

    hook = "politune_metrics"

    @abstractmethod
    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        """Yield one Score for each completion, in order; `value` is None where there is none."""

    def ready(self) -> None:
        """Raise ServiceError where the judge cannot be used: asked before anything is generated."""


KINDS: dict[str, type[Component]] = {
    "source": Source,
    "filter": Filter,
    "instructions": InstructionWriter,
    "pair-filter": PairFilter,
    "trainer": Trainer,
    "generator": Generator,
    "metric": Metric,
}
"""The kinds, by the word that recipes and the command line use."""
