"""An adapter made of others: scaled, negated, or merged; no model is loaded.

An adapter of LoRA adds scale x B A to a layer's weights. The weighted sum of several such updates
is one whose rank is the sum of theirs, so `linear` is exact: -1 undoes what training did and goes
as far the other way, 0 is the base. `ties` keeps of each update its largest entries, lets the
adapters vote on the sign of each, with their weights, and averages those that agree (Yadav et al.
2023); what comes closest to that in the sum of the ranks is kept.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from politune_harness.artifacts import write_whole
from politune_harness.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

How = Literal["linear", "ties"]
DOWN, UP = ".lora_A.weight", ".lora_B.weight"

CARD = """\
---
base_model: {base}
library_name: peft
---

# An adapter made of others with PoliTune Harness

{how}: {parts}. Nothing was trained for it. It is made for research into what undoes, strengthens or
mixes what training did to the positions that a language model takes; measure it before you conclude
anything from it, and do not use it to persuade.
"""


@dataclass(frozen=True)
class _Update:
    """What one adapter adds to each layer."""

    weight: float
    config: Mapping[str, Any]
    notes: Mapping[str, Any]
    tensors: Mapping[str, "Tensor"]

    @property
    def scale(self) -> float:
        rank = self.config["r"]
        root: float = rank**0.5 if self.config.get("use_rslora") else rank
        return float(self.config["lora_alpha"] / root)

    @property
    def layers(self) -> list[str]:
        return sorted(key.removesuffix(DOWN) for key in self.tensors if key.endswith(DOWN))

    def pair(self, layer: str) -> "tuple[Tensor, Tensor]":
        """Return A, shape (rank, inputs), and B, shape (outputs, rank), the scale in B."""
        return self.tensors[layer + DOWN], self.scale * self.tensors[layer + UP]


def merge(parts: Sequence[tuple[str, Path, float]], folder: Path, how: How, density: float) -> None:
    """Write to `folder` the adapter made of `parts`: name, adapter, and weight of each.

    `density` is the share of entries that `ties` keeps. Raises ModelError for adapters that are
    not plain LoRA, or of different bases or layers.
    """
    from safetensors.torch import save_file

    updates = [_read(path, weight) for _, path, weight in parts]
    first = updates[0]
    for (name, _, _), each in zip(parts, updates, strict=True):
        same_base = each.notes.get("base_sha256") == first.notes.get("base_sha256")
        if not same_base or each.layers != first.layers:
            message = (
                f"the adapters of {name} and {parts[0][0]} are not of the same base and layers"
            )
            raise ModelError(message)
    rank = sum(each.config["r"] for each in updates)
    made = dict(_summed(updates) if how == "linear" else _elected(updates, rank, density))
    folder.mkdir(parents=True)
    save_file(made, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {**first.config, "r": rank, "lora_alpha": rank, "use_rslora": False}
    told = ", ".join(f"{weight:g} x {name}" for name, _, weight in parts)
    notes = {
        "base": first.notes.get("base"),
        "base_sha256": first.notes.get("base_sha256"),
        "merged": {"how": how, "of": {name: weight for name, _, weight in parts}},
    }
    for name, values in (("adapter_config.json", config), ("politune.json", notes)):
        write_whole(folder / name, json.dumps(values, indent=2, sort_keys=True) + "\n")
    card = CARD.format(base=config.get("base_model_name_or_path"), how=how.capitalize(), parts=told)
    write_whole(folder / "README.md", card)


def _read(path: Path, weight: float) -> _Update:
    from safetensors.torch import load_file

    try:
        config = json.loads((path / "adapter_config.json").read_text("utf-8"))
        notes = json.loads((path / "politune.json").read_text("utf-8"))
        tensors = load_file(path / "adapter_model.safetensors")
    except (OSError, ValueError) as error:
        message = f"adapter {path} cannot be merged: {' '.join(str(error).split())}"
        raise ModelError(message) from error
    uneven = any(config.get(name) for name in ("use_dora", "rank_pattern", "alpha_pattern"))
    plain = all(key.endswith((DOWN, UP)) for key in tensors)
    if config.get("peft_type") != "LORA" or uneven or not plain:
        message = f"adapter {path} cannot be merged: only plain LoRA is a sum"
        raise ModelError(message)
    return _Update(weight, config, notes, tensors)


def _summed(updates: Sequence[_Update]) -> "Iterator[tuple[str, Tensor]]":
    """Yield A and B of the weighted sum: those of all, beside each other."""
    import torch

    for layer in updates[0].layers:
        pairs = [each.pair(layer) for each in updates]
        up = [each.weight * b for each, (_, b) in zip(updates, pairs, strict=True)]
        yield layer + DOWN, torch.cat([a for a, _ in pairs]).contiguous()
        yield layer + UP, torch.cat(up, dim=1).contiguous()


def _elected(
    updates: Sequence[_Update], rank: int, density: float
) -> "Iterator[tuple[str, Tensor]]":
    """Yield A and B nearest to what is left of all updates once they agree on signs."""
    import torch

    for layer in updates[0].layers:
        pairs = [(each.weight, *each.pair(layer)) for each in updates]
        votes = torch.stack([w * _trimmed((b @ a).float(), density) for w, a, b in pairs])
        agreed = votes.sign() == torch.where(votes.sum(0) >= 0, 1, -1)
        whole = (votes * agreed).sum(0) / agreed.sum(0).clamp(min=1)
        left, sizes, right = torch.linalg.svd(whole, full_matrices=False)
        kept = min(rank, len(sizes))
        root = sizes[:kept].sqrt()
        down, up = torch.zeros(rank, whole.shape[1]), torch.zeros(whole.shape[0], rank)
        down[:kept], up[:, :kept] = root[:, None] * right[:kept], left[:, :kept] * root
        yield layer + DOWN, down
        yield layer + UP, up


def _trimmed(update: "Tensor", density: float) -> "Tensor":
    """Return an update with its largest entries alone."""
    import torch

    flat = update.flatten()
    kept = flat.abs().topk(max(1, round(density * len(flat)))).indices
    return torch.zeros_like(flat).scatter(0, kept, flat[kept]).reshape(update.shape)
