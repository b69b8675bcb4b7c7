"""Build, check and time the trainer on a GPU, in one call.

Run from the root of the repository, with TRL installed (extra `trl`):

    python -m tests.benchmarks.bench_gpu PAIRS.csv [--repeat 5] [--pairs 512] [--out FIGURES.jsonl]

It makes a model of Llama 3 8B's shape with random weights (16 GB on disk, an 80 GB GPU), and takes
PAIRS.csv's columns prompt, chosen and rejected. First it checks that packed rows are exact on the
device and that memory is planned rightly; then it times DPO against TRL as bench_training does.
With `--tiny` the same is done with a small model, on a CPU too, to see that all of it works.
"""

import argparse
import gc
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from politune_lora import adapters, base, planning
from politune_lora.rows import Chat, Row, tokenise
from politune_lora.scoring import Scorer

from tests.benchmarks.bench_training import WORKS, compare, make_model, read, say

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SMALL = {**WORKS["llama-tiny"], "shape": {"num_key_value_heads": 2}}
"""What exactness is checked on: heads that are shared, and nothing that takes long."""
FEW = 32
"""Rows of it."""
FARTHER = 1.5
"""In bfloat16 no value is exact: packed ones may be so much farther off than padded ones."""
CLOSE = 1e-4
"""In float32: of the largest gradient, or of an answer's log-probability."""


def scorer(model: str, dtype: "torch.dtype", device: "torch.device") -> Scorer:
    """Return a model with a LoRA that says something."""
    import torch

    torch.manual_seed(0)
    loaded = base.load_model(model, dtype, device)
    config = adapters.configure("lora", {"r": 16, "target_modules": "all-linear"})
    adapted = adapters.attach(loaded, config, model)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    return Scorer(adapted.train(), device, dtype, planning.MOST)


def answered(given: Scorer, rows: Sequence[Row]) -> "tuple[Tensor, Tensor]":
    """Return the log-probability of every answer, and the gradient of their mean, on the CPU."""
    import torch

    given.model.zero_grad()
    logps = given.answers(rows)
    logps.mean().backward()  # type: ignore[no-untyped-call]
    grads = [w.grad.flatten() for w in given.model.parameters() if w.grad is not None]
    return logps.detach().float().cpu(), torch.cat(grads).float().cpu()


def check_attention(model: str, rows: Sequence[Row], device: "torch.device") -> None:
    """Compare packed and padded rows, in the device's precision, with padded ones in float32."""
    import torch

    rows = rows[:FEW]
    exact = answered(scorer(model, torch.float32, device), rows)
    given = scorer(model, base.pick_dtype("auto", device), device)
    padded = apart(answered(given, rows), exact)
    packed = given.packs(max(row.width for row in rows), wanted=True)
    found = apart(answered(packed, rows), exact)
    way = "one after the other (varlen_attn)" if packed.dense else "side by side"
    say(f"texts attend {way}; log-probabilities and gradients, apart from padded float32:")
    say(f"    packed {found[0]:.1e} and {found[1]:.1e}, padded {padded[0]:.1e} and {padded[1]:.1e}")
    for mine, other in zip(found, padded, strict=True):
        if mine > max(CLOSE, FARTHER * other):
            sys.exit("packed rows are not exact on this device")


def apart(one: "tuple[Tensor, Tensor]", other: "tuple[Tensor, Tensor]") -> list[float]:
    """Return how far values are apart, as shares of the largest."""
    pairs = zip(one, other, strict=True)
    return [float((a - b).abs().max() / b.abs().max()) for a, b in pairs]


def check_plan(model: str, rows: Sequence[Row], device: "torch.device") -> None:
    """Compare what passes keep on a GPU with what was measured of one row; fill the GPU once."""
    import torch

    widest = max(rows, key=lambda row: row.width)
    given = scorer(model, base.pick_dtype("auto", device), device).packs(widest.width, wanted=True)
    need, inner = planning.measure(given, [widest]), given.model.get_base_model()
    say(f"a token keeps {need.whole / 1024:.0f} KiB, or {need.least / 1024:.0f} KiB where all")
    say(f"    of {need.layers} layers are computed again")
    if device.type == "cuda":
        for count in (0, need.layers):
            planning.recompute(inner, count)
            before, some = torch.cuda.memory_allocated(device), rows[: len(rows) // 8]
            kept = given.answers(some)
            grown = torch.cuda.memory_allocated(device) - before
            tokens = sum(row.tokens for row in some)
            share = grown / (need.per_token(count) * tokens)
            del kept
            say(f"    {tokens} tokens, {count} layers again: {share:.0%} of what was planned")
    free = planning.free_memory(device)
    again, tokens = planning.fit(free, need, rows, None)
    planning.recompute(inner, again)
    full = next(iter(replace(given, micro_tokens=tokens).cut(range(len(rows)), rows)))
    answered(given, [rows[i] for i in full])
    taken = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0
    say(f"planned: {tokens} tokens at once, {again} layers again; such a pass took {taken:.1f} GiB")


def main() -> None:
    """Check, and then time."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs_csv", type=Path, metavar="PAIRS.csv")
    parser.add_argument("--tiny", action="store_true", help="a small model, on a CPU too")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--out", type=Path, help="a file of JSON lines to which figures are added")
    given = parser.parse_args()
    device = base.pick_device()
    if device.type == "cpu" and not given.tiny:
        sys.exit("there is no GPU here: --tiny checks that this benchmark works")
    name = "llama-tiny" if given.tiny else "llama-8b"
    count = given.pairs or WORKS[name]["pairs"]
    pairs = read(given.pairs_csv, count)
    texts = [f"{p.prompt}\n{p.chosen}\n{p.rejected}" for p in read(given.pairs_csv, 1000)]
    card = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    say(f"{card}; torch {torch.__version__}, transformers {version('transformers')}")
    for check, work in ((check_attention, SMALL), (check_plan, WORKS[name])):
        with tempfile.TemporaryDirectory() as folder:
            make_model(Path(folder), texts, work)
            chat = Chat(base.load_tokenizer(folder), folder)
            rows, _ = tokenise(pairs, chat, answers=2, max_length=1024)
            check(folder, rows, device)
        gc.collect()
        torch.cuda.empty_cache()
    compare(name, given.pairs_csv, given.repeat, count, given.out)


if __name__ == "__main__":
    main()
