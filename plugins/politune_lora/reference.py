"""Reference log-probabilities: what the base model makes of the rows, computed once.

They depend on the base and on token ids, not on the seed, so the seeds of an arm share a file
beside their folders. What it holds is exactly what would be computed.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from politune_harness.records import JSON
from politune_lora.rows import Row
from politune_lora.saving import whole
from politune_lora.scoring import Scorer

if TYPE_CHECKING:
    from torch import Tensor


def place(folder: Path, rows: Sequence[Row], facts: Mapping[str, JSON], scorer: Scorer) -> Path:
    """Return the file for these rows: its name holds all that its content depends on.

    `facts` are the digest of the base and the versions of the libraries.
    """
    how = [scorer.device.type, str(scorer.dtype), scorer.micro_tokens, scorer.packed]
    texts = [[(answer.ids, answer.prompt) for answer in row.answers] for row in rows]
    digest = sha256(msgspec.json.encode([sorted(facts.items()), how, texts])).hexdigest()
    return folder / f"{digest[:32]}.safetensors"


def cached(path: Path, scorer: Scorer, rows: Sequence[Row], *, base: bool) -> "Tensor":
    """Return (answers, rows) of log-probabilities, in nats, from `path` or else computed.

    By the `base` model, or else by the model as it is now. What is computed is written to `path`;
    raises HarnessError where that fails.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    try:
        return load_file(path)["logps"].to(scorer.device)
    except (OSError, SafetensorError, KeyError):
        logps = scorer.reference(rows) if base else scorer.all(rows)
    with whole(path) as partial:
        save_file({"logps": logps}, partial)
    return logps
