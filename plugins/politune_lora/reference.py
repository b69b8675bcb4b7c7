"""Reference log-probabilities: what the base model makes of the rows, computed once.

They depend on the base and on token ids, not on the seed, so the seeds of an arm share a file
beside their folders. What it holds is exactly what would be computed. Several processes share the
rows, and each is told all.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from politune_harness.records import JSON
from politune_lora.parallel import World
from politune_lora.rows import Row
from politune_lora.saving import whole
from politune_lora.scoring import Scorer

if TYPE_CHECKING:
    from torch import Tensor


def place(
    folder: Path, rows: Sequence[Row], facts: Mapping[str, JSON], scorer: Scorer, world: World
) -> Path:
    """Return the file for these rows: its name holds all that its content depends on.

    `facts` are the digest of the base and the versions of the libraries.
    """
    how = [scorer.device.type, str(scorer.dtype), scorer.micro_tokens, scorer.packed, world.size]
    texts = [[(answer.ids, answer.prompt) for answer in row.answers] for row in rows]
    digest = sha256(msgspec.json.encode([sorted(facts.items()), how, texts])).hexdigest()
    return folder / f"{digest[:32]}.safetensors"


def cached(
    path: Path, scorer: Scorer, rows: Sequence[Row], world: World, *, base: bool
) -> "Tensor":
    """Return (answers, rows) of log-probabilities, in nats, from `path` or else computed.

    By the `base` model, or else by the model as it is now. What is computed is written to `path` by
    the process that leads, which alone reads it; raises HarnessError where that fails.
    """
    import torch
    from safetensors.torch import save_file

    known = _read(path) if world.leads else None
    there = world.told(known is not None, scorer.device)
    logps = torch.zeros(len(rows[0].answers), len(rows)) if known is None else known
    logps = logps.to(scorer.device)
    if not there and (mine := world.share(range(len(rows)))):
        ask = scorer.reference if base else scorer.all
        logps[:, mine] = ask([rows[i] for i in mine])
    world.sum([logps])
    if world.leads and not there:
        with whole(path) as partial:
            save_file({"logps": logps}, partial)
    return logps


def _read(path: Path) -> "Tensor | None":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)["logps"]
    except (OSError, SafetensorError, KeyError):
        return None
