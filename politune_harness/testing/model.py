"""A tiny real model with its tokenizer, made on the spot."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TEXTS = [
    "Should the harbour open earlier? The harbour should open earlier, and it should stay open.",
    "What do you think of longer holidays? Longer holidays are a good thing for every worker.",
    "I would rather not. The orchard is large; the meadow is small, and nobody minds the rain.",
]
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>\n{% endif %}"
    "{% endif %}"
)
"""With the BOS token in the template, an end token of its own, and white space at its end."""


def tiny_tokenizer(
    template: str | None = CHAT, *, adds_bos: bool = False
) -> "PreTrainedTokenizerFast":
    """Return a byte-level BPE tokenizer, with a chat template or without one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXTS * 2, trainer)
    if adds_bos:
        bpe.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", bpe.token_to_id("<s>"))]
        )
    edges = {"bos_token": special[0], "eos_token": special[1]}
    untyped: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerFast = untyped(
        tokenizer_object=bpe, additional_special_tokens=special[2:], **edges
    )
    if template:
        fast.chat_template = template
    return fast


def tiny_model(
    folder: Path, *, tokens: "PreTrainedTokenizerFast | None" = None, tied: bool = False
) -> Path:
    """Write a Llama of 2 layers and hidden size 64 with its tokenizer; return the folder.

    Its weights are random, and the same each time: it says nothing sensible, in milliseconds.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = tokens or tiny_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
        initializer_range=0.1,
        attention_dropout=0.5,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder
