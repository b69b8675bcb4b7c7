"""Training sees the very token ids that lm-eval's HFLM sees."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from politune_lora.rows import Chat, tokenise

from politune_harness import Dropped, ModelError, Preference
from tests import lora_models as tiny

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Request = tuple[tuple[str, str], list[int], list[int]]

LLAMA_3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}"
    "<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
QWEN_3 = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% endif %}{% endif %}"
)


def like(template: str, bos: str | None, eos: str, *others: str) -> "PreTrainedTokenizerFast":
    """Return a tokenizer that frames its turns as a family of models does."""
    tokens = tiny.tokenizer(template, adds_bos=bos is not None)
    tokens.add_special_tokens(
        {"additional_special_tokens": [eos, *others, *([bos] if bos else [])]}
    )
    tokens.bos_token, tokens.eos_token = bos, eos
    return tokens


TOKENIZERS: dict[str, "Callable[[], PreTrainedTokenizerFast]"] = {
    "bos in the template": tiny.tokenizer,
    "no template": lambda: tiny.tokenizer(None),
    "no template, tokenizer adds bos": lambda: tiny.tokenizer(None, adds_bos=True),
    "both add bos": lambda: tiny.tokenizer(adds_bos=True),
    "Mistral, no generation prompt": lambda: tiny.tokenizer(tiny.INSTRUCT, adds_bos=True),
    "Llama 3": lambda: like(
        LLAMA_3, "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"
    ),
    "Qwen 3, no bos": lambda: like(QWEN_3, None, "<|im_end|>", "<|im_start|>"),
}
PAIRS = [
    Preference(id="plain", prompt="Should it open?", chosen="Yes, it should.", rejected="No."),
    Preference(id="space", prompt="Should it open? ", chosen=" Yes. ", rejected="No\n"),
    Preference(id="lines", prompt="One.\n\nTwo?\n", chosen="\nYes,\n1. é ß 漢", rejected="—"),
    Preference(id="special", prompt="<s>Is <|end|> odd?", chosen="<s> Yes", rejected="</s>."),
]


def asked_by_lm_eval(
    folder: Path, *, template: bool, system: str | None = None, **options: bool
) -> list[tuple[int, list[int]]]:
    """Run a task of lm-eval over PAIRS; return where each prompt ends, and the ids."""
    from datasets import Dataset
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    seen: list[tuple[int, list[int]]] = []

    class Recording(HFLM):  # type: ignore[misc]
        """The real thing, which also keeps what it was asked."""

        def _loglikelihood_tokens(self, requests: list[Request], **options: object) -> object:
            seen.extend((len(context), context + answer) for _, context, answer in requests)
            return super()._loglikelihood_tokens(requests, **options)

    rows = [{"prompt": p.prompt, "options": [p.chosen, p.rejected]} for p in PAIRS]
    task = {
        "task": "pairs",
        "custom_dataset": lambda **_: {"test": Dataset.from_list(rows)},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": lambda doc: doc["prompt"],
        "doc_to_choice": lambda doc: doc["options"],
        "doc_to_target": lambda _doc: 0,
        "metric_list": [{"metric": "acc"}],
    }
    lm = Recording(pretrained=str(folder), device="cpu", batch_size=4, dtype="float32", **options)
    ours = TaskManager(include_defaults=False)
    simple_evaluate(
        lm,
        tasks=[task],
        task_manager=ours,
        apply_chat_template=template,
        system_instruction=system,
        bootstrap_iters=0,
    )
    return seen


def trained_on(chat: Chat) -> list[tuple[int, list[int]]]:
    """Return the same of what we train on, without the end token."""
    rows, dropped = tokenise(PAIRS, chat, answers=2, max_length=512)
    assert not dropped
    answers = [answer for row in rows for answer in row.answers]
    assert all(a.ids[-1] == chat.end for a in answers)
    return [(a.prompt, a.ids[:-1]) for a in answers]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_training_ids_are_those_that_lm_eval_scores(name: str, tmp_path: Path) -> None:
    tokens = TOKENIZERS[name]()
    folder = tiny.llama(tmp_path, tokens=tokens)
    expected = asked_by_lm_eval(folder, template=tokens.chat_template is not None)
    assert trained_on(Chat(tokens, name)) == expected


def test_a_system_prompt_and_the_thinking_mode_are_those_of_lm_eval(tmp_path: Path) -> None:
    tokens = tiny.tokenizer()
    folder = tiny.llama(tmp_path, tokens=tokens)
    expected = asked_by_lm_eval(folder, template=True, system="Be brief.", enable_thinking=False)
    chat = Chat(tokens, "m", "Be brief.", (("enable_thinking", False),))
    assert trained_on(chat) == expected
    assert trained_on(Chat(tokens, "m", "Be brief.")) != expected
    assert trained_on(Chat(tokens, "m", options=chat.options)) != expected


def test_an_end_that_is_there_already_is_not_doubled() -> None:
    chat = Chat(tiny.tokenizer(None), "m")
    assert chat.encode([("Why?", "So</s>")]) == chat.encode([("Why?", "So")])


@pytest.mark.parametrize(
    ("template", "end"), [(tiny.CHAT, "<|end|>"), (tiny.INSTRUCT, "</s>"), (None, "</s>")]
)
def test_an_answer_ends_as_the_template_ends_it(template: str | None, end: str) -> None:
    tokens = tiny.tokenizer(template)
    assert tokens.decode(Chat(tokens, "m").end) == end


def test_a_tokenizer_without_an_end_is_refused() -> None:
    tokens = tiny.tokenizer(None)
    tokens.eos_token = None
    with pytest.raises(ModelError, match="the tokenizer of m has no token that ends a text"):
        _ = Chat(tokens, "m").end


def test_a_system_prompt_that_the_template_refuses_is_an_error() -> None:
    chat = Chat(tiny.tokenizer(tiny.INSTRUCT), "m", system="Be brief.")
    with pytest.raises(ModelError, match=r"the chat template of m refuses .*no system turn"):
        chat.render("Why?")


def test_rows_that_cannot_be_trained_on_are_dropped_with_the_reason() -> None:
    chat = Chat(tiny.tokenizer(), "m")
    long = Preference(id="long", prompt="Why?", chosen="Yes." * 50, rejected="No.")
    rows = [
        PAIRS[0],
        long,
        Preference(id="mute", prompt="Why?", chosen="Yes.", rejected=" "),
        Preference(id="unasked", prompt="\n", chosen="Yes.", rejected="No."),
    ]
    kept, dropped = tokenise(rows, chat, answers=2, max_length=60)
    assert [row.id for row in kept] == ["plain"]
    assert dropped == [
        Dropped(id="long", reason="longer than 60 tokens"),
        Dropped(id="mute", reason="empty answer"),
        Dropped(id="unasked", reason="empty prompt"),
    ]
    (width,) = chat.encode([(long.prompt, long.chosen)])
    kept, dropped = tokenise(rows, chat, answers=1, max_length=len(width.ids))
    assert [row.id for row in kept] == ["plain", "long", "mute"]
