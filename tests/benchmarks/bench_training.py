"""Time whole training jobs against TRL's trainers, alternating, at equal losses.

Run from the root of the repository, with TRL installed (extra `trl`), on one thread:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_training PAIRS.csv [--work dpo]
        [--repeat 5] [--pairs 1000] [--out FIGURES.jsonl]
    python -m tests.benchmarks.bench_training --table FIGURES.jsonl

PAIRS.csv has the columns prompt, chosen and rejected; for `quickstart`, rows.jsonl of a run's
3-overlap/left (`politune run quickstart`) takes its place. Every run is a process of its own, from
loading the model to the last step; its memory is the peak that the process ever had. Both are given
the same token ids, the same adapter, the same rows in each step, AdamW with the same rate, and
clipping at 1. On a GPU it is bench_gpu that calls it.
"""

import argparse
import csv
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from politune_lora import LoRA
from politune_lora.base import pick_dtype
from politune_lora.loop import order
from politune_lora.rows import Chat, tokenise

from politune_harness import ModelRef, Preference

WORKS: dict[str, dict[str, Any]] = {
    "dpo": {"objective": "dpo", "vocabulary": 2048, "epochs": 4},
    "dpo-32k": {"objective": "dpo", "vocabulary": 32000, "epochs": 4, "ways": ["compact"]},
    "sft": {
        "objective": "sft",
        "vocabulary": 2048,
        "epochs": 1,
        "ways": ["padded", "padding-free", "packed"],
    },
    "quickstart": {
        "objective": "sft",
        "model": "quickstart",
        "epochs": 2,
        "pairs": 240,
        "batch": 16,
        "rate": 2e-3,
        "ways": ["padded", "padding-free"],
    },
    "quickstart-dpo": {"objective": "dpo", "model": "quickstart", "epochs": 2, "pairs": 240},
    "small": {"objective": "dpo", "vocabulary": 2048, "epochs": 1, "pairs": 48},
}
"""`ways` are those in which TRL works: `compact` scores completions alone, which TRL does by itself
on a GPU only; `padding-free` and `packed` are its two layouts without padding, the second of which
makes other steps of the same rows. `defaults` computes layers again, and the reference in each
step, as TRL does where nobody says otherwise; all other ways do neither."""
WORKS["llama-8b"] = {
    "objective": "dpo",
    "vocabulary": 128256,
    "shape": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
    },
    "epochs": 4,
    "pairs": 512,
    "batch": 16,
    "rank": 16,
    "ways": ["defaults", "tuned"],
}
"""For a GPU (see bench_gpu): the shape of Llama 3 8B, with random weights."""
WORKS["llama-tiny"] = {**WORKS["llama-8b"], "shape": {}, "vocabulary": 2048, "pairs": 16}
SHAPE = {
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
}
"""Of the other works."""
BATCH, RATE, RANK, SEED = 8, 1e-4, 8, 0
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_model(folder: Path, texts: Sequence[str], work: Mapping[str, Any]) -> None:
    """Write a Llama with random weights, and a tokenizer made from the texts."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2048, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    untyped: Any = PreTrainedTokenizerFast
    edges = {"bos_token": special[0], "eos_token": special[1], "pad_token": special[1]}
    tokens = untyped(tokenizer_object=bpe, **edges)
    tokens.chat_template = TEMPLATE
    config = LlamaConfig(
        vocab_size=work["vocabulary"],
        **{**SHAPE, **work.get("shape", {})},
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    torch.manual_seed(SEED)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with device:
        model: Any = LlamaForCausalLM(config)
    model.to(pick_dtype("auto", device)).save_pretrained(folder)
    tokens.save_pretrained(folder)


def settings(work: Mapping[str, Any]) -> LoRA:
    return LoRA(
        objective=work["objective"],
        rank=work.get("rank", RANK),
        alpha=2 * work.get("rank", RANK),
        learning_rate=work.get("rate", RATE),
        warmup=0,
        schedule="constant",
        batch_size=work.get("batch", BATCH),
        epochs=work["epochs"],
        max_length=1024,
    )


def ours(
    model: str, pairs: Sequence[Preference], folder: Path, work: Mapping[str, Any]
) -> dict[str, Any]:
    settings(work).train(pairs, ModelRef(base=model), folder, seed=SEED)
    log, speed = (
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("log.jsonl", ".speed.jsonl")
    )
    seconds = sum(step["seconds"] for step in speed)
    mfu = sum(step["mfu"] * step["seconds"] for step in speed) / seconds
    return {"losses": [step["loss"] for step in log], "mfu": mfu}


def theirs(
    model: str, pairs: Sequence[Preference], folder: Path, work: Mapping[str, Any], way: str
) -> dict[str, Any]:
    """Train by TRL, at its fastest in each of its ways but `defaults`."""
    import torch
    import trl.trainer.utils
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if way == "compact":
        trl.trainer.utils._use_triton = lambda _device: True
    tokens = AutoTokenizer.from_pretrained(model)
    chat = Chat(tokens, model)
    sft = work["objective"] == "sft"
    kept = {row.id for row in tokenise(pairs, chat, answers=1 if sft else 2, max_length=1024)[0]}
    pairs = [p for p in pairs if p.id in kept]
    tokens.eos_token = end = str(tokens.decode(chat.end))
    batch = work.get("batch", BATCH)
    plan = [i for _, step in order(len(pairs), batch, work["epochs"], SEED) for i in step]
    rows = []
    for p in pairs:
        prompt = chat.render(p.prompt)
        gap = prompt[len(prompt.rstrip()) :]
        answers = {"chosen": gap + p.chosen + end, "rejected": gap + p.rejected + end}
        answers = {"completion": answers["chosen"]} if sft else answers
        rows.append({"prompt": prompt.rstrip(), **answers})
    data = Dataset.from_list(rows)
    torch.manual_seed(SEED)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    lm = AutoModelForCausalLM.from_pretrained(model, dtype=pick_dtype("auto", device))
    common: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": batch,
        "num_train_epochs": 1,
        "learning_rate": work.get("rate", RATE),
        "lr_scheduler_type": "constant",
        "max_length": 1024,
        "gradient_checkpointing": way == "defaults",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": device.type == "cpu",
        "bf16": device.type != "cpu",
        "disable_tqdm": True,
        "seed": SEED,
        "dataloader_pin_memory": False,
    }
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        r=work.get("rank", RANK),
        lora_alpha=2 * work.get("rank", RANK),
        lora_dropout=0.0,
        target_modules="all-linear",
    )
    common |= {"padding-free": {"padding_free": True, "max_length": None}}.get(way, {})
    if way == "packed":  # a row of 1,024 tokens a step, which is nearest to eight texts
        common |= {"packing": True, "per_device_train_batch_size": 1}
        plan = []
    if not sft:
        common |= {"precompute_ref_log_probs": way != "defaults"}
    trainer = _trl(sft, lm, common, data, tokens, adapter)
    if plan:
        trainer.train_dataset = trainer.train_dataset.select(plan)
    trainer._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(
        trainer.train_dataset
    )
    trainer.train()
    return {"losses": [line["loss"] for line in trainer.state.log_history if "loss" in line]}


def _trl(sft: bool, lm: Any, common: dict[str, Any], data: Any, tokens: Any, adapter: Any) -> Any:  # noqa: ANN401, FBT001
    if sft:
        from trl import SFTConfig, SFTTrainer

        config = SFTConfig(**common, completion_only_loss=True)
        return SFTTrainer(
            lm, args=config, train_dataset=data, processing_class=tokens, peft_config=adapter
        )
    from trl import DPOConfig, DPOTrainer

    config = DPOConfig(**common, beta=0.1, precompute_ref_batch_size=BATCH)
    return DPOTrainer(
        lm, args=config, train_dataset=data, processing_class=tokens, peft_config=adapter
    )


def one(side: str, model: str, path: Path, work: Mapping[str, Any], count: int) -> None:
    """Do one run, and print what it took as a line of JSON."""
    import warnings

    import peft  # noqa: F401
    import torch
    import transformers

    if side != "ours":
        import trl  # noqa: F401
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    pairs = read(path, count)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        wall, cpu = time.perf_counter(), time.process_time()
        if side == "ours":
            found = ours(model, pairs, out, work)
        else:
            found = theirs(model, pairs, out, work, side)
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    found |= {**took, "peak": resident()}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.max_memory_allocated() // 1024
    say("\n" + json.dumps(found))


def resident() -> int:
    """Return the KiB that this process ever held; getrusage counts its parent's on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    held = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return held[0] if held else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read(path: Path, count: int) -> list[Preference]:
    """Return the first pairs of a CSV file, or of an artifact's rows.jsonl."""
    if path.suffix == ".jsonl":
        lines = path.read_bytes().splitlines()[:count]
        return [msgspec.json.decode(line, type=Preference) for line in lines]
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(count), strict=False)]
    return [
        Preference(id=str(i), prompt=row["prompt"], chosen=row["chosen"], rejected=row["rejected"])
        for i, row in enumerate(rows)
    ]


def run(side: str, model: str, path: Path, name: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_training", str(path)]
    command += ["--work", name, "--side", side, "--model", model, "--pairs", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(name: str, path: Path, repeat: int, count: int, out: Path | None) -> None:
    """Print medians of alternating runs, and how far apart the losses were."""
    from politune_harness.registry import Registry

    work = WORKS[name]
    with tempfile.TemporaryDirectory() as folder:
        model = str(Registry.installed().models()["quickstart"]) if "model" in work else folder
        if "model" not in work:
            texts = [f"{p.prompt}\n{p.chosen}\n{p.rejected}" for p in read(path, 1000)]
            make_model(Path(folder), texts, work)
        runs: dict[str, list[dict[str, Any]]] = {}
        for _ in range(repeat):
            for side in (*work.get("ways", ["padded"]), "ours"):
                runs.setdefault(side, []).append(run(side, model, path, name, count))
                sys.stderr.write(f"{name} {side}: {runs[side][-1]['cpu']:.1f} s\n")
    entry = {"work": name, "pairs": count, "machine": machine(), "runs": runs}
    if out:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    say(*table([entry]))


def machine() -> str:
    """Return what timed: a GPU, or else a processor with its threads, and the libraries."""
    import torch

    found = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    names = [line.partition(": ")[2] for line in found if line.startswith("model name")]
    device = f"{next(iter(names), platform.machine())}, {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    libraries = (f"{name} {version(name)}" for name in ("torch", "transformers", "trl"))
    return ", ".join([device, *libraries])


HEAD = (
    "work",
    "TRL works",
    "s, ours / TRL's",
    "ratio (least to most)",
    "MiB, ours / TRL's",
    "ratio",
    "losses apart",
    "MFU of ours",
    "arguments",
)


def table(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield lines of Markdown, a row for each way of TRL: medians of alternating runs.

    Seconds are the processor's, and MiB the peak of the process with its libraries; on a GPU those
    that passed, and the most that was allocated there.
    """
    yield from (f"| {' | '.join(cells)} |" for cells in (HEAD, ["---"] * len(HEAD)))
    for entry in entries:
        mine, name = entry["runs"]["ours"], entry["work"]
        named = f"`--work {name} --pairs {entry['pairs']} --repeat {len(mine)}`"
        time, memory = ("wall", "gpu") if "gpu" in mine[0] else ("cpu", "peak")
        mfu = statistics.median(run.get("mfu", math.nan) for run in mine)
        for way, their in entry["runs"].items():
            if way != "ours":
                took, kept = _ratio(mine, their, time, 1), _ratio(mine, their, memory, 1024)
                apart = _apart(mine[0]["losses"], their[0]["losses"])
                cells = [
                    name,
                    way,
                    *took,
                    kept[0],
                    kept[1].split()[0],
                    apart,
                    "" if math.isnan(mfu) else f"{mfu:.0%}",
                    named,
                ]
                yield f"| {' | '.join(cells)} |"


def _ratio(
    mine: Sequence[Mapping[str, Any]], their: Sequence[Mapping[str, Any]], name: str, unit: float
) -> tuple[str, str]:
    ours, trl = ([run[name] / unit for run in runs] for runs in (mine, their))
    ratios = [a / b for a, b in zip(ours, trl, strict=True)]
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    form = ".1f" if unit == 1 else ".0f"
    both = f"{statistics.median(ours):{form}} / {statistics.median(trl):{form}}"
    return both, f"{statistics.median(ratios):.2f}{spread}"


def _apart(ours: Sequence[float], theirs: Sequence[float]) -> str:
    if len(ours) != len(theirs):
        return f"{len(ours)} steps, not {len(theirs)}"
    return f"{max(abs(x - y) for x, y in zip(ours, theirs, strict=True)):.0e}"


def say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201


def main() -> None:
    """Compare the works that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs_csv", type=Path, metavar="PAIRS.csv", nargs="?")
    parser.add_argument("--table", type=Path, help="only print FIGURES.jsonl as a table")
    parser.add_argument("--work", choices=WORKS, action="append")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--pairs", type=int, help="rows of the file; their number changes no ratio")
    parser.add_argument("--out", type=Path, help="a file of JSON lines to which figures are added")
    parser.add_argument("--side")
    parser.add_argument("--model")
    given = parser.parse_args()
    if given.table:
        say(*table(json.loads(line) for line in given.table.read_text().splitlines()))
        return
    for name in given.work or [name for name in WORKS if not name.startswith("llama")]:
        count = given.pairs or WORKS[name].get("pairs", 1000)
        if given.side:
            one(given.side, given.model, given.pairs_csv, WORKS[name], count)
        else:
            compare(name, given.pairs_csv, given.repeat, count, given.out)


if __name__ == "__main__":
    main()
