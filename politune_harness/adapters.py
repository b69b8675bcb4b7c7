"""Put a trained adapter on a loaded base model, and take it off again.

An adapter that was trained on another base is refused, and a base that has been relieved of its
adapter is the base that was loaded, weight for weight. A model all of whose weights were trained is
put on in the same way: the base is lent its weights.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness.errors import ModelError

if TYPE_CHECKING:
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel

SAMPLES, SAMPLE_BYTES = 256, 4096
"""How much of each weight file is hashed: this many evenly spaced pieces of so many bytes."""


def base_digest(model: str) -> str:
    """Return a SHA-256 that equal models share, in whatever folder they lie.

    It covers config.json, and of each safetensors file the header (names, types and shapes) and
    evenly spaced pieces of the weights: fine-tunes of one model have equal headers. Takes
    milliseconds, where hashing all of an 8B model takes a minute.
    """
    from transformers.utils.hub import cached_file

    config = Path(str(cached_file(model, "config.json")))
    digest = hashlib.sha256(config.read_bytes())
    for path in sorted(config.parent.glob("*.safetensors")):
        with path.open("rb") as file:
            start = 8 + int.from_bytes(file.read(8), "little")
            file.seek(0)
            digest.update(file.read(start))
            size = path.stat().st_size - start
            for i in range(SAMPLES):
                file.seek(start + size * i // SAMPLES)
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def check(adapter: Path, model: str) -> "PeftConfig":
    """Return an adapter's configuration, once all that its files say allows to use it.

    Raises ModelError where files are missing or broken, where the adapter records another base
    model than `model` (`base_sha256` in its politune.json), or where it cannot be taken off again.
    """
    from peft import PeftConfig

    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (adapter / name).is_file():
            message = f"adapter {adapter} has no {name}; give the folder that PEFT saved it in"
            raise ModelError(message)
    try:
        config = PeftConfig.from_pretrained(str(adapter))
        notes = adapter / "politune.json"
        recorded = json.loads(notes.read_text("utf-8")) if notes.is_file() else {}
    except (ValueError, TypeError, KeyError) as error:
        message = f"adapter {adapter} cannot be read: {' '.join(str(error).split())}"
        raise ModelError(message) from error
    if recorded.get("base_sha256") not in {None, base_digest(model)}:
        raise _misfit(adapter, model, config, "the weights of the two differ")
    if getattr(config, "bias", "none") != "none":
        message = f"adapter {adapter} trained the base's own biases (bias: {config.bias}), so it "
        message += "cannot be taken off; merge it into a model of its own"
        raise ModelError(message)
    return config


def servable(adapter: Path, most: int, setting: str) -> None:
    """Raise ModelError for an adapter that vLLM cannot serve, or would serve wrongly.

    `most` is the largest rank that its engine takes, which `setting` says. vLLM (0.30) overlooks a
    rank or an alpha that is set for single modules.
    """
    try:
        config = json.loads((adapter / "adapter_config.json").read_bytes())
        rank = int(config["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"adapter {adapter}: adapter_config.json is missing, or is not that of a LoRA"
        raise ModelError(message) from error
    if rank > most:
        message = f"adapter {adapter} has rank {rank}, above {setting}: {most}"
        raise ModelError(message)
    special = [k for k in ("alpha_pattern", "modules_to_save", "rank_pattern") if config.get(k)]
    special += ["use_dora"] if config.get("use_dora") else []
    special += ["bias"] if config.get("bias", "none") != "none" else []
    if special:
        message = f"adapter {adapter}: vLLM does not serve {', '.join(special)}; use Transformers"
        raise ModelError(message)


def fits(adapter: Path, model: str, *, trusted: bool = False) -> None:
    """Raise ModelError for an adapter with weights for layers that `model` does not have.

    No weights of the base are loaded. Engines overlook such weights.
    """
    import torch
    from safetensors import safe_open
    from transformers import AutoConfig, AutoModelForCausalLM

    config, shape = (
        check(adapter, model),
        AutoConfig.from_pretrained(model, trust_remote_code=trusted),
    )
    with torch.device("meta"):
        whole: Any = AutoModelForCausalLM
        empty = whole.from_config(shape, trust_remote_code=trusted)
    modules = {name for name, _ in empty.named_modules()}
    with safe_open(str(adapter / "adapter_model.safetensors"), "pt") as file:
        for key in sorted(file.keys()):
            name, found, _ = key.removeprefix("base_model.model.").partition(".lora_")
            if not found or name not in modules:
                raise _misfit(adapter, model, config, f"{key} is in only one of them")


def _misfit(adapter: Path, model: str, config: "PeftConfig", why: str) -> ModelError:
    trained_on = config.base_model_name_or_path
    return ModelError(f"adapter {adapter}, trained on {trained_on}, does not fit {model}: {why}")


@contextmanager
def worn(
    base: "PreTrainedModel", adapter: Path, model: str, vocabulary: int
) -> Iterator["PeftModel | PreTrainedModel"]:
    """Put an adapter on a loaded base while inside, exactly as lm-eval's `peft=` does.

    `model` is the base's folder or Hub id, `vocabulary` the number of the tokenizer's tokens:
    lm-eval cuts the embeddings to it, unless they are what was adapted. Raises ModelError where
    the adapter does not fit. A folder with a whole model, as `adapter: full` makes it, lends the
    base its weights.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    if is_whole(adapter):
        with lent(base, adapter, model):
            yield base
        return
    config = check(adapter, model)
    adapted = "lm_head" in (getattr(config, "target_modules", None) or ())
    with _embeddings(base, base.config.get_text_config().vocab_size if adapted else vocabulary):
        try:
            with warnings.catch_warnings():
                # PEFT speaks of Transformers' own changes, and of keys that `_compare` refuses.
                warnings.simplefilter("ignore")
                dressed = PeftModel.from_pretrained(base, str(adapter))
        except SafetensorError as error:
            message = f"adapter {adapter} cannot be read: {error}"
            raise ModelError(message) from error
        except (RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())[:200]
            raise _misfit(adapter, model, config, why) from error
        try:
            _compare(dressed, adapter, model, config)
            yield dressed
        finally:
            # Deleted first: unloading alone would leave fully trained modules in the base.
            dressed.delete_adapter("default")
            if hasattr(dressed, "unload"):
                dressed.unload()


def is_whole(folder: Path) -> bool:
    """Say whether a folder holds a model of its own, as `adapter: full` makes it."""
    return (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()


@contextmanager
def lent(base: "PreTrainedModel", folder: Path, model: str) -> Iterator[None]:
    """Give a base the weights of a model that was trained from it, while inside.

    `model` is the base's folder or Hub id. Raises ModelError where that model was not trained from
    it, or cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        notes = json.loads((folder / "politune.json").read_text("utf-8"))
        given = {
            k: v for f in sorted(folder.glob("*.safetensors")) for k, v in load_file(f).items()
        }
    except (OSError, ValueError, SafetensorError) as error:
        message = f"model {folder} cannot be read: {' '.join(str(error).split())}"
        raise ModelError(message) from error
    own = dict(base.named_parameters())
    shapes = {name: value.shape for name, value in own.items()}
    if notes.get("base_sha256") != base_digest(model) or shapes != {
        name: value.shape for name, value in given.items()
    }:
        message = f"model {folder} was not trained from {model}: their weights differ in kind"
        raise ModelError(message)
    before = {name: value.data for name, value in own.items()}
    try:
        for name, value in own.items():
            value.data = given[name].to(value)
        yield
    finally:
        for name, value in own.items():
            value.data = before[name]


def _compare(dressed: "PeftModel", adapter: Path, model: str, config: "PeftConfig") -> None:
    """Refuse an adapter for a deeper or shallower base, whose layers PEFT matches silently."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    wanted = set(get_peft_model_state_dict(dressed, save_embedding_layers=False))
    with safe_open(str(adapter / "adapter_model.safetensors"), "pt") as file:
        given = {key for key in file.keys() if ".lora_" in key or key in wanted}  # noqa: SIM118
    if wanted != given:
        key = min(wanted ^ given)
        raise _misfit(adapter, model, config, f"{key} is in only one of them")


@contextmanager
def _embeddings(base: "PreTrainedModel", size: int) -> Iterator[None]:
    """Give a model's embeddings `size` rows while inside."""
    config = base.config.get_text_config()
    before = config.vocab_size
    if size == before:
        yield
        return
    whole: Any = base
    into, out = whole.get_input_embeddings(), whole.get_output_embeddings()
    weights = [(module, module.weight.data) for module in (into, out)]
    base.resize_token_embeddings(size)
    try:
        yield
    finally:
        whole.set_input_embeddings(into)
        whole.set_output_embeddings(out)
        for module, weight in weights:
            module.weight.data = weight
        into.num_embeddings = config.vocab_size = whole.vocab_size = before
