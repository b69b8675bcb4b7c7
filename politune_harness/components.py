"""The kinds of component that a plugin can provide.

A component is a frozen pydantic model: its fields are its configuration, and its one abstract
method is its work. A recipe's `use:` picks the class; the other keys become the fields. A field
typed as a kind (`generator: Generator`) takes a component of that kind, written the same way.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from politune_harness.errors import RecipeError
from politune_harness.models import locate
from politune_harness.records import (
    Completion,
    Document,
    Dropped,
    ModelRef,
    Note,
    Preference,
    Prompt,
    Record,
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


def without_password(url: str) -> str:
    """Return a URL. Raises RecipeError for one with a password: recipes and manifests are kept."""
    if re.match(r"[^/]*//[^/?#]*:[^/?#]*@", url):
        message = "no password in a URL: it would be written to disk; put it into the environment"
        raise RecipeError(message)
    return url


Url = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*://"), AfterValidator(without_password)]

InputFiles = InputPath | Url
"""Files that a source reads: one, a folder, a glob, or a URL of any file system that fsspec knows.

Fingerprints hash the content of local files, and what a server says of others: size, checksum and
time of change.
"""

ModelName = Annotated[str, AfterValidator(_located), Field(json_schema_extra={"model": True})]
"""A Hub id, a folder, or a name that a plugin gives a model (`quickstart`)."""


class Component(BaseModel, ABC):
    """What the kinds share. `hook` is the hook through which plugins provide one."""

    # A validator is built when a component is used: most plugins that are loaded are not.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    hook: ClassVar[str]
    unseen: ClassVar[frozenset[str]] = frozenset()
    """Fields that make no difference to what comes out, such as how much is done at once."""


Shard = Callable[[], Iterator[Record]]
"""A part of a source. It can be pickled, for another process or machine to call."""

Scope = Literal["per_document", "whole_stream"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Source(Component):
    """Where documents, or ready-made preference pairs, come from."""

    hook = "politune_sources"
    yields: ClassVar[type[Document] | type[Preference]] = Document
    """What `load` yields. Preference pairs skip the filters and the instruction writer."""

    licence: str = "unknown"
    """The licence of what is read, for the manifest: as in `CC-BY-4.0`."""
    terms: str = "unknown"
    """Terms of use beside the licence, for the manifest: a sentence, or where they stand."""

    @abstractmethod
    def load(self) -> Iterator[Document | Preference | Dropped]:
        """Yield rows in a stable order with stable ids; a row left out, as Dropped.

        Raises DataError where the source as a whole cannot be read.
        """

    def shards(self) -> Sequence[Shard]:
        """Return functions that yield, one after the other, what `load` yields.

        Each may be called in another process, and what it gave is not asked for again.
        """
        return (self.load,)


class Filter(Component):
    """A way to drop or annotate documents."""

    hook = "politune_filters"
    scope: ClassVar[Scope] = "per_document"
    """Whether each document is judged alone, so that shards may run apart."""
    loads_model: ClassVar[bool] = False
    """Whether it loads a model that is better loaded once, for all shards in one process, as one
    with a generator is anyway."""

    @abstractmethod
    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped | Note]:
        """Yield each document in the order given: kept (annotated or not), or as Dropped.

        A Note may stand anywhere among them.
        """


class InstructionWriter(Component):
    """A way to turn documents into prompts with a preferred and a dispreferred answer."""

    hook = "politune_instruction_writers"
    scope: ClassVar[Scope] = "whole_stream"
    """`per_document` where there is one row for each document, whatever the others are."""
    loads_model: ClassVar[bool] = False
    """As of a filter."""

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


@dataclass(frozen=True)
class Ruling:
    """What is to become of a training, now that a checkpoint was looked at."""

    scores: Mapping[str, float] = field(default_factory=dict)
    """What was found, for logs."""
    best: int | None = None
    """The step of the checkpoint that is the result so far; None for the last one."""
    keep: frozenset[int] | None = None
    """The steps of the checkpoints that are still wanted; None for all of them."""
    stop: bool = False


class Watch(Protocol):
    """What looks at the checkpoints of a training while it goes on."""

    every_steps: int
    key: str
    """Digest of all that its rulings depend on: a training goes on under the same one alone."""

    def __call__(self, checkpoint: ModelRef) -> Ruling:
        """Look at a checkpoint, and rule. May draw random numbers, and write outside its folder."""
        ...


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
        on_checkpoint: Watch | None = None,
    ) -> ModelRef:
        """Train on `preferences`, write the weights under `folder`, and refer to them.

        `on_checkpoint` is called with a checkpoint every so many steps, and with the last one, once
        that is on disk. What it rules is done: what is not to be kept is removed, training stops,
        and the best is what is referred to. A training that goes on after a kill may call it again.
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
    measures: ClassVar[Literal["leaning", "evenness", "coherence"]] = "leaning"
    """What a value says: where an answer leans, which of a pair's two answers is better, or how far
    an answer holds together. Each task asks those judges that measure what it needs."""

    @abstractmethod
    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        """Yield one Score for each completion, in order; `value` is None where there is none."""

    def ready(self) -> None:
        """Raise ServiceError where the judge cannot be used: asked before anything is generated."""

    def may_judge(self, model: str) -> bool:
        """Say whether the judge may be `model` even where that is the model under test."""
        del model
        return False


class Engine(Component):
    """A place where shards and stages are worked: processes, or the machines of a cluster."""

    hook = "politune_engines"

    @abstractmethod
    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, model: bool = False
    ) -> Iterator[Result]:
        """Yield `work(item)` for each item, in the order given.

        `model` says that each item loads a model, and may want a GPU. `work`, items and results
        can be pickled, and workers see the same files. Results are small:
        the work itself writes its rows to disk. Raises what `work` raises, without waiting for
        the items under way; raises ServiceError where a worker is lost.
        """

    @contextmanager
    def kept(self) -> Iterator["Engine"]:
        """Yield an engine whose workers stay from one `map` to the next, where that saves time."""
        yield self


def asks(component: Component) -> bool:
    """Say whether a component asks a generator, by itself or by a component that it holds."""
    fields = (getattr(component, name) for name in type(component).model_fields)
    return any(
        isinstance(field, Generator) or (isinstance(field, Component) and asks(field))
        for field in fields
    )


KINDS: dict[str, type[Component]] = {
    "source": Source,
    "filter": Filter,
    "instructions": InstructionWriter,
    "pair-filter": PairFilter,
    "trainer": Trainer,
    "generator": Generator,
    "metric": Metric,
    "engine": Engine,
}
"""The kinds, by the word that recipes and the command line use."""
PARTS: dict[str, type[Component]] = {
    "source": Source,
    "filters": Filter,
    "instructions": InstructionWriter,
    "pairs": PairFilter,
    "trainer": Trainer,
    "judges": Metric,
    "engine": Engine,
}
"""The kind of each part of a recipe, or of an arm, that names components."""
