"""Adapters: any PEFT configuration by its name, put on a base model.

Names and fields are PEFT's own (`lora`, `ia3`, `prefix-tuning`, …). What cannot be trained, or
could not be loaded again by lm-eval, is refused here.
"""

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness import ModelError, RecipeError
from politune_harness.errors import one_line
from politune_harness.registry import nearest

if TYPE_CHECKING:
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel


UNFIT = (AttributeError, KeyError, NotImplementedError, TypeError, ValueError)
"""What PEFT, which checks few of its fields, raises where they are wrong."""


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the warnings that PEFT gives whatever a user does."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*deprecated")
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False")
        warnings.filterwarnings("ignore", message=".*tie_word_embeddings.*")
        yield


def configure(kind: str, fields: Mapping[str, Any]) -> "PeftConfig":
    """Return the PEFT configuration of that name. Raises RecipeError with the nearest right one.

    A `-` in a name is PEFT's `_`, and case does not matter.
    """
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    known = {k.value.lower().replace("_", "-"): c for k, c in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    name = kind.lower().replace("_", "-")
    if name not in known:
        message = f"no adapter of PEFT is called {kind!r}; {nearest(name, known)}"
        raise RecipeError(message)
    allowed = {f.name for f in dataclasses.fields(known[name]) if f.init}
    for field in fields:
        if field not in allowed:
            message = f"adapter {kind!r} has no field {field!r}; {nearest(field, allowed)}"
            raise RecipeError(message)
    try:
        with quiet():
            return known[name](**{"task_type": "CAUSAL_LM", **fields})
    except UNFIT as error:
        message = f"adapter {kind!r} cannot be configured so: {one_line(error)}"
        raise RecipeError(message) from error


def attach(model: "PreTrainedModel", config: "PeftConfig", base: str) -> "PeftModel":
    """Put a new adapter on a model: the only weights that will be trained.

    Raises ModelError where a target is not there or where the adapter does not fit.
    """
    from peft import get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer

    from politune_lora import linear

    _check_targets(model, getattr(config, "target_modules", None), base)
    try:
        with quiet():
            adapted = get_peft_model(model, config)
    except UNFIT as error:
        message = f"the adapter does not fit {base}: {one_line(error)}"
        raise ModelError(message) from error
    _check_ranks(adapted, base)
    head: object = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if isinstance(head, BaseTunerLayer) and model.config.get_text_config().tie_word_embeddings:
        message = (
            f"the input and output embeddings of {base} are one tensor, so lm-eval could not load "
            "an adapter on lm_head again: leave it out of target_modules"
        )
        raise ModelError(message)
    config.base_model_name_or_path = base
    for name, value in vars(config).items():
        if isinstance(value, set):  # PEFT writes sets in an order that changes from run to run
            setattr(config, name, sorted(value))
    linear.install(adapted)
    return adapted


def resume(adapted: "PeftModel", start: Path) -> None:
    """Give a new adapter the weights of one that was trained.

    Raises ModelError where that cannot be read, or is of another kind or size.
    """
    from peft import set_peft_model_state_dict
    from peft.utils import get_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(start / "adapter_model.safetensors")
    except (OSError, SafetensorError) as error:
        message = f"adapter {start} cannot be read: {one_line(error)}"
        raise ModelError(message) from error
    new = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    if {n: w.shape for n, w in weights.items()} != {n: w.shape for n, w in new.items()}:
        message = f"adapter {start} is of another kind or size than this training's: make them one"
        raise ModelError(message)
    set_peft_model_state_dict(adapted, weights)


def _check_ranks(adapted: "PeftModel", base: str) -> None:
    """Raise ModelError where LoRA's update would have a higher rank than the matrix itself."""
    from peft.tuners.lora import LoraLayer

    for name, module in adapted.named_modules():
        if isinstance(module, LoraLayer):
            size = min(module.in_features, module.out_features)
            if any(rank > size for rank in module.r.values()):
                message = f"rank {max(module.r.values())} is above that of {name} in {base}: {size}"
                raise ModelError(message)


def _check_targets(model: "PreTrainedModel", targets: object, base: str) -> None:
    """Raise ModelError for a listed target that is no module. A single string is a pattern."""
    if targets is None or isinstance(targets, str):
        return
    names = [name for name, _ in model.named_modules()]
    for target in targets:  # type: ignore[attr-defined]
        if not any(name == target or name.endswith(f".{target}") for name in names):
            leaves = {name.rpartition(".")[2] for name in names} - {""}
            leaves = {leaf for leaf in leaves if not leaf.isdigit()}
            message = f"{base} has no module {target!r} for target_modules; "
            raise ModelError(message + nearest(target, leaves))
