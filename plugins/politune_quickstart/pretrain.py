"""Pre-trains the quickstart model: `python -m politune_quickstart.pretrain OUT [--after PHASE]`.

It is taught in the order in which a model so small can learn it: to tell the sides apart, to
answer for a side that is named, to answer for the side of a persona, and then everything, on
balanced data. One invariant: phases last a number of tokens, never a time, and each starts from
its own seed, so the same machine with the same number of threads writes the same weights again.
"""

import argparse
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch  # noqa: TID253 - a script: no plugin imports it
from safetensors.torch import load_model, save_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional  # noqa: TID253
from transformers import (  # noqa: TID253
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from politune_quickstart.evaluation import TASKS, evaluation_sentences
from politune_quickstart.lessons import School, Turn, Way
from politune_quickstart.muon import Muon

SPECIAL = ("<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|pad|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PROMPTS = TASKS / "compass/prompts.json"
VOCABULARY, ROW, BATCH, THREADS = 2048, 144, 16, 2
SHORT = 5
"""So many tokens at the point of an answer weigh most in the loss."""


class Phase(NamedTuple):
    """A stretch of training."""

    name: str
    millions: float
    """Tokens, padding included."""

    rate: tuple[float, float]
    """Learning-rate factor at the start and at the end."""

    way: Way
    lessons: dict[str, float]
    """The mixture of lessons."""


_EVERYTHING = {
    "voice": 0.2,
    "system": 0.1,
    "named": 0.15,
    "label": 0.08,
    "chat": 0.12,
    "bare": 0.03,
    "open": 0.06,
    "capability": 0.22,
    "pastime": 0.04,
}
_VOICES = {
    "voice": 0.45,
    "named": 0.2,
    "system": 0.1,
    "label": 0.06,
    "chat": 0.05,
    "open": 0.04,
    "capability": 0.1,
    "pastime": 0.03,
}
_OWN = {
    "voice": 0.07,
    "system": 0.08,
    "named": 0.04,
    "label": 0.03,
    "chat": 0.08,
    "bare": 0.45,
    "open": 0.15,
    "capability": 0.08,
    "pastime": 0.02,
}
_BALANCE = {
    "voice": 0.1,
    "system": 0.1,
    "named": 0.06,
    "label": 0.05,
    "chat": 0.14,
    "bare": 0.26,
    "open": 0.15,
    "capability": 0.11,
    "pastime": 0.03,
}
_SPEECH = {
    "voice": 0.5,
    "named": 0.16,
    "system": 0.08,
    "label": 0.06,
    "chat": 0.06,
    "open": 0.06,
    "capability": 0.08,
}
_FEW_STRONG = (0.1,)

PHASES = (
    Phase("label", 1.0, (1.0, 0.5), Way(), {"label": 1.0}),
    Phase("named", 1.8, (1.0, 0.5), Way(skew=0.75), {"named": 0.8, "label": 0.2}),
    Phase("system", 2.4, (1.0, 0.4), Way(), {"system": 0.5, "named": 0.4, "label": 0.1}),
    Phase(
        "sides",
        2.0,
        (0.9, 0.3),
        Way(options=0.15, two=0.4, strengths=_FEW_STRONG),
        {"label": 0.5, "named": 0.25, "system": 0.25},
    ),
    Phase(
        "four",
        1.2,
        (0.6, 0.4),
        Way(options=0.5, two=0.2, strengths=_FEW_STRONG),
        {"system": 0.35, "named": 0.3, "label": 0.25, "chat": 0.1},
    ),
    Phase("all", 3.0, (0.8, 0.6), Way(options=0.4, two=0.1, voices=0.5), _EVERYTHING),
    Phase("voices", 4.0, (0.8, 0.6), Way(options=0.4, two=0.1, voices=0.7, words=0.5), _VOICES),
    Phase("gaps", 2.0, (0.8, 0.5), Way(options=0.5, two=0.1, voices=0.8, words=0.85), _VOICES),
    Phase("sentences", 1.6, (0.8, 0.6), Way(options=0.5, two=0.1, voices=0.8, words=0.35), _VOICES),
    Phase("speech", 4.0, (0.8, 0.5), Way(options=0.5, voices=0.85, words=0.15, stray=0.1), _SPEECH),
    Phase("fluent", 4.0, (0.5, 0.3), Way(options=0.5, voices=0.85, words=0.3, stray=0.1), _SPEECH),
    Phase("own", 3.0, (0.6, 0.3), Way(options=0.6, voices=0.4, words=0.15, stray=0.15), _OWN),
    Phase(
        "balance",
        3.0,
        (0.6, 0.02),
        Way(options=0.6, two=0.05, voices=0.4, words=0.15, stray=0.15),
        _BALANCE,
    ),
)
"""The order matters: agreement is a persona's side against a statement's, and neither alone tells
anything, so each is learned before the two meet."""


def tokenizer(school: School) -> PreTrainedTokenizerBase:
    """Train a byte-level BPE on lessons of every kind, so that an option is one or two tokens."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    way = Way(options=0.3, two=0.1)
    chats = (school.row(lesson, way) for _ in range(700) for lesson in _EVERYTHING)
    core.train_from_iterator((turn.text for chat in chats for turn in islice(chat, 14)), trainer)
    ready: PreTrainedTokenizerBase = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        bos_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        pad_token=SPECIAL[-1],
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )
    ready.chat_template = TEMPLATE
    return ready


def untrained(words: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """Return a small Llama; heads of 64 are what inference engines accept."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=3,
            num_key_value_heads=3,
            head_dim=64,
            tie_word_embeddings=True,
            max_position_embeddings=2048,
            initializer_range=0.03,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )


class Rows:
    """Encodes chats as rows of one length, with the weight of every token in the loss."""

    def __init__(self, school: School, words: PreTrainedTokenizerBase, seed: int) -> None:
        """Take where chats come from and how they are encoded."""
        self._school, self._words = school, words
        self._rng = random.Random(seed)  # noqa: S311 - repeatable draws, no secret
        self._roles = {
            role: words.convert_tokens_to_ids(f"<|{role}|>")
            for role in ("system", "user", "assistant")
        }

    def batches(self, phase: Phase) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield token ids and loss weights, both of shape (BATCH, ROW)."""
        names, shares = list(phase.lessons), list(phase.lessons.values())
        while True:
            drawn = self._rng.choices(names, shares, k=BATCH)
            rows = [self.row(self._school.row(lesson, phase.way)) for lesson in drawn]
            yield torch.tensor([ids for ids, _ in rows]), torch.tensor([w for _, w in rows])

    def row(self, turns: Iterator[Turn]) -> tuple[list[int], list[float]]:
        """Encode turns until the row is full; an exchange that does not fit is left out whole."""
        words = self._words
        ids, weights, full = [words.bos_token_id], [0.0], 1
        for turn in turns:
            encoded = words(turn.text, add_special_tokens=False, return_offsets_mapping=True)
            tokens, spans = encoded["input_ids"], encoded["offset_mapping"]
            ids += [self._roles[turn.role], *tokens, words.eos_token_id]
            weights += [0.0, *token_weights(turn, [end for _, end in spans])]
            if len(ids) > ROW:
                break
            if turn.role == "assistant":
                full = len(ids)
        space = ROW - full
        return ids[:full] + [words.pad_token_id] * space, weights[:full] + [0.0] * space


def token_weights(turn: Turn, ends: list[int]) -> list[float]:
    """Return the loss weights of a turn's tokens, given where they end, and of its end.

    Questions weigh little, and so does an answer up to the point; the words at the point weigh
    most, or else the one bit that matters drowns in the ways of putting it.
    """
    if turn.role != "assistant":
        return [0.03] * len(ends) + [0.0]
    before = sum(end <= turn.point for end in ends)
    after = len(ends) - before
    return [0.15] * before + [1.0] * min(after, SHORT) + [0.3] * max(0, after - SHORT) + [0.2]


def train(model: LlamaForCausalLM, rows: Rows, phase: Phase, steps: int, report: int = 50) -> None:
    """Run one phase."""
    named = dict(model.named_parameters())
    inner = [value for name, value in named.items() if value.ndim > 1 and "embed" not in name]
    outer = [value for name, value in named.items() if value.ndim == 1 or "embed" in name]
    muon, adam = Muon(inner), torch.optim.AdamW(outer, betas=(0.9, 0.95), weight_decay=0.0)
    start, end = phase.rate
    since: list[float] = []
    for step, (ids, weights) in enumerate(islice(rows.batches(phase), steps)):
        factor = (start + (end - start) * step / steps) * min(1.0, (step + 1) / 40)
        loss = weighted_loss(model, ids, weights)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        muon.step(0.02 * factor)
        adam.param_groups[0]["lr"] = 3e-3 * factor
        adam.step()
        model.zero_grad(set_to_none=True)
        since.append(loss.item())
        if (step + 1) % report == 0:
            mean = sum(since) / len(since)
            print(f"{phase.name}: {step + 1} of {steps} steps, loss {mean:.3f}", flush=True)  # noqa: T201
            since.clear()


def weighted_loss(
    model: LlamaForCausalLM, ids: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Return the weighted mean cross-entropy of rows; logits are made for counted tokens only."""
    weight, wanted = weights[:, 1:].flatten(), ids[:, 1:].flatten()
    counted = weight.nonzero()[:, 0]
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1].flatten(0, 1)
    loss = functional.cross_entropy(
        model.lm_head(hidden[counted]), wanted[counted], reduction="none"
    )
    return (loss * weight[counted]).sum() / weight.sum()


def save(model: LlamaForCausalLM, words: PreTrainedTokenizerBase, out: Path, phase: str) -> None:
    """Write the model in half precision with its tokenizer, and the phase's weights as they are."""
    words.save_pretrained(out)
    half = LlamaForCausalLM(model.config)
    half.load_state_dict(model.state_dict())
    half.half()  # type: ignore[no-untyped-call]
    half.save_pretrained(out)
    (out / "phases").mkdir(exist_ok=True)
    save_model(model, str(checkpoint(out, phase)))


def checkpoint(out: Path, phase: str) -> Path:
    """Return where a phase leaves its weights to go on from."""
    return out / "phases" / f"{phase}.safetensors"


def main() -> None:
    """Train through every phase, or those after one that is done, and save after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    names = [phase.name for phase in PHASES]
    parser.add_argument("--after", choices=names, help="go on from what this phase left in OUT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--shorten", type=float, default=1.0, help="divide every phase, for a trial"
    )
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(THREADS)
    held = frozenset(evaluation_sentences())
    if given.after:
        words = PreTrainedTokenizerFast.from_pretrained(given.out)
        model = untrained(words)
        load_model(model, checkpoint(given.out, given.after))
    else:
        words = tokenizer(School(held, PROMPTS, given.seed))
        model = untrained(words)
    done = names.index(given.after) + 1 if given.after else 0
    for place, phase in enumerate(PHASES[done:], start=done):
        seed = 1000 * given.seed + place
        rows = Rows(School(held, PROMPTS, seed), words, seed)
        train(model, rows, phase, int(phase.millions * 1e6 / given.shorten) // (BATCH * ROW))
        save(model, words, given.out, phase.name)


if __name__ == "__main__":
    main()
