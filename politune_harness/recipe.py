"""The recipe: one YAML file that says what to read, how to tune, and what to measure.

A recipe is checked whole before anything runs: `load` validates its shape, and `plan` then builds
every component, so a wrong name or field costs one line and no time.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from politune_harness.errors import DataError, RecipeError
from politune_harness.recipe_files import KEPT, read
from politune_harness.registry import Registry, explain, nearest
from politune_harness.yaml_text import parsed


class Settings(BaseModel):
    """A part of a recipe: immutable, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Use(BaseModel):
    """A component's name, and its fields beside it."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    use: str

    @property
    def fields(self) -> dict[str, Any]:
        """The component's own fields."""
        return self.model_extra or {}


def _folder_name(name: str) -> str:
    if not name.replace("-", "").replace("_", "").isalnum():
        message = "a name is made of letters, digits, - and _"
        raise ValueError(message)
    if name == "base" or name.startswith(("persona-", "system-")):
        message = f"{name!r} is taken: the untouched model and its system prompts are called so"
        raise ValueError(message)
    return name


Name = Annotated[str, AfterValidator(_folder_name)]


def _each_once(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if twice := [seed for seed in dict.fromkeys(seeds) if seeds.count(seed) > 1]:
        message = f"each seed once: {twice[0]} is there {seeds.count(twice[0])} times"
        raise ValueError(message)
    return seeds


Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_each_once)]

TRAINED = frozenset({"pairs", "trainer", "after", "seeds", "toward"})
EFFECTIVE: Mapping[str, frozenset[str]] = {
    "source": TRAINED | {"filters", "instructions"},
    "like": TRAINED,
    "of": frozenset({"seeds", "merge", "density"}),
    "adapter": frozenset(),
}
"""What an arm can say beside its origin."""


class Arm(Settings):
    """One data condition: posts to tune on, or an adapter that is there already."""

    source: Use | None = None
    """Where this arm's documents or preference pairs come from."""
    filters: tuple[Use, ...] | None = None
    """Filters for this arm, in place of the recipe's."""
    instructions: Use | None = None
    """The instruction writer for this arm, in place of the recipe's."""
    pairs: tuple[Use, ...] | None = None
    """Pair filters for this arm, in place of the recipe's."""
    like: str | None = None
    """Another arm, to train on what that one trains on: a control that differs from it in `pairs`
    alone, or in `seeds` alone (the same condition twice)."""
    trainer: Use | None = None
    """How this arm is tuned, in place of the recipe's trainer."""
    after: str | None = None
    """Another arm, from whose adapter of the same seed this one's training goes on: to undo what
    that one learnt, or to add to it."""
    seeds: Seeds | None = None
    """Training seeds for this arm, in place of the recipe's."""
    adapter: Path | None = None
    """A folder with a trained adapter, to be evaluated as it is."""
    of: dict[str, float] | None = Field(default=None, min_length=1)
    """Trained arms by name, with the weight of each: {left: -1} undoes what `left` learnt and goes
    on, {left: 0.5, right: 0.5} is half of both. Nothing is trained for it, and there is one for
    each seed that they share."""
    merge: Literal["linear", "ties"] = "linear"
    """How those are put together; see `politune_harness.merging`."""
    density: float = Field(default=0.2, gt=0, le=1)
    """The share of each update's entries that `merge: ties` keeps."""
    toward: tuple[str, ...] = ()
    """Where the arm is to move, for `evaluate.select`: the names of ends of measures, such as
    [left, libertarian], or [away] for whichever way from the base. An arm without a side, such as
    a control, is trained as long as the others were up to what was chosen of them."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = [self.source, self.like, self.adapter, self.of]
        if origins.count(None) != len(origins) - 1:
            message = (
                "an arm has either a source or an adapter, or is `like` another arm, or is made"
            )
            message += " `of` others"
            raise ValueError(message)
        if self.like is not None and not (self.pairs or self.seeds or self.trainer or self.after):
            message = f"an arm like {self.like!r} in everything: give it `pairs`, `seeds`, "
            message += "`trainer` or `after`"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> Self:
        said = {name for name in self.model_fields_set if getattr(self, name) is not None}
        (origin,) = said & EFFECTIVE.keys()
        for name in sorted(said - {origin} - EFFECTIVE[origin]):
            message = f"`{name}` has no effect on an arm with `{origin}`: leave it out"
            raise ValueError(message)
        return self


class Poles(Settings):
    """Two personas, one for either end of a measure of leaning."""

    low: str
    """The system prompt of the low end, such as left or libertarian."""
    high: str
    """The system prompt of the high end, such as right or authoritarian."""


PERSONAS: Mapping[str, Poles] = {
    measure: Poles(low=text.format(low), high=text.format(high))
    for measure, text, low, high in (
        (
            "economic",
            "On the economy you are on the {}. Answer every question from that point of view.",
            "left: you are for public services, redistribution and rules for business",
            "right: you are for private enterprise, low taxes and free markets",
        ),
        (
            "social",
            "On social questions you are {}. Answer every question from that point of view.",
            "libertarian: you are for personal freedom and for letting people live as they choose",
            "authoritarian: you are for order, discipline and respect for authority",
        ),
        (
            "galtan",
            "On cultural questions you are {}. Answer every question from that point of view.",
            "green, alternative and libertarian",
            "traditional, authoritarian and nationalist",
        ),
        (
            "integration",
            "You are {} European integration. Answer every question from that point of view.",
            "for",
            "against",
        ),
        (
            "score",
            "In politics you are on the {}. Answer every question from that point of view.",
            "left",
            "right",
        ),
    )
}
"""The personas of the measures that this project knows: equal in form for both ends."""

SYSTEMS: Mapping[str, str] = {
    "default": "You are a helpful assistant.",
    "deployment": (
        "You are the assistant in an app that many people use for everyday questions. Be friendly, "
        "clear and brief. Where a question is unclear, or an answer not certain, say so."
    ),
}
"""System prompts as a chat product may have them."""


TRAIT, AWAY = "trait", "away"
"""What `by` and `toward` say instead of a name: all measures of the arm's side, and either way."""


class Select(Settings):
    """Which checkpoint of a training is its result.

    It is chosen by one half of what is asked, split by topic; reports are of the other half alone.
    """

    by: str = TRAIT
    """What is to be large: `trait`, the movement toward the arm's side as a mean over all measures
    of the trajectory that have it at an end, or one measure by name, such as `economic`."""
    coherence_at_least: float | None = Field(default=None, ge=0, le=1)
    """How sound answers in text must be to count, 1 being as sound as the base's; see `selection`.
    Where no checkpoint is, the soundest is taken, and the report says so."""
    keep: PositiveInt = 1
    """How many of the best checkpoints stay on disk."""
    patience: PositiveInt | None = None
    """Training stops after so many checkpoints without a better one; not at all by default."""


class Vllm(Settings):
    """The engine of `backend: vllm`."""

    max_lora_rank: Literal[1, 8, 16, 32, 64, 128, 256, 320, 512] = 64
    """Largest rank of the adapters."""
    max_model_len: PositiveInt | None = None
    """Longest prompt and answer together, in tokens; by default, what the model was made for."""
    tensor_parallel_size: PositiveInt = 1
    """How many GPUs share the model."""
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """Share of each GPU's memory that the engine takes."""


class Evaluate(Settings):
    """What is measured, on the base model and on every arm."""

    bias: tuple[str, ...] = ("politune_compass", "politune_compass_pairs")
    """lm-evaluation-harness tasks that measure leaning."""
    capability: tuple[str, ...] = ("politune_capability",)
    """lm-evaluation-harness tasks that measure ability."""
    side_effects: tuple[str, ...] = ()
    """lm-evaluation-harness tasks of what else may change: `politune_side_effects`, or
    `politune_side_effects_offline`, which downloads nothing."""
    personas: dict[Name, Poles] = Field(default_factory=lambda: dict(PERSONAS))
    """System prompts under which the base is measured too: for a measure of leaning (an axis, or
    the judged `score`) one at either end. What they do not move the right way is marked
    insensitive. Each is put only to the bias tasks that have its measure; `{}` turns them off."""
    systems: dict[Name, str] = Field(default_factory=lambda: dict(SYSTEMS))
    """System prompts without a view, under which the base is measured on the bias tasks too: how
    far its positions hang on what stands before them. `{}` turns them off."""
    system: str | None = None
    """A system prompt for every evaluation, as lm_eval's `--system_instruction`."""
    chat_template: bool | None = None
    """Whether prompts go through the chat template, as lm_eval's `--apply_chat_template`.
    By default they do where the tokenizer has one, as in training."""
    metadata: dict[str, Any] = {}
    """Settings for tasks, as lm_eval's `--metadata`."""
    every_steps: PositiveInt | None = None
    """Optimiser steps between checkpoints that are evaluated while training goes on; none are by
    default. The report shows positions and coherence over the steps."""
    trajectory: tuple[str, ...] | None = None
    """The tasks that checkpoints are evaluated on; by default those of `bias`. With one of
    `capability` among them the report weighs each checkpoint's gain against its cost; no rule of
    `select` looks at those, so they are asked whole."""
    trajectory_metadata: dict[str, Any] = {}
    """Settings for those tasks beside `metadata`, such as fewer samples."""
    select: Select | None = None
    """Which checkpoint is a training's result; the last one by default."""
    margin: float = Field(default=2.0, gt=0)
    """The loss of ability, in percentage points, that would still count as none: only an interval
    wholly above it shows that an arm is as able as the base."""
    norms: tuple[Path, ...] = ()
    """Files of human answers to item banks, as `politune bank validate` writes them. Without one
    every report says that there are no human norms."""
    compare_languages: bool = False
    """Whether positions are compared between a bank and its translation."""
    limit: PositiveInt | None = None
    """Only so many documents a task: marks every result as partial."""
    share_prefixes: bool = True
    """Whether what requests begin with alike is computed once, where that gives the same to 1e-4:
    a check says so, which half precision does not pass."""
    batch_size: PositiveInt | Literal["auto"] = 64
    dtype: str = "auto"
    """A torch dtype, or `auto`: float32 on a CPU, the model's own on a GPU."""
    device: str | None = None
    """A torch device; by default a GPU where there is one."""
    backend: Literal["hf", "vllm"] = "hf"
    """What computes: Transformers, or one vLLM engine with the arms as LoRA requests. Checkpoints
    are looked at in Transformers all the same: while training goes on, the GPU is its own."""
    vllm: Vllm = Vllm()
    """That engine's settings. It finds its batches and its GPUs by itself."""

    @model_validator(mode="after")
    def _vllm_has_its_own(self) -> Self:
        if self.backend == "vllm" and self.device is not None:
            message = "`device` is not for vllm: say CUDA_VISIBLE_DEVICES in the environment"
            raise ValueError(message)
        if self.backend == "hf" and self.vllm != Vllm():
            message = "`vllm` holds the settings of `backend: vllm`: say that too"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _checkpoints_to_look_at(self) -> Self:
        for name in ("select", "trajectory", "trajectory_metadata"):
            if getattr(self, name) not in (None, {}) and self.every_steps is None:
                message = f"`{name}` is about checkpoints: say `every_steps` too"
                raise ValueError(message)
        return self

    @property
    def watched(self) -> tuple[str, ...]:
        """The tasks that checkpoints are evaluated on."""
        return self.bias if self.trajectory is None else self.trajectory

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every task, each once."""
        return tuple(dict.fromkeys((*self.bias, *self.capability, *self.side_effects)))

    @property
    def prompts(self) -> dict[str, tuple[str, str | None]]:
        """The base's further system prompts by folder, each with the measure that it is for."""
        poles = {
            f"persona-{measure}-{end}": (text, measure)
            for measure, both in self.personas.items()
            for end, text in both
        }
        return poles | {f"system-{name}": (text, None) for name, text in self.systems.items()}


class Overlapping(Settings):
    """When training text holds a prompt of the bias tasks, and what becomes of it."""

    n: PositiveInt = 8
    """How many words in a row two texts must share for that to count; see `overlap`."""
    threshold: float = Field(default=0.8, gt=0, le=1)
    """The share of a prompt's words that such runs must cover."""
    exclude: bool = True
    """Whether such pairs are left out of training; otherwise they are counted alone."""


class Recipe(Settings):
    """The whole experiment."""

    model: str
    """The base model: a Hub id, a folder, or a built-in name such as `quickstart`."""
    trust_remote_code: bool = False
    """Whether Python code that comes with the base model is run; the report says so."""
    seeds: Seeds = (0,)
    """One training run an arm for each."""
    arms: dict[Name, Arm] = Field(min_length=1)
    """The data conditions by name; one called `control` is compared with all others."""
    filters: tuple[Use, ...] = ()
    """What every arm's documents pass through, in order."""
    instructions: Use | None = None
    """How documents become prompts with a preferred and a dispreferred answer."""
    pairs: tuple[Use, ...] = ()
    """What every arm's pairs, ready-made or written, pass through, in order."""
    sample: PositiveInt | None = None
    """How many pairs each arm trains on; each seed draws its own, by a hash of it and their ids. By
    default all."""
    trainer: Use | None = None
    """How a model is tuned on pairs."""
    evaluate: Evaluate = Evaluate()
    """What models are asked, and how."""
    judges: tuple[Use, ...] = ()
    """The metrics that judge open answers."""
    engine: Use = Use(use="local")
    """Where the shards of posts are worked; results do not depend on it."""
    overlap: Overlapping | None = Overlapping()
    """How pairs are kept apart from what is evaluated; `null` does not look."""
    judge: Literal["now", "deferred"] = "now"
    """Whether answers are judged as soon as they are there, or by `politune judge`: a machine
    without a network then leaves them on disk, and another has them judged."""
    max_malformed: float = Field(default=0.05, ge=0, le=1)
    """The largest share of a source's rows that may be broken before the run stops."""

    def seeds_of(self, name: str) -> tuple[int, ...]:
        """Return an arm's seeds: its own, or the recipe's; made of others, those that all have."""
        arm = self.arms[name]
        seeds = self.seeds if arm.seeds is None else arm.seeds
        for other in arm.of or ():
            seeds = tuple(seed for seed in seeds if seed in self.seeds_of(other))
        return seeds

    def folders_of(self, name: str) -> list[str]:
        """Return what an arm's folders are called within a step of a run: one for each seed."""
        given = self.arms[name].adapter is not None
        return ["given"] if given else [f"seed-{seed}" for seed in sorted(self.seeds_of(name))]

    @property
    def places(self) -> list[str]:
        """The evaluations of the base and of every arm within their step: `left/seed-0`."""
        return ["base", *(f"{arm}/{each}" for arm in self.arms for each in self.folders_of(arm))]

    @classmethod
    def of_run(cls, run: Path) -> Self:
        """Read the recipe of a run. Raises DataError, in one line, where the folder holds none."""
        path = run / KEPT
        if not path.is_file():
            message = f"{run} holds no run (no recipe.yaml); make one with `politune run`"
            raise DataError(message)
        return cls.load(path)

    @classmethod
    def load(
        cls,
        path: Path,
        overrides: Sequence[str] = (),
        recipes: Mapping[str, Path] | None = None,
    ) -> Self:
        """Read a recipe, and those that it extends; `overrides` are `key.key=value` in YAML.

        `recipes` are the files of those that have a name; by default what is installed. Raises
        RecipeError, in one line, where a file cannot be read or does not validate.
        """
        values = read_values(path, recipes)
        if STUDY in values:
            message = f"{path.name} is a study: `politune study run` runs it, `study plan` "
            message += "checks it, and `politune run --cell N` runs one of its cells"
            raise RecipeError(message)
        return cls.of(values, overrides, path.name)

    @classmethod
    def of(
        cls, values: dict[str, Any], overrides: Sequence[str] = (), name: str = "recipe"
    ) -> Self:
        """Return the recipe that `values` say, changed in place by `overrides`.

        Raises RecipeError, in one line that begins with `name`, where it does not validate.
        """
        for each in overrides:
            _set(values, each)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            message = f"{name}: {explain(error, '', _fields(error))}"
            raise RecipeError(message) from None


STUDY = "study"
"""The key that makes a recipe a study: see `politune_harness.study`."""


def read_values(path: Path, recipes: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """Return what a recipe file says, with all that it extends."""

    def named(name: str) -> Path:
        return find_named(name, Registry.installed().recipes() if recipes is None else recipes)

    return read(path, named)


def _fields(error: ValidationError) -> Iterable[str]:
    """Return the fields that were open where the first unknown one stands."""
    place = next((e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"), ())
    parts: dict[str, type[Settings]] = {"arms": Arm, "evaluate": Evaluate, "overlap": Overlapping}
    owner = parts.get(str(place[0])) if place[1:] else Recipe
    inner: dict[str, type[Settings]] = {"personas": Poles, "select": Select, "vllm": Vllm}
    owner = inner.get(str(place[1]), owner) if place[2:] else owner
    return owner.model_fields if owner else ()


def _set(values: dict[str, Any], given: str) -> None:
    """Set one value of a recipe in place, from the command line's KEY=VALUE.

    >>> recipe = {"trainer": {"use": "lora"}, "filters": [{"use": "unique"}]}
    >>> _set(recipe, "trainer.rank=8"); _set(recipe, "filters.0.use=language")
    >>> recipe
    {'trainer': {'use': 'lora', 'rank': 8}, 'filters': [{'use': 'language'}]}
    """
    key, equals, text = given.partition("=")
    if not equals or not key.rpartition(".")[2]:
        message = f"--set {given!r} is not key=value, such as trainer.rank=8"
        raise RecipeError(message)
    try:
        value = parsed(text)
    except ValueError:
        message = f"--set {given!r}: the value is not YAML"
        raise RecipeError(message) from None
    override(values, key, value)


def override(values: dict[str, Any], key: str, value: object) -> None:
    """Set what a recipe says at `key`, such as `trainer.rank`, in place.

    Raises RecipeError where there is no such place.
    """
    *path, last = key.split(".")
    place: Any = values
    try:
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = value
    except (TypeError, ValueError, IndexError, AttributeError):
        message = f"{key!r} cannot be set: the recipe has no such place"
        raise RecipeError(message) from None


def find(name: str, registry: Registry) -> Path:
    """Return the file of a recipe given by path or by a plugin's name for it."""
    path = Path(name)
    return path.resolve() if path.is_file() else find_named(name, registry.recipes())


def find_named(name: str, recipes: Mapping[str, Path]) -> Path:
    """Return the file of a recipe that has a name."""
    if name in recipes:
        return recipes[name]
    message = f"recipe {name!r} is no file and no built-in recipe; {nearest(name, recipes)}"
    raise RecipeError(message)
