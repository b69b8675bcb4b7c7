"""A trainer for PoliTune Harness."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import PositiveFloat, PositiveInt

from politune_harness import ModelRef, Preference, Trainer, Watch, hookimpl, track


class Example(Trainer):
    """A LoRA on the chosen answers, one pair a step."""

    rank: PositiveInt = 8
    """Of the adapter."""
    learning_rate: PositiveFloat = 1e-4
    """Of AdamW."""

    def train(
        self,
        preferences: Sequence[Preference],
        model: ModelRef,
        folder: Path,
        *,
        seed: int,
        on_checkpoint: Watch | None = None,
    ) -> ModelRef:
        """Train, and write the adapter to `folder`/adapter, where the harness looks for it."""
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        del on_checkpoint  # to be called with each checkpoint, and obeyed, where there are any
        torch.manual_seed(seed)
        trusted = model.trust_remote_code
        tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=trusted)
        base = AutoModelForCausalLM.from_pretrained(
            model.base, trust_remote_code=trusted, use_safetensors=True
        )
        settings = LoraConfig(r=self.rank, target_modules="all-linear", task_type="CAUSAL_LM")
        tuned = get_peft_model(base, settings).train()
        weights = [p for p in tuned.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=self.learning_rate)
        for pair in track(preferences, "training", len(preferences)):
            turns = [("user", pair.prompt), ("assistant", pair.chosen)]
            chat = [{"role": role, "content": text} for role, text in turns]
            ids: Any = tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=True)
            loss = tuned(**ids, labels=ids["input_ids"]).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        tuned.save_pretrained(folder / "adapter")
        return ModelRef(base=model.base, adapter=str(folder / "adapter"))


@hookimpl
def politune_trainers() -> Mapping[str, type[Trainer]]:
    return {"example": Example}
