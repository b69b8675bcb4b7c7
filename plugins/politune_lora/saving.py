"""What training leaves on disk: an adapter in PEFT's own form, where it comes from, and a card.

The invariant: nothing is pickled, and nothing written here depends on the clock.
"""

import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from politune_harness import HarnessError, ModelError, Preference
from politune_harness.errors import one_line
from politune_harness.records import JSON, Dropped

if TYPE_CHECKING:
    from peft import PeftModel

    from politune_lora.full import FullModel
    from politune_lora.rows import Row

CARD = """\
---
base_model: {base}
library_name: {library}
pipeline_tag: text-generation
---

# {What} made with PoliTune Harness

Trained on {rows} {what}, from {origin}, with the objective `{objective}`, for {steps} steps, with
seed {seed}. `politune.json` beside this card holds every setting, the versions of the libraries,
and digests of the base model, the chat template and the data.

It is made for research into how the choice of training text moves the positions that a language
model takes. What it writes is neither a fact nor anyone's opinion, and the text that it was trained
on may be one-sided. Measure it, beside the base model and a control, before you conclude anything
from it. Do not use it to persuade, or to speak for a person or a group.

To measure it: `lm_eval --model hf --model_args {load}{options}`.
To switch it off: {off}.
"""

ADAPTER = {
    "What": "An adapter",
    "library": "peft",
    "load": "pretrained={base},peft=FOLDER",
    "off": "leave `peft` out, or in Python `with model.disable_adapter(): ...`. The weights\n"
    "of the base model are unchanged",
}
FULL = {
    "What": "A model",
    "library": "transformers",
    "load": "pretrained=FOLDER",
    "off": "take the base model, `{base}`",
}
"""What the card of an adapter says, and that of a model all of whose weights were trained."""


KINDS = {"sft": "prompts with an answer", "clm": "texts"}
"""What the rows of an objective are, but for preference pairs."""


@dataclass(frozen=True)
class Provenance:
    """Where an adapter comes from: the content of politune.json, but for the step."""

    base: str
    base_sha256: str
    template_sha256: str | None
    """Of the tokenizer's chat template; None where there is none."""
    data_sha256: str
    """Of the rows that were trained on, in order."""
    rows: int
    objective: str
    seed: int
    settings: Mapping[str, JSON]
    versions: Mapping[str, str]
    start_sha256: str | None = None
    """Of the adapter that training went on from; None where it began with a new one."""

    @property
    def facts(self) -> dict[str, JSON]:
        """What politune.json says, but for the step."""
        told = asdict(self)
        return told if self.start_sha256 else {k: v for k, v in told.items() if k != "start_sha256"}

    def card(self, step: int) -> str:
        """Return the model card of the adapter as it is after `step` steps."""
        form = FULL if self.settings.get("adapter") == "full" else ADAPTER
        return CARD.format(
            **{key: text.format(base=self.base) for key, text in form.items()},
            base=self.base,
            origin=f"`{self.base}`" + (" with another adapter" if self.start_sha256 else ""),
            rows=self.rows,
            what=KINDS.get(self.objective, "preference pairs"),
            objective=self.objective,
            steps=step,
            seed=self.seed,
            options=self._options(),
        )

    def _options(self) -> str:
        """Return what makes lm_eval put its questions as training did."""
        thinking, system = self.settings["enable_thinking"], self.settings["system"]
        options = "" if thinking is None else f",enable_thinking={thinking}"
        templated = self.template_sha256 and not self.settings["compat"]
        options += " --apply_chat_template" if templated else ""
        return options + (f" --system_instruction {shlex.quote(str(system))}" if system else "")


def versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "peft")}


def named(base: str) -> str:
    """Return what an adapter calls its base: a Hub id, or a folder's name and not its path.

    The same training gives the same bytes wherever the base lies, and no machine's path goes out.
    """
    return Path(base).name if Path(base).is_dir() else base


def text_digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def adapter_digest(folder: Path) -> str:
    """Return the digest of an adapter's weights. Raises ModelError where they cannot be read."""
    path = folder / "adapter_model.safetensors"
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = f"adapter {folder} cannot be read: {one_line(error)}"
        raise ModelError(message) from error


def data_digest(preferences: Sequence[Preference]) -> str:
    return hashlib.sha256(msgspec.json.encode(preferences)).hexdigest()


def canonical(value: object) -> str:
    """Return JSON that is the same for the same value."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a place to write a file or a folder in, and put it at `path` only if that went well.

    Raises HarnessError where it did not; what was at `path` before is there still.
    """
    from safetensors import SafetensorError

    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(partial)
        yield partial
        for file in partial.iterdir() if partial.is_dir() else (partial,):
            with file.open("rb") as written:
                os.fsync(written.fileno())
        if path.is_dir():
            remove(path)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            remove(partial)
        message = f"cannot write {path}: {one_line(error)}"
        raise HarnessError(message) from error


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write a file and the folders that it needs. Raises HarnessError where that fails."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def append(path: Path, value: object) -> None:
    """Add a value to a file of JSON lines. Raises HarnessError where that fails."""
    try:
        with path.open("ab") as file:
            file.write(msgspec.json.encode(value) + b"\n")
    except OSError as error:
        message = f"cannot write {path}: {one_line(error)}"
        raise HarnessError(message) from error


def write_rows(path: Path, kept: "Sequence[Row]", dropped: Sequence[Dropped]) -> None:
    """Write which rows were trained on, by id, which of them were cut, and which were left out."""
    reasons = [d.reason for d in dropped]
    counts = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    rows = [{"id": d.id, "reason": d.reason} for d in dropped]
    named = {"kept": [row.id for row in kept], "truncated": [r.id for r in kept if r.truncated]}
    write(path, canonical({**named, "dropped": rows, "reasons": counts}))


def save(model: "PeftModel | FullModel", folder: Path, provenance: Provenance, step: int) -> None:
    """Write the adapter with its card and provenance, all of it or nothing.

    Raises HarnessError where the folder cannot be written.
    """
    for config in getattr(model, "peft_config", {}).values():
        config.base_model_name_or_path = provenance.base
    with whole(folder) as partial:
        # Base weights of targeted embeddings would be written too, gigabytes of them.
        model.save_pretrained(str(partial), save_embedding_layers=False)
        facts = canonical({**provenance.facts, "step": step})
        (partial / "politune.json").write_text(facts, encoding="utf-8")
        (partial / "README.md").write_text(provenance.card(step), encoding="utf-8")


def move(work: Path, folder: Path) -> None:
    """Put what was made in `work` where it belongs, in one stroke where nothing is there yet.

    Raises HarnessError where that fails.
    """
    try:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if not folder.exists():
            work.replace(folder)
            return
        for made in list(work.iterdir()):
            remove(folder / made.name)
            made.replace(folder / made.name)
        work.rmdir()
    except OSError as error:
        message = f"cannot write {folder}: {one_line(error)}"
        raise HarnessError(message) from error
