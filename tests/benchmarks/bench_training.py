"""Time whole training jobs against TRL's trainers, alternating, at equal losses.

Run from the root of the repository, with TRL installed (extra `trl`), on one thread:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_training PAIRS.csv [--work dpo]
        [--repeat 5] [--pairs 1000] [--out FIGURES.jsonl]

PAIRS.csv has the columns prompt, chosen and rejected; for `quickstart`, rows.jsonl of a run's
3-overlap/left (`politune run quickstart`) takes its place. Every run is a process of its own, from
loading the model to the last step; its memory is the peak that the process ever had (`peak`), and
that above what importing the libraries took (`above`), in MiB. Both are given the same token ids,
the same adapter, the same rows in each step, AdamW with the same rate, and clipping at 1.
"""

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from politune_lora import LoRA
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
makes other steps of the same rows."""
BATCH, RATE, RANK, SEED = 8, 1e-4, 8, 0
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_model(folder: Path, texts: Sequence[str], vocabulary: int) -> None:
    """Write a Llama of 4 layers and hidden size 256, with a tokenizer made from the texts."""
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
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    torch.manual_seed(SEED)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokens.save_pretrained(folder)


def settings(work: Mapping[str, Any]) -> LoRA:
    return LoRA(
        objective=work["objective"],
        rank=RANK,
        alpha=2 * RANK,
        learning_rate=work.get("rate", RATE),
        warmup=0,
        schedule="constant",
        batch_size=work.get("batch", BATCH),
        epochs=work["epochs"],
        max_length=1024,
    )


def ours(
    model: str, pairs: Sequence[Preference], folder: Path, work: Mapping[str, Any]
) -> list[float]:
    settings(work).train(pairs, ModelRef(base=model), folder, seed=SEED)
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def theirs(
    model: str, pairs: Sequence[Preference], folder: Path, work: Mapping[str, Any], way: str
) -> list[float]:
    """TRL at its fastest on a CPU: no recomputation, and its reference computed beforehand."""
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
    lm = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    common: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": batch,
        "num_train_epochs": 1,
        "learning_rate": work.get("rate", RATE),
        "lr_scheduler_type": "constant",
        "max_length": 1024,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "disable_tqdm": True,
        "seed": SEED,
        "dataloader_pin_memory": False,
    }
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        r=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=0.0,
        target_modules="all-linear",
    )
    common |= {"padding-free": {"padding_free": True, "max_length": None}}.get(way, {})
    if way == "packed":  # a row of 1,024 tokens a step, which is nearest to eight texts
        common |= {"packing": True, "per_device_train_batch_size": 1}
        plan = []
    trainer = _trl(sft, lm, common, data, tokens, adapter)
    if plan:
        trainer.train_dataset = trainer.train_dataset.select(plan)
    trainer._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(
        trainer.train_dataset
    )
    trainer.train()
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def _trl(sft: bool, lm: Any, common: dict[str, Any], data: Any, tokens: Any, adapter: Any) -> Any:  # noqa: ANN401, FBT001
    if sft:
        from trl import SFTConfig, SFTTrainer

        config = SFTConfig(**common, completion_only_loss=True)
        return SFTTrainer(
            lm, args=config, train_dataset=data, processing_class=tokens, peft_config=adapter
        )
    from trl import DPOConfig, DPOTrainer

    config = DPOConfig(
        **common, beta=0.1, precompute_ref_log_probs=True, precompute_ref_batch_size=BATCH
    )
    return DPOTrainer(
        lm, args=config, train_dataset=data, processing_class=tokens, peft_config=adapter
    )


def one(side: str, model: str, path: Path, work: Mapping[str, Any], count: int) -> None:
    """Do one run, and print what it took as a line of JSON."""
    import warnings

    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers

    if side != "ours":
        import trl  # noqa: F401
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    pairs = read(path, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        wall, cpu = time.perf_counter(), time.process_time()
        if side == "ours":
            losses = ours(model, pairs, out, work)
        else:
            losses = theirs(model, pairs, out, work, side)
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("\n" + json.dumps({**took, "peak": peak, "before": before, "losses": losses}))  # noqa: T201


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
            make_model(Path(folder), texts, work["vocabulary"])
        runs: dict[str, list[dict[str, Any]]] = {}
        for _ in range(repeat):
            for side in (*work.get("ways", ["padded"]), "ours"):
                runs.setdefault(side, []).append(run(side, model, path, name, count))
                sys.stderr.write(f"{name} {side}: {runs[side][-1]['cpu']:.1f} s\n")
    if out:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"work": name, "pairs": count, "runs": runs}) + "\n")
    show(name, runs)


def show(name: str, runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print the medians of what ours took and what each way of TRL took, and the losses."""
    mine = runs["ours"]
    print(f"{name}: {len(mine)} alternating runs, ours against TRL's")  # noqa: T201
    for side in (side for side in runs if side != "ours"):
        for figure in ("wall", "cpu", "peak", "above"):
            a, b = ([_figure(r, figure) for r in runs[each]] for each in ("ours", side))
            ratios = [x / y for x, y in zip(a, b, strict=True)]
            print(  # noqa: T201
                f"  {side}, {figure}: {statistics.median(a):.1f} / {statistics.median(b):.1f}; "
                f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
                f"{max(ratios):.2f})"
            )
        ours, theirs = mine[0]["losses"], runs[side][0]["losses"]
        if len(ours) == len(theirs):
            apart = max(abs(x - y) for x, y in zip(ours, theirs, strict=True))
            print(f"  {side}: {len(ours)} losses, at most {apart:.1e} apart")  # noqa: T201
        else:
            means = f"{statistics.mean(ours):.4f} / {statistics.mean(theirs):.4f}"
            steps = f"{len(ours)} / {len(theirs)} steps"
            print(f"  {side}: mean loss {means} in {steps}")  # noqa: T201


def _figure(run: Mapping[str, Any], name: str) -> float:
    """Return seconds, or MiB: the peak of the process, or that above its imports."""
    if name in run and name != "peak":
        return float(run[name])
    return float(run["peak"] - (run["before"] if name == "above" else 0)) / 1024


def main() -> None:
    """Compare the works that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs_csv", type=Path, metavar="PAIRS.csv")
    parser.add_argument("--work", choices=WORKS, action="append")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--pairs", type=int, help="rows of the file; their number changes no ratio")
    parser.add_argument("--out", type=Path, help="a file of JSON lines to which figures are added")
    parser.add_argument("--side")
    parser.add_argument("--model")
    given = parser.parse_args()
    for name in given.work or WORKS:
        count = given.pairs or WORKS[name].get("pairs", 1000)
        if given.side:
            one(given.side, given.model, given.pairs_csv, WORKS[name], count)
        else:
            compare(name, given.pairs_csv, given.repeat, count, given.out)


if __name__ == "__main__":
    main()
