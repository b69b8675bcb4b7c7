"""What one core does in a second with the quickstart's small model: answers, training, evaluation.

Prints tokens a second by the processor's time, and how many operations they stand for: two a weight
and token of a forward pass, and twice that again where a gradient is carried back to an adapter
(Kaplan et al. 2020, less the gradients of the weights themselves). From such numbers `scale` works
out what larger work takes.

Run from the root of the repository: OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_rates
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from politune_harness import Generator, ModelRef, Preference, Prompt, Trainer
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.recipe import Evaluate
from politune_harness.registry import Registry

ROUNDS = 3
WORDS = ("taxes", "wages", "unions", "health", "schools", "prisons", "banks", "rent", "police")
SAID = "I think that we should look at who pays for it, and at what it does for those in need."


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def now() -> float:
    return time.process_time()


def seconds(work: Callable[[], object]) -> float:
    """Return what work takes of the processor, once what it needs is loaded: a median."""
    work()
    times = []
    for _ in range(ROUNDS):
        before = now()
        work()
        times.append(now() - before)
    return median(times)


def asked(count: int) -> list[str]:
    return [f"What about {WORDS[n % 9]}, and what about {WORDS[n % 7]}?" for n in range(count)]


def weights(model: str) -> int:
    """Return how many weights a token meets: an embedding of its own is looked up."""
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(model)
    own, looked_up = loaded.num_parameters(), loaded.get_input_embeddings().weight
    tied = looked_up is loaded.get_output_embeddings().weight
    return int(own if tied else own - looked_up.numel())


def answering(registry: Registry) -> float:
    """Return how many tokens are answered in a second."""
    from transformers import AutoTokenizer

    fields = {"model": "quickstart", "max_tokens": 64, "temperature": 1.0, "batch_size": 64}
    generator = registry.build(Generator, "transformers", fields)
    prompts = [Prompt(id=str(n), prompt=text) for n, text in enumerate(asked(256))]
    tokenizer = AutoTokenizer.from_pretrained(registry.models()["quickstart"])
    with generator.session() as answer:
        took = seconds(lambda: list(answer(prompts)))
        written = [each.completion for each in answer(prompts)]
    tokens: int = sum(len(tokenizer.encode(text)) for text in written)
    return tokens / took


def training(registry: Registry, model: str) -> float:
    """Return how many tokens a whole training takes in a second, loading included."""
    fields = {"objective": "sft", "rank": 8, "epochs": 2, "batch_size": 16}
    trainer = registry.build(Trainer, "lora", fields)
    rows = [
        Preference(id=str(n), prompt=text, chosen=SAID, rejected=SAID)
        for n, text in enumerate(asked(240))
    ]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        took = seconds(lambda: trainer.train(rows, ModelRef(base=model), folder, seed=0))
        steps = (folder / ".speed.jsonl").read_text().splitlines()
    return sum(float(json.loads(step)["tokens"]) for step in steps) / took


def evaluation(model: str) -> tuple[float, float]:
    """Return how many prompts of the compass, and tokens, are evaluated in a second."""
    with tempfile.TemporaryDirectory() as place:
        folder, took = Path(place), 0.0
        for limit in (1, None):
            settings = Evaluate(bias=("politune_compass",), metadata={"templates": 2}, limit=limit)
            evaluator, before = Evaluator(model, settings, task_dirs=task_folders(())), now()
            evaluator.run(folder)
            took = now() - before
        tokens = json.loads((folder / "results.json").read_text())["tokens"]
        samples = (folder / "samples/politune_compass.jsonl").read_text().splitlines()
    return len(samples) / took, tokens["computed"] / took


def main() -> None:
    """Print the rates."""
    os.environ["TQDM_DISABLE"] = "1"
    registry = Registry.installed()
    model = str(registry.models()["quickstart"])
    size = weights(model)
    say("$ OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_rates")
    say(f"one core, one thread; the quickstart model, {size / 1e6:.2f} million weights, float32")
    rate = answering(registry)
    say(f"answers, 64 at once: {rate:,.0f} tokens a second, {2 * size * rate / 1e9:.1f} GFLOP/s")
    rate = training(registry, model)
    say(f"SFT with LoRA: {rate:,.0f} tokens a second, {4 * size * rate / 1e9:.1f} GFLOP/s")
    prompts, rate = evaluation(model)
    said = f"{rate:,.0f} tokens a second computed, {2 * size * rate / 1e9:.1f} GFLOP/s"
    say(f"politune_compass: {prompts:,.0f} prompts a second, {said}")


if __name__ == "__main__":
    main()
