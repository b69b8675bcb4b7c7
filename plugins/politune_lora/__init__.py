"""The built-in trainer: adapters on a causal language model, tuned on preference pairs.

Here are its fields. `job` is one training, `loop` its steps, `objectives` the losses, `scoring` how
a model is asked. It reads texts through the chat template exactly as lm-eval does under
`--apply_chat_template`, and what it writes, `lm_eval --model_args peft=…` loads.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from politune_harness import (
    Document,
    InstructionWriter,
    ModelError,
    ModelRef,
    Preference,
    Trainer,
    Watch,
    hookimpl,
)
from politune_harness.registry import nearest
from politune_lora.objectives import OBJECTIVES

LORA_FIELDS = {
    "rank": "r",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
    "target_modules": "target_modules",
}
"""Our names of what nearly everybody sets, and PEFT's."""


SAVED = 20
"""Steps between the checkpoints of PoliTune's own training, whose last one was released."""


def _known(name: str) -> str:
    if name not in OBJECTIVES:
        message = f"no objective is called {name!r}; {nearest(name, OBJECTIVES)}"
        raise ValueError(message)
    return name


ObjectiveName = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": [*OBJECTIVES]})
]


class PlainText(InstructionWriter):
    """Take documents as they stand, without a prompt, for `objective: clm`.

    >>> [pair.chosen for pair in PlainText().write([Document(id="a", text="Rain again.")])]
    ['Rain again.']
    """

    def write(self, documents: Iterable[Document]) -> Iterator[Preference]:
        return (
            Preference(id=d.id, prompt="", chosen=d.text, rejected="", metadata=d.metadata)
            for d in documents
        )


class LoRA(Trainer):
    """Train an adapter on preference pairs, or on their chosen answers alone."""

    unseen: ClassVar = frozenset({"trackers", "save_steps"})

    objective: ObjectiveName = "dpo"
    """What training minimises. `sft` imitates the chosen answers, and `clm` texts as they stand;
    the others prefer the chosen answer to the rejected one: `dpo`, `dpo-hinge`, `dpo-robust`,
    `ipo`, `ipo-mean`, `kto`, `orpo`, `simpo`."""
    first: dict[str, Any] | None = None
    """A training that goes before, on the same rows: the fields in which it differs, such as
    {objective: sft, epochs: 2}. What it makes is then the reference."""
    adapter: str | dict[str, Any] = "lora"
    """Any adapter of PEFT by name, or a mapping of `use` (the name) and that adapter's fields; or
    `full`, which trains every weight of the model, in float32."""
    rank: PositiveInt = 16
    """Rank of LoRA's update."""
    alpha: PositiveFloat = 32
    """LoRA's update is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of LoRA's inputs that are dropped in training."""
    target_modules: str | list[str] = "all-linear"
    """Which modules LoRA adapts: names, a regular expression, or `all-linear` for every linear
    layer but the output head; name `lm_head` to have that too."""
    beta: PositiveFloat | None = None
    """How strongly preferences are held to the reference (ORPO: how strongly they count); 0.1, and
    2 for SimPO, where none is given."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of pairs taken to be labelled the wrong way round, by `dpo`, `dpo-robust` and
    `simpo`."""
    target: NonNegativeFloat = 0.5
    """By how much SimPO wants the chosen answer to win: its gamma."""
    learning_rate: PositiveFloat | None = None
    """Peak rate of AdamW; 5e-5, and 2e-4 for `sft` and `clm`, where none is given."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of AdamW, on the adapter alone."""
    epochs: PositiveInt = 1
    """How often each pair is seen."""
    max_steps: PositiveInt | None = None
    """Optimiser steps after which training stops, if that is before the last epoch ends."""
    batch_size: PositiveInt = 32
    """Pairs in an optimiser step, however many micro-batches that takes."""
    warmup: NonNegativeFloat = 0.1
    """Steps in which the rate rises to its peak; below 1, a share of all steps."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after that, to zero or not at all."""
    max_grad_norm: PositiveFloat | None = 1.0
    """The gradient is scaled down to this norm where it is longer; null leaves it as it is."""
    max_length: PositiveInt = 1024
    """Tokens of a prompt with its answer and end token, and at most what the model can read."""
    too_long: Literal["drop", "truncate"] = "drop"
    """What becomes of a longer pair; either way it is counted. A cut answer has no end token."""
    micro_tokens: PositiveInt | None = None
    """Tokens that pass through the model at once; where not given, 1024 on a CPU, and as many
    as fit on a GPU. Changes memory and speed, not the result; a longer pair passes alone."""
    recomputed_layers: NonNegativeInt | None = None
    """Layers whose values are computed again in the backward pass instead of kept; where not given,
    none on a CPU, and on a GPU as few as leave room. Changes memory and speed, not the result."""
    compiled: bool = False
    """Whether torch.compile makes kernels of each layer, once the reference is computed: a minute
    or more at the start, for less time a step on a GPU."""
    packed: bool | None = None
    """Whether rows are laid out without padding, and what texts begin with alike is computed once;
    where not given, if the model can read them so. Changes speed, not the result."""
    online_reference: bool = False
    """Whether the base model is asked again in every step, instead of once before the first."""
    processes: PositiveInt = 1
    """Processes that share the rows of each step, each with a GPU of its own if there are GPUs."""
    save_steps: PositiveInt = 20
    """Optimiser steps between the states from which a training that was killed goes on."""
    every_steps: PositiveInt | None = None
    """Optimiser steps between intermediate checkpoints; none where not given. A recipe's
    `evaluate.every_steps` goes before."""
    trackers: tuple[str, ...] = ()
    """Where figures are sent beside the log: Accelerate's trackers by name, such as `tensorboard`
    or `wandb`, if their packages are installed."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the base model's weights: `auto` is bfloat16 on a GPU, float32 on a CPU. The adapter is
    float32 always."""
    four_bit: bool = False
    """Whether to hold the base in four bits (QLoRA, Dettmers et al. 2023); needs a GPU and the
    package bitsandbytes."""
    system: str | None = None
    """A system prompt before every pair; evaluate with the same (`--system_instruction`)."""
    compat: bool = False
    """Whether to train as PoliTune's released adapters were: on Alpaca's template, without rows of
    more than `max_length` characters, and to the last full twenty steps."""
    enable_thinking: bool | None = None
    """Passed to the chat template where given, as lm-eval's model argument of the same name is."""

    @model_validator(mode="after")
    def _one_place_for_each_field(self) -> Self:
        if isinstance(self.adapter, dict) and "use" not in self.adapter:
            message = "an adapter given as a mapping names itself in 'use', such as {use: ia3}"
            raise ValueError(message)
        for field in sorted(self.model_fields_set & LORA_FIELDS.keys()):
            if self.adapter_kind != "lora":
                message = (
                    f"{field!r} is for LoRA; write the fields of {self.adapter_kind!r} beside 'use'"
                )
                raise ValueError(message)
        if self.full and (self.online_reference or self.four_bit or isinstance(self.adapter, dict)):
            message = "`adapter: full` takes neither fields, online_reference nor four_bit"
            raise ValueError(message)
        if self.label_smoothing and not OBJECTIVES[self.objective].smoothed:
            message = f"{self.objective!r} takes no label_smoothing"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _phases_are_trainings(self) -> Self:
        _ = self.phases
        return self

    @property
    def phases(self) -> "list[LoRA]":
        """The trainings that follow each other: what goes `first`, and this one."""
        if self.first is None:
            return [self]
        fields = self.model_dump(exclude={"first"}, exclude_unset=True)
        return [type(self)(**{**fields, **self.first}), self]

    def steps_of(self, whole: int) -> int:
        """Return how many of `whole` steps are taken."""
        whole = min(whole, self.max_steps or whole)
        return (whole - whole % SAVED or whole) if self.compat else whole

    @property
    def adapter_kind(self) -> str:
        """PEFT's name of the adapter, in lower case."""
        name = self.adapter if isinstance(self.adapter, str) else self.adapter["use"]
        return str(name).lower()

    @property
    def full(self) -> bool:
        """Whether every weight of the model is trained."""
        return self.adapter_kind == "full"

    def adapter_fields(self) -> dict[str, Any]:
        """Return what PEFT's configuration of the adapter is given."""
        fields = dict(self.adapter) if isinstance(self.adapter, dict) else {}
        fields.pop("use", None)
        if self.adapter_kind != "lora":
            return fields
        return {theirs: getattr(self, ours) for ours, theirs in LORA_FIELDS.items()} | fields

    def train(
        self,
        preferences: Sequence[Preference],
        model: ModelRef,
        folder: Path,
        *,
        seed: int,
        on_checkpoint: Watch | None = None,
    ) -> ModelRef:
        """Train an adapter, or the whole model, and write it under `folder` with its log.

        Where `model` has an adapter, training goes on from its weights, and it is the reference.

        Writes adapter/, checkpoints/step-N/ (each an adapter with README.md and politune.json),
        log.jsonl (a line an optimiser step) and rows.json (what was kept, what was dropped), and
        what depends on the clock: .speed.jsonl, .speed.json and .trackers/. For the rest, one
        seed on one CPU gives the same bytes, whether or not training was killed on the way. Raises
        RecipeError for an adapter that PEFT does not have, ModelError for a model that cannot be
        loaded or adapted and for a loss that is not finite, DataError where no row is left,
        HarnessError where the folder cannot be written.
        """
        from politune_lora.job import Job

        if model.adapter is not None and (self.full or self.online_reference):
            message = f"{model.adapter} is an adapter: go on from it without `full` and with its "
            message += "own reference (no `online_reference`)"
            raise ModelError(message)
        settings, key = self, ""
        if on_checkpoint is not None:
            settings = self.model_copy(update={"every_steps": on_checkpoint.every_steps})
            key = on_checkpoint.key
        job = Job(
            settings,
            preferences,
            model.base,
            folder,
            seed,
            key,
            trusted=model.trust_remote_code,
            start=Path(model.adapter) if model.adapter else None,
        )
        return job.run(on_checkpoint)


@hookimpl
def politune_trainers() -> Mapping[str, type[Trainer]]:
    return {"lora": LoRA}


@hookimpl
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    return {"plain-text": PlainText}


@hookimpl
def politune_recipes() -> Mapping[str, Path]:
    names = ("politune-v1", "politune-v3", "politune-v3-released", "recommended-8b")
    return {name: Path(__file__).parent / "recipes" / f"{name}.yaml" for name in names}
