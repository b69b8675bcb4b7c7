"""One batch under TRL's trainer and under ours: the loss that each reports."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from politune_lora import LoRA, adapters, base
from politune_lora.loop import Training
from politune_lora.rows import Chat, tokenise
from politune_lora.scoring import Scorer

from tests import lora_models as tiny

PAIRS = tiny.pairs(8)
BETA = 0.3


def adapted(folder: Path) -> Any:  # noqa: ANN401
    """Return the tiny model with an adapter that already says something, the same each time."""
    import torch

    if not folder.is_dir():
        tiny.llama(folder)
    torch.manual_seed(1)
    model = base.load_model(str(folder), torch.float32, torch.device("cpu"))
    config = adapters.configure("lora", {"r": 4, "init_lora_weights": False})
    return adapters.attach(model, config, str(folder))


def losses_of_ours(folder: Path, variants: Mapping[str, object]) -> list[float]:
    import torch

    cpu = torch.device("cpu")
    found = []
    for objective in variants:
        model = adapted(folder / "model")
        scorer = Scorer(model, cpu, torch.float32, 4096).packs(512, wanted=True)
        chat = Chat(base.load_tokenizer(str(folder / "model")), "m")
        rows, _ = tokenise(PAIRS, chat, answers=2, max_length=512)
        smoothing = 0.1 if objective == "dpo-robust" else 0
        settings = LoRA(
            objective=objective, beta=BETA, label_smoothing=smoothing, batch_size=len(PAIRS)
        )
        known = scorer.reference(rows)
        found += [figures["loss"] for figures in Training(scorer, rows, settings, 0, known).run()]
    return found


def losses_of_trl(folder: Path, variants: Mapping[str, Mapping[str, Any]]) -> list[float]:
    """TRL is given our texts, so that only the loss is its own."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    adapted(folder / "model")
    tokens = AutoTokenizer.from_pretrained(folder / "model")
    chat = Chat(tokens, "m")
    end = str(tokens.decode(chat.end))
    tokens.pad_token = tokens.eos_token = end
    rows = []
    for p in PAIRS:
        prompt = chat.render(p.prompt)
        gap = prompt[len(prompt.rstrip()) :]  # counts to the answer, as HFLM has it
        answers = {"chosen": f"{gap}{p.chosen}{end}", "rejected": f"{gap}{p.rejected}{end}"}
        rows.append({"prompt": prompt.rstrip(), **answers})
    found = []
    for fields in variants.values():
        config = DPOConfig(
            str(folder / "trl"),
            per_device_train_batch_size=len(rows),
            num_train_epochs=1,
            beta=BETA,
            logging_steps=1,
            report_to=[],
            use_cpu=True,
            bf16=False,
            save_strategy="no",
            gradient_checkpointing=False,
            disable_tqdm=True,
            **fields,
        )
        model = adapted(folder / "model").get_base_model()
        trainer = DPOTrainer(
            model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokens
        )
        trainer.train()
        found.append(trainer.state.log_history[0]["loss"])
    return found
