"""How fast training goes, and which share of the machine's peak that is.

The share (MFU) counts the operations that tuning an adapter needs, whatever the loop really does:
per token, two for each weight forward and two backward, and two more for a weight that is trained;
of texts that begin alike the beginning once, the head at answer tokens alone, causal attention, no
recomputation, and no reference. The peak is measured on the same device: a matrix product.
"""

import resource
import sys
import time
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from politune_lora.rows import Row
from politune_lora.scoring import Scorer

if TYPE_CHECKING:
    import torch

SIDE = {"cuda": 8192, "cpu": 512}
"""Rows and columns of the matrices whose product is timed."""
TRIES = 5
"""How often; the fastest counts."""
FORWARD_AND_BACKWARD = 4
"""Operations for each weight and token."""
AND_ITS_OWN = 6
"""The same for a weight that is trained."""
KIB = 1024


class Peak(NamedTuple):
    """The most that a device does, as measured."""

    flops: float
    """A second."""
    measured: str
    """How."""


@cache
def peak(kind: str, dtype: "torch.dtype") -> Peak:
    """Time a matrix product on a device, once a process."""
    import torch

    side, device = SIDE.get(kind, SIDE["cpu"]), torch.device(kind)
    one = torch.ones(side, side, dtype=dtype, device=device)
    times = []
    for _ in range(TRIES):
        _wait(device)
        start = time.perf_counter()
        one @ one
        _wait(device)
        times.append(time.perf_counter() - start)
    name = torch.cuda.get_device_name() if kind == "cuda" else f"{torch.get_num_threads()} threads"
    named = str(dtype).removeprefix("torch.")
    told = f"the fastest of {TRIES} products of {side} x {side} matrices in {named} on {name}"
    return Peak(2 * side**3 / min(times), told)


def _wait(device: "torch.device") -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Meter:
    """Times the steps of a training."""

    def __init__(self, scorer: Scorer) -> None:
        """Count the model's weights, and measure the device."""
        self._scorer = scorer
        self.peak = peak(scorer.device.type, scorer.dtype)
        self._head, self._body = _operations(scorer)
        config = scorer.model.get_base_model().config.get_text_config()
        self._attention = 6 * config.num_hidden_layers * config.hidden_size
        self.start()

    def start(self) -> None:
        """Begin to time a step."""
        self._since, self._worked = time.perf_counter(), time.process_time()

    def lap(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the seconds since `start`, and what they come to for the rows of a step.

        Tokens are those of the texts, without padding; memory is in bytes: the most that was
        allocated on a GPU, or resident on a CPU. `busy` are seconds at work: of the processors on
        a CPU, however many share it; by the clock on a GPU.
        """
        on_cpu = self._scorer.device.type == "cpu"
        worked = time.process_time() - self._worked
        seconds = time.perf_counter() - self._since
        tokens = sum(len(a.ids) for row in rows for a in row.answers)
        return {
            "seconds": seconds,
            "busy": worked if on_cpu else seconds,
            "tokens": tokens,
            "tokens_per_second": tokens / seconds,
            "mfu": self.needed(rows) / seconds / self.peak.flops,
            "memory": self._memory(),
        }

    def needed(self, rows: Sequence[Row]) -> float:
        """Return the operations that a step on some rows needs."""
        body = self._body * sum(row.tokens for row in rows)
        head = self._head * sum(row.completion_tokens for row in rows)
        pairs = sum(len(answer.ids) ** 2 for row in rows for answer in row.answers)
        return body + head + float(self._attention) * pairs

    def _memory(self) -> int:
        import torch

        if self._scorer.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._scorer.device)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * KIB


def _operations(scorer: Scorer) -> tuple[float, float]:
    """Return the operations of the head for an answer token, and of the body for any token."""
    from torch.nn import Linear

    model = scorer.model.get_base_model()
    out = model.get_output_embeddings()
    inside = set(out.modules())
    head = body = 0.0
    for module in model.modules():
        if isinstance(module, Linear):
            trained = module.weight.requires_grad
            needed = AND_ITS_OWN if trained else FORWARD_AND_BACKWARD
            operations = float(needed * module.in_features * module.out_features)
            if module in inside:
                head += operations
            else:
                body += operations
    return head, body
