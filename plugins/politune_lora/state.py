"""What a training that was killed goes on from: one file, there whole or not at all.

It holds the trained weights, the optimiser's moments and the random state, as tensors, and how far
training had come. From it, on one machine, a CPU ends with the same bytes as without the kill.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from politune_lora.saving import whole

if TYPE_CHECKING:
    from torch import Tensor

    from politune_lora.loop import Training

FILE = "state.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Place:
    """How far a training had come."""

    of: str
    """Digest of all that the training depends on."""
    phase: int
    step: int
    """Within the phase."""
    best: int | None = None
    """The step, over all phases, whose checkpoint is the result so far."""
    stopped: bool = False
    """Whether training was told to stop here."""


def save(folder: Path, training: "Training", place: Place) -> None:
    """Write the state of a training. Raises HarnessError, and leaves the last one as it was."""
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {"random": torch.get_rng_state()}
    if training.scorer.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    for name, weight in training.weights:
        tensors[f"weight.{name}"] = weight.detach()
        for moment in MOMENTS:
            if weight in training.optimiser.state:
                tensors[f"{moment}.{name}"] = training.optimiser.state[weight][moment]
    with whole(folder / FILE) as path:
        save_file(tensors, path, {"place": json.dumps(vars(place))})


def find(folder: Path, of: str) -> Place | None:
    """Return how far the same training had come, or None where there is nothing to go on from."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / FILE, "pt") as file:
            place = Place(**json.loads(file.metadata()["place"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return place if place.of == of else None


def load(folder: Path, training: "Training", place: Place) -> None:
    """Put a training where its saved state was."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(folder / FILE)
    device = training.scorer.device
    for name, weight in training.weights:
        weight.data.copy_(tensors[f"weight.{name}"])
        if f"{MOMENTS[0]}.{name}" in tensors:
            taken = torch.tensor(float(place.step), device=device)
            moments = {moment: tensors[f"{moment}.{name}"].to(device) for moment in MOMENTS}
            training.optimiser.state[weight] = {"step": taken, **moments}
    torch.set_rng_state(tensors["random"])
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
