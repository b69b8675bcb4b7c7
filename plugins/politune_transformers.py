"""Batched generation with Transformers, on a base model or under PEFT adapters.

A model is shown a prompt as exactly the token ids that lm-evaluation-harness shows it under
`--apply_chat_template` (HFLM, 0.4.13), so that what generates, trains and is measured is one model.
"""

import gc
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from politune_harness import (
    Answer,
    Completion,
    Generator,
    ModelError,
    Prompt,
    hookimpl,
    working,
)
from politune_harness.adapters import is_whole, lent
from politune_harness.models import why_unloadable

if TYPE_CHECKING:
    from peft import PeftModelForCausalLM
    from transformers import PreTrainedTokenizerBase


class Transformers(Generator):
    """Answer prompts with a causal language model that Transformers loads.

    Decoding follows these fields alone; of the model's own generation settings only the end
    tokens count. Nothing is cut: a prompt that leaves no room for `max_tokens` is a ModelError.
    """

    max_tokens: PositiveInt = 512
    """Longest answer, in tokens."""
    temperature: NonNegativeFloat = 0.0
    """Sampling temperature; 0 takes the likeliest token each time."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the probability mass that is sampled from."""
    seed: NonNegativeInt = 0
    """Seed of each call: the same prompts in the same order get the same answers."""
    batch_size: PositiveInt = 16
    """How many prompts are answered at once."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision of the weights; `auto` is the one that they were saved in."""
    device: str = "auto"
    """A torch device such as `cuda:1`; `auto` is the first accelerator, or else the CPU."""
    trust_remote_code: bool = False
    """Whether Python code that comes with the model is run."""

    @contextmanager
    def session(self) -> Iterator[Answer]:
        engine = _Engine(self)
        try:
            yield engine.answer
        finally:
            engine.release()


class _Engine:
    """A loaded base model with the adapters that it has been given so far."""

    def __init__(self, settings: Transformers) -> None:
        from transformers import GenerationConfig

        self._settings = settings
        self._tokenizer, self._model = _load(settings)
        self._peft: PeftModelForCausalLM | None = None
        self._adapters: dict[Path, str] = {}
        self._names = (f"adapter-{n}" for n in itertools.count())
        own = self._model.generation_config.eos_token_id
        ends = {self._tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])}
        self._ends = sorted(ends - {None})
        self._pad = self._tokenizer.pad_token_id or 0
        config: Any = GenerationConfig
        self._model.generation_config = config(
            eos_token_id=self._ends or None, pad_token_id=self._pad
        )

    def answer(
        self, prompts: Sequence[Prompt], adapter: Path | None = None
    ) -> Iterator[Completion]:
        size, room = self._settings.batch_size, self._settings.max_tokens
        context = getattr(self._model.config, "max_position_embeddings", None)
        rows = encode(self._tokenizer, prompts, context - room if context else None)
        # The longest first: what does not fit in memory fails at once.
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        texts = [""] * len(rows)
        with self._under(adapter), working("answering", len(rows)) as work:
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                answers = self._generate([rows[i] for i in batch], self._settings.seed + start)
                for i, text in zip(batch, answers, strict=True):
                    texts[i] = text
                work.advance(len(batch))
        for prompt, text in zip(prompts, texts, strict=True):
            yield Completion(id=prompt.id, prompt=prompt.prompt, completion=text)

    def _generate(self, rows: Sequence[Sequence[int]], seed: int) -> list[str]:
        """Answer one batch, padded on the left."""
        import torch

        width, device = max(map(len, rows)), self._model.device
        ids = [[self._pad] * (width - len(row)) + [*row] for row in rows]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        heat = self._settings.temperature
        how = {"temperature": heat, "top_p": self._settings.top_p, "top_k": 0} if heat else {}
        used = [device] if device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(used):
            torch.manual_seed(seed)
            tokens = (self._peft or self._model).generate(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                max_new_tokens=self._settings.max_tokens,
                do_sample=heat > 0,
                **how,
            )
        return [self._text(row) for row in tokens[:, width:].tolist()]

    def _text(self, tokens: Sequence[int]) -> str:
        said = itertools.takewhile(lambda token: token not in self._ends, tokens)
        return str(self._tokenizer.decode([*said], skip_special_tokens=True))

    def _under(self, adapter: Path | None) -> AbstractContextManager[None]:
        """Switch to an adapter, or for the time inside to the base or to a model made of it."""
        if adapter is None:
            return self._peft.disable_adapter() if self._peft else nullcontext()
        if is_whole(adapter):
            self._take_off()
            return lent(self._model, adapter, self._settings.model)
        if adapter not in self._adapters:
            self._adapters[adapter] = self._put_on(adapter)
        assert self._peft is not None
        self._peft.set_adapter(self._adapters[adapter])
        return nullcontext()

    def _take_off(self) -> None:
        """Leave nothing of any adapter in the base."""
        if self._peft is not None:
            for name in list(self._peft.peft_config):
                self._peft.delete_adapter(name)
            if hasattr(self._peft, "unload"):
                self._peft.unload()
        self._peft = None
        self._adapters.clear()

    def _put_on(self, folder: Path) -> str:
        """Load an adapter and return its name.

        One that does not fit is left behind half loaded; its name is never used again, and the
        base, which is answered with all adapters disabled, is untouched.
        """
        from peft import PeftConfig, PeftModelForCausalLM
        from safetensors import SafetensorError

        name, base = next(self._names), self._settings.model
        if not (folder / "adapter_model.safetensors").is_file():
            message = f"adapter {folder}: there is no adapter_model.safetensors; train it again"
            raise ModelError(message)
        try:
            config = PeftConfig.from_pretrained(folder)
            config.inference_mode = True
            if self._peft is None:
                with warnings.catch_warnings():
                    # PEFT 0.21 reads an attribute that Transformers 5.23 renamed.
                    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing")
                    self._peft = PeftModelForCausalLM(self._model, config, name)
            keys = self._peft.load_adapter(folder, name, torch_device=str(self._model.device))
        except (RuntimeError, SafetensorError, TypeError, ValueError) as error:
            raise ModelError(_unfit(folder, base, str(error))) from error
        # PEFT checks what it loads of a prompt, and reports it as unexpected all the same.
        prompt = config.is_prompt_learning
        strange = [] if prompt else [*keys.unexpected_keys, *keys.missing_keys]
        if strange:
            raise ModelError(_unfit(folder, base, f"{len(strange)} weights such as {strange[0]}"))
        return name

    def release(self) -> None:
        """Give the memory back, though callers may still hold `answer`."""
        import torch

        del self._model, self._peft
        gc.collect()
        torch.cuda.empty_cache()


def _load(settings: Transformers) -> tuple["PreTrainedTokenizerBase", Any]:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = settings.device
    if device == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        device = found.type if found else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            settings.model, trust_remote_code=settings.trust_remote_code
        )
        model: Any = AutoModelForCausalLM.from_pretrained(
            settings.model,
            dtype=settings.dtype,
            trust_remote_code=settings.trust_remote_code,
            use_safetensors=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        message = f"model {settings.model!r} cannot be loaded: {why_unloadable(error)}"
        raise ModelError(message) from error
    return tokenizer, model.to(device).eval()


def _unfit(folder: Path, base: str, why: str) -> str:
    return (
        f"adapter {folder} does not fit model {base!r}; was it trained on another? {_one_line(why)}"
    )


def _one_line(text: str, longest: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def encode(
    tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[Prompt], longest: int | None = None
) -> list[list[int]]:
    """Return the token ids that a model is shown for each prompt.

    Rendered by the tokenizer's chat template, or as plain text where it has none. Raises
    ModelError for a prompt of more than `longest` ids.
    """
    rows = []
    for prompt in prompts:
        text = _render(tokenizer, prompt)
        begun = tokenizer.bos_token is not None and text.startswith(tokenizer.bos_token)
        row = tokenizer.encode(text, **({"add_special_tokens": False} if begun else {}))
        if longest is not None and len(row) > longest:
            message = (
                f"prompt {prompt.id!r} has {len(row)} tokens, and the model has room for {longest} "
                "before the answer: lower max_tokens, or leave out longer texts"
            )
            raise ModelError(message)
        rows.append(row)
    return rows


def _render(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> str:
    """Return one prompt as text. A template that refuses a system turn gets it in the user's."""
    from jinja2 import TemplateError

    together = "\n\n".join(filter(None, [prompt.system, prompt.prompt]))
    if tokenizer.chat_template is None:
        return together
    turns = [{"role": "user", "content": prompt.prompt}]
    if prompt.system is not None:
        turns.insert(0, {"role": "system", "content": prompt.system})
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except TemplateError:
        turns = [{"role": "user", "content": together}]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return str(text)


@hookimpl
def politune_generators() -> Mapping[str, type[Generator]]:
    return {"transformers": Transformers}
