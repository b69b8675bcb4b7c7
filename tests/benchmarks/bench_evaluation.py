"""Time base, left, right and control on one loaded model against four plain `lm_eval` commands.

Run from the root of the repository: python -m tests.benchmarks.bench_evaluation [--backend vllm]
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import click

from politune_harness.registry import Registry

TASKS = ("politune_compass", "politune_capability")
ARMS = ("base", "left", "right", "control")

OURS = """
import json, sys
from pathlib import Path
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.recipe import Evaluate

backend, model, out, tasks, *adapters = sys.argv[1:]
tasks, device = tuple(tasks.split(",")), "cpu" if backend == "hf" else None
fields = {"batch_size": 64, "dtype": "float32", "device": device, "backend": backend}
settings = Evaluate(bias=tasks, capability=(), **fields)
one = Evaluator(model, settings, task_dirs=task_folders(()))
for name, adapter in zip(("base", "left", "right", "control"), [None, *adapters]):
    one.run(Path(out) / name, adapter=Path(adapter) if adapter else None)
"""


def adapter(folder: Path, model: Path, seed: int, spread: float = 0.02) -> Path:
    """Save a LoRA adapter that changes every answer, a little by default."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    base = AutoModelForCausalLM.from_pretrained(model, dtype="float32")
    config = LoraConfig(r=8, target_modules=["q_proj", "v_proj", "down_proj"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT speaks of Transformers' own changes
        dressed = get_peft_model(base, config)
    for name, weight in dressed.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=spread)
    dressed.save_pretrained(str(folder))
    return folder


def seconds(command: list[str]) -> tuple[float, float]:
    """Return the wall time of a command, and its processors' time."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def plain(model: Path, out: Path, adapter: Path | None, backend: str = "hf") -> list[str]:
    """Return the ordinary command."""
    key = "peft" if backend == "hf" else "lora_local_path"
    args = f"pretrained={model},dtype=float32" + (f",{key}={adapter}" if adapter else "")
    command = [sys.executable, "-m", "lm_eval", "run", "--model", backend, "--model_args", args]
    command += ["--tasks", ",".join(TASKS)]
    at = ["--batch_size", "64", "--device", "cpu"] if backend == "hf" else ["--batch_size", "auto"]
    return [*command, *at, "--apply_chat_template", "--log_samples", "--output_path", str(out)]


def apart(ours: Path, theirs: Path) -> float:
    """Return the largest difference of a log-likelihood, sample by sample."""
    most = 0.0
    for task in TASKS:
        mine = (ours / "samples" / f"{task}.jsonl").read_text().splitlines()
        (found,) = theirs.rglob(f"samples_{task}_*.jsonl")
        other = found.read_text().splitlines()
        for a, b in zip(map(json.loads, mine), map(json.loads, other), strict=True):
            if a["prompt_hash"] != b["prompt_hash"]:
                message = f"{task}: sample {a['doc_id']} asks something else"
                raise ValueError(message)
            for x, y in zip(a["resps"], b["resps"], strict=True):
                most = max(most, abs(x[0][0] - float(y[0][0])))
    return most


@click.command()
@click.option("--backend", type=click.Choice(("hf", "vllm")), default="hf")
def main(backend: str) -> None:
    """Print the times, their ratio, the largest difference, and the tokens computed."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    model = Registry.installed().models()["quickstart"]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        adapters = [adapter(place / arm, model, n) for n, arm in enumerate(ARMS[1:])]
        slow = [0.0, 0.0]
        for arm, peft in zip(ARMS, [None, *adapters], strict=True):
            took = seconds(plain(model, place / "plain" / arm, peft, backend))
            click.echo(f"lm_eval, {arm:8} {took[0]:7.1f} s {took[1]:7.1f} s of processors")
            slow = [total + each for total, each in zip(slow, took, strict=True)]
        words = [backend, str(model), str(place / "ours"), ",".join(TASKS), *map(str, adapters)]
        fast = seconds([sys.executable, "-c", OURS, *words])
        click.echo(f"all arms, one load {fast[0]:6.1f} s {fast[1]:7.1f} s of processors")
        ratios = f"{fast[0] / slow[0]:.3f}, of processors {fast[1] / slow[1]:.3f}"
        click.echo(f"of the four commands: {ratios}")
        most = max(apart(place / "ours" / arm, place / "plain" / arm) for arm in ARMS)
        click.echo(f"largest difference of a log-likelihood: {most:.1e}")
        for task in TASKS if backend == "hf" else ():
            words[2:4] = str(place / task), task
            seconds([sys.executable, "-c", OURS, *words])
            tokens = json.loads((place / task / "base" / "results.json").read_text())["tokens"]
            share = tokens["computed"] / tokens["requested"]
            click.echo(
                f"{task}: {tokens['computed']:,} of {tokens['requested']:,} tokens, {share:.3f}"
            )


if __name__ == "__main__":
    main()
