"""Training by TRL, for what `lora` leaves out: models that one device cannot hold, and experts.

TRL rides on Accelerate, so a file that `accelerate config` wrote says where it runs: FSDP2,
DeepSpeed, several machines. Rows are rendered as `lora` renders them, and what is saved is an
adapter like its own. Needs the extra `trl`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from politune_lora import saving
from politune_lora.base import load_model, load_tokenizer, pick_dtype
from politune_lora.rows import Chat, tokenise
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from politune_harness import (
    DataError,
    HarnessError,
    InputPath,
    ModelError,
    ModelRef,
    Preference,
    RecipeError,
    ServiceError,
    Trainer,
    Watch,
    hookimpl,
)
from politune_harness.adapters import base_digest
from politune_harness.errors import one_line

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOSSES = {"dpo": "sigmoid", "dpo-hinge": "hinge", "dpo-robust": "robust", "ipo-mean": "ipo"}
"""Our names of TRL's losses."""
LOGGED = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "rewards/margins": "margin",
    "rewards/accuracies": "accuracy",
}
"""TRL's names of what is logged, and ours."""
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""What is kept of what TRL saves: the rest is a tokenizer and a pickle."""
ON_GPUS = ("FSDP", "DEEPSPEED", "MULTI_GPU", "MEGATRON_LM")
"""What of Accelerate's kinds of distribution there is on GPUs alone."""


class TRL(Trainer):
    """Train a LoRA with TRL, wherever Accelerate can run."""

    objective: Literal["sft", "dpo", "dpo-hinge", "dpo-robust", "ipo-mean"] = "dpo"
    """As of `lora`."""
    rank: PositiveInt = 16
    """Rank of LoRA's update."""
    alpha: PositiveFloat = 32
    """LoRA's update is multiplied by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of LoRA's inputs that are dropped in training."""
    target_modules: str | list[str] = "all-linear"
    """Which modules LoRA adapts; TRL refuses `lm_head`."""
    beta: PositiveFloat = 0.1
    """How strongly preferences are held to the reference."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Share of pairs taken to be labelled the wrong way round."""
    learning_rate: PositiveFloat = 5e-5
    """Peak rate of AdamW."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of AdamW."""
    epochs: PositiveInt = 1
    """How often each pair is seen."""
    batch_size: PositiveInt = 32
    """Pairs in an optimiser step, in all processes together."""
    micro_batch: PositiveInt = 4
    """Pairs that a process passes through the model at once."""
    warmup: NonNegativeFloat = 0.1
    """Steps in which the rate rises to its peak; below 1, a share of all steps."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after that."""
    max_length: PositiveInt = 1024
    """Tokens of a prompt with its answer and end token; a longer pair is dropped and counted."""
    launch: InputPath | None = None
    """A file that `accelerate config` wrote; without one, training runs in one process."""
    arguments: dict[str, Any] = Field(default={})
    """Further arguments of TRL's SFTConfig or DPOConfig, by TRL's names."""

    def train(
        self,
        preferences: Sequence[Preference],
        model: ModelRef,
        folder: Path,
        *,
        seed: int,
        on_checkpoint: Watch | None = None,
    ) -> ModelRef:
        """Train an adapter, and write it under `folder` with log.jsonl and rows.json.

        Raises ServiceError where TRL is missing or Accelerate fails, RecipeError for arguments
        that TRL does not take and for checkpoints to be evaluated, DataError where no row is left.
        """
        if on_checkpoint is not None:
            message = "trainer 'trl' evaluates no checkpoints: leave out evaluate.every_steps"
            raise RecipeError(message)
        if find_spec("trl") is None:
            message = "trainer 'trl' needs TRL: pip install 'politune-harness[trl]'"
            raise ServiceError(message)
        if model.adapter is not None:
            message = f"{model.adapter} is an adapter already: trl starts from a base model"
            raise ModelError(message)
        folder.mkdir(parents=True, exist_ok=True)
        job = folder / ".job.json"
        fields = self.model_dump(mode="json", exclude={"launch"})
        pairs = msgspec.to_builtins(preferences)
        saving.write(
            job, json.dumps({"fields": fields, "pairs": pairs, "seed": seed, **_of(model)})
        )
        try:
            self._launched(job) if self.launch else work(job)
            self._kept(preferences, model, folder, seed)
        finally:
            saving.remove(job)
        return ModelRef(base=model.base, adapter=str(folder / "adapter"))

    def _launched(self, job: Path) -> None:
        assert self.launch is not None
        check_launch(self.launch)
        launch = ["-m", "accelerate.commands.launch", "--config_file", str(self.launch)]
        command = [sys.executable, *launch, "-m", "politune_trl", str(job)]
        done = subprocess.run(command, check=False)  # noqa: S603 - our own words and paths
        if done.returncode:
            message = f"accelerate launch --config_file {self.launch} ended with {done.returncode}"
            raise ServiceError(message)

    def _kept(
        self, preferences: Sequence[Preference], model: ModelRef, folder: Path, seed: int
    ) -> None:
        """Put the adapter where it belongs, with a card and where it comes from."""
        base, trusted = model.base, model.trust_remote_code
        rows = json.loads((folder / "rows.json").read_text("utf-8"))["kept"]
        kept = [p for p in preferences if p.id in set(rows)]
        provenance = saving.Provenance(
            base=saving.named(base),
            base_sha256=base_digest(base),
            template_sha256=saving.text_digest(
                Chat(load_tokenizer(base, trusted=trusted), base).template
            ),
            data_sha256=saving.data_digest(kept),
            rows=len(kept),
            objective=self.objective,
            seed=seed,
            settings={**_UNSET, **self.model_dump(mode="json")},
            versions=saving.versions(),
        )
        if missing := [
            name for name in (CONFIG, WEIGHTS) if not (folder / ".trl" / name).is_file()
        ]:
            message = f"TRL saved no {' and no '.join(missing)}; under DeepSpeed's third stage, "
            raise ServiceError(message + "`launch` must say zero3_save_16bit_model: true")
        steps = len((folder / "log.jsonl").read_text("utf-8").splitlines())
        with saving.whole(folder / "adapter") as partial:
            partial.mkdir()
            config = json.loads((folder / ".trl" / CONFIG).read_text("utf-8"))
            config["base_model_name_or_path"] = provenance.base
            (partial / CONFIG).write_text(saving.canonical(config), encoding="utf-8")
            shutil.copyfile(folder / ".trl" / WEIGHTS, partial / WEIGHTS)
            facts = saving.canonical({**asdict(provenance), "step": steps})
            (partial / "politune.json").write_text(facts, encoding="utf-8")
            (partial / "README.md").write_text(provenance.card(steps), encoding="utf-8")
        saving.remove(folder / ".trl")


def check_launch(path: Path) -> None:
    """Raise ServiceError for a file that asks for what Accelerate does not do on this machine.

    Without a GPU, Accelerate overlooks FSDP, or has every process train alone.
    """
    import torch
    import yaml

    try:
        asked = yaml.safe_load(path.read_text("utf-8"))
        kind = str(asked["distributed_type"])
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        message = f"launch: {path} is no file that `accelerate config` wrote: {one_line(error)}"
        raise RecipeError(message) from error
    if kind in ON_GPUS and (asked.get("use_cpu") or not torch.accelerator.is_available()):
        message = f"launch: {path} asks for {kind}, which Accelerate has on GPUs alone"
        raise ServiceError(message)
    if kind == "DEEPSPEED" and find_spec("deepspeed") is None:
        message = f"launch: {path} asks for DeepSpeed: pip install deepspeed"
        raise ServiceError(message)


_UNSET = {"system": None, "enable_thinking": None, "compat": False}
"""Settings of `lora` that a card speaks of, and that this trainer does not have."""


def _of(model: ModelRef) -> dict[str, str | bool]:
    return {"model": model.base, "trusted": model.trust_remote_code}


def work(job: Path) -> None:
    """Do what a job file says, as one of the processes that train; the first one writes."""
    given = json.loads(job.read_text("utf-8"))
    settings, name, folder = TRL.model_validate(given["fields"]), given["model"], job.parent
    pairs = msgspec.convert(given["pairs"], list[Preference])
    chat = Chat(load_tokenizer(name, trusted=given["trusted"]), name)
    answers = 1 if settings.objective == "sft" else 2
    rows, dropped = tokenise(pairs, chat, answers=answers, max_length=settings.max_length)
    if not rows:
        message = f"no pair is left to train {name} on"
        raise DataError(message)
    kept = {row.id for row in rows}
    texts = [_texts(p, chat, answers) for p in pairs if p.id in kept]
    model = _loaded(name, trusted=given["trusted"])
    trainer = _trainer(settings, model, chat, texts, folder / ".trl", given["seed"])
    trainer.train()
    if trainer.is_fsdp_enabled:  # files for FSDP2 have each process save its part, unless told
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    trainer.save_model(str(folder / ".trl"))
    if trainer.is_world_process_zero():
        saving.write_rows(folder / "rows.json", rows, dropped)
        log = [line for line in trainer.state.log_history if "loss" in line]
        text = "".join(json.dumps(_line(n, line)) + "\n" for n, line in enumerate(log, 1))
        saving.write(folder / "log.jsonl", text)


def _line(step: int, line: Mapping[str, float]) -> dict[str, float]:
    found = {ours: line[theirs] for theirs, ours in LOGGED.items() if theirs in line}
    return {"step": step, "epoch": line["epoch"], **found}


def _texts(pair: Preference, chat: Chat, answers: int) -> dict[str, str]:
    """Return a pair as TRL takes it, cut where `lora` cuts it, with the end token."""
    prompt, end = chat.render(pair.prompt), str(chat.tokenizer.decode(chat.end))
    gap = prompt[len(prompt.rstrip()) :] if chat.templated else " "
    both = [f"{gap}{answer}{end}" for answer in (pair.chosen, pair.rejected)[:answers]]
    names = ["completion"] if answers == 1 else ["chosen", "rejected"]
    return {"prompt": prompt.rstrip(), **dict(zip(names, both, strict=True))}


def _loaded(name: str, *, trusted: bool) -> "PreTrainedModel":
    import torch

    dtype = pick_dtype("auto", torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    return load_model(name, dtype, torch.device("cpu"), trusted=trusted)


def _trainer(
    settings: TRL,
    model: "PreTrainedModel",
    chat: Chat,
    texts: Sequence[Mapping[str, str]],
    out: Path,
    seed: int,
) -> Any:  # noqa: ANN401 - TRL has no types
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    tokens: Any = chat.tokenizer
    tokens.eos_token = str(tokens.decode(chat.end))
    tokens.pad_token = tokens.pad_token or tokens.eos_token
    sft = settings.objective == "sft"
    try:
        config = (SFTConfig if sft else DPOConfig)(**_arguments(settings, out, seed))
    except (TypeError, ValueError) as error:
        message = f"TRL does not take these arguments: {one_line(error)}"
        raise RecipeError(message) from error
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=settings.target_modules,
    )
    torch.manual_seed(seed)
    return (SFTTrainer if sft else DPOTrainer)(
        model,
        args=config,
        train_dataset=Dataset.from_list([dict(row) for row in texts]),
        processing_class=tokens,
        peft_config=adapter,
    )


def _arguments(settings: TRL, out: Path, seed: int) -> dict[str, Any]:
    import torch

    cpu = not torch.cuda.is_available()
    at_once = settings.micro_batch * int(os.environ.get("WORLD_SIZE", "1"))
    if settings.batch_size % at_once:
        message = f"batch_size {settings.batch_size} is no multiple of the {at_once} pairs at once"
        raise RecipeError(message)
    of_loss: dict[str, Any] = {"completion_only_loss": True}
    if settings.objective != "sft":
        of_loss = {"loss_type": [LOSSES[settings.objective]], "beta": settings.beta}
        of_loss |= {"label_smoothing": settings.label_smoothing}
    return {
        "output_dir": str(out),
        "per_device_train_batch_size": settings.micro_batch,
        "gradient_accumulation_steps": settings.batch_size // at_once,
        "num_train_epochs": settings.epochs,
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": settings.warmup,
        "max_length": settings.max_length,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": cpu,
        "bf16": not cpu,
        "seed": seed,
        **of_loss,
        **settings.arguments,
    }


@hookimpl
def politune_trainers() -> Mapping[str, type[Trainer]]:
    return {"trl": TRL}


if __name__ == "__main__":
    try:
        work(Path(sys.argv[1]))
    except HarnessError as failure:
        sys.exit(f"error: {failure}")
