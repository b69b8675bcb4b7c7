"""The `transformers` generator on tiny real models and adapters."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from politune_transformers import Transformers, encode

from politune_harness import Completion, ModelError, Prompt
from politune_harness.adapters import base_digest
from tests import lora_models as tiny

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")

PROMPTS = [
    Prompt(id="short", prompt="Why?"),
    Prompt(id="long", prompt="Should the harbour open earlier, and should it stay open?" * 3),
    Prompt(id="system", prompt="And the meadow?", system="You mind the rain."),
    Prompt(id="odd", prompt="é 漢 <|end|> [INST]"),
    Prompt(id="again", prompt="Why?"),
]


@pytest.fixture(scope="module", autouse=True)
def two_threads() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.llama(tmp_path_factory.mktemp("model"))


def adapter(folder: Path, model: Path, seed: int, **fields: object) -> Path:
    """Write a LoRA adapter for `model` that changes what it says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, r=4)
    config.target_modules = ["q_proj", "v_proj", "down_proj"]
    for name, value in fields.items():
        setattr(config, name, value)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        get_peft_model(AutoModelForCausalLM.from_pretrained(model), config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return [
        adapter(folder / "left", model, 1),
        adapter(folder / "right", model, 2, r=8, target_modules=["o_proj"], use_dora=True),
    ]


def answers(generator: Transformers, adapter: Path | None = None) -> list[Completion]:
    with generator.session() as answer:
        return list(answer(PROMPTS, adapter))


def greedy(model: Path, **fields: object) -> Transformers:
    given = {"max_tokens": 12, "dtype": "float32", "device": "cpu", **fields}
    return Transformers.model_validate({"model": str(model), **given})


def test_a_batch_says_what_single_prompts_say_in_their_order(model: Path) -> None:
    one, many = (answers(greedy(model, batch_size=size)) for size in (1, 3))
    assert one == many
    assert [c.id for c in many] == [p.id for p in PROMPTS]
    assert [c.prompt for c in many] == [p.prompt for p in PROMPTS]
    assert many[0].completion == many[4].completion
    assert len({c.completion for c in many}) == len(many) - 1


def test_one_session_serves_the_base_and_several_adapters(
    model: Path, adapters: list[Path]
) -> None:
    left, right = adapters
    with greedy(model).session() as answer:
        said = [list(answer(PROMPTS, a)) for a in (None, left, right, None, left)]
    assert said[0] == said[3]
    assert said[1] == said[4]
    assert said[0] != said[1] != said[2] != said[0]
    assert said[0] == answers(greedy(model))
    assert said[2] == answers(greedy(model), right)


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All weights of the model, somewhat other, as `adapter: full` leaves them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("whole")
    lm = AutoModelForCausalLM.from_pretrained(model)
    with torch.no_grad(), torch.random.fork_rng([]):
        torch.manual_seed(3)
        for weight in lm.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.05)
    lm.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    (folder / "politune.json").write_text(json.dumps({"base_sha256": base_digest(str(model))}))
    return folder


def test_a_model_made_of_the_base_answers_among_adapters(
    model: Path, adapters: list[Path], whole: Path
) -> None:
    with greedy(model).session() as answer:
        said = [list(answer(PROMPTS, a)) for a in (whole, adapters[0], whole, None, adapters[0])]
    assert said[0] == said[2] == answers(greedy(whole))
    assert said[1] == said[4] == answers(greedy(model), adapters[0])
    assert said[3] == answers(greedy(model)) != said[0]


def test_an_adapter_says_what_peft_alone_says(model: Path, adapters: list[Path]) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(model)
    alone = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), adapters[0])
    expected = tokens.decode(said_first(alone, tokens), skip_special_tokens=True)
    assert answers(greedy(model), adapters[0])[0].completion == expected


def said_first(model: "PreTrainedModel", tokens: "PreTrainedTokenizerBase") -> list[int]:
    """Return what a model says to the first prompt, greedily, with nothing of ours between."""
    import torch

    ids = torch.tensor(encode(tokens, PROMPTS[:1]))
    mask = torch.ones_like(ids)
    generate: Any = model.generate
    out = generate(ids, attention_mask=mask, max_new_tokens=12, do_sample=False)
    return list(out[0, ids.shape[1] :].tolist())


@pytest.mark.parametrize("kind", ["IA3Config", "PrefixTuningConfig"])
def test_adapters_of_other_kinds_are_put_on_and_taken_off(
    kind: str, model: Path, tmp_path: Path
) -> None:
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    fields = {"num_virtual_tokens": 4} if kind == "PrefixTuningConfig" else {}
    adapted = peft.get_peft_model(
        AutoModelForCausalLM.from_pretrained(model),
        getattr(peft, kind)(task_type="CAUSAL_LM", **fields),
    )
    with torch.no_grad():
        for weights in adapted.parameters():
            if weights.requires_grad:
                weights.copy_(torch.linspace(-2, 2, weights.numel()).reshape(weights.shape))
    adapted.save_pretrained(tmp_path)
    with greedy(model).session() as answer:
        said = [list(answer(PROMPTS, a)) for a in (None, tmp_path, None)]
    assert said[0] == said[2] != said[1]
    assert said[1] == answers(greedy(model, batch_size=1), tmp_path)


@pytest.mark.parametrize("change", [{"hidden": 32}, {"layers": 1}, {"layers": 3}])
def test_an_adapter_of_another_base_is_refused_and_the_base_unharmed(
    change: dict[str, int], model: Path, adapters: list[Path], tmp_path: Path
) -> None:
    other = adapter(tmp_path / "adapter", reshaped(model, tmp_path / "other", **change), 3)
    with greedy(model).session() as answer:
        with pytest.raises(ModelError, match=r"adapter .* does not fit model .*") as caught:
            list(answer(PROMPTS, other))
        assert "\n" not in str(caught.value)
        assert list(answer(PROMPTS)) == answers(greedy(model))
        assert list(answer(PROMPTS, adapters[0])) == answers(greedy(model), adapters[0])
        with pytest.raises(ModelError, match="does not fit"):
            list(answer(PROMPTS, other))


def reshaped(model: Path, folder: Path, hidden: int = 64, layers: int = 2) -> Path:
    """Write a model like another, of another size."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config: Any = AutoConfig.from_pretrained(model)
    config.hidden_size, config.num_hidden_layers = hidden, layers
    config.head_dim = hidden // 2
    build: Any = AutoModelForCausalLM.from_config
    build(config).save_pretrained(folder)
    return folder


def test_what_is_no_adapter_is_refused(model: Path, adapters: list[Path], tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    pickled = tmp_path / "pickled"
    shutil.copytree(adapters[0], pickled)
    weights = pickled / "adapter_model.safetensors"
    torch.save(load_file(weights), pickled / "adapter_model.bin")
    weights.unlink()
    broken = tmp_path / "broken"
    shutil.copytree(adapters[0], broken)
    (broken / "adapter_model.safetensors").write_bytes(b"half")
    unnamed = tmp_path / "unnamed"
    shutil.copytree(adapters[0], unnamed)
    (unnamed / "adapter_config.json").unlink()
    for folder in (tmp_path / "nowhere", pickled, broken, unnamed):
        with pytest.raises(ModelError, match=f"adapter {folder}") as caught:
            answers(greedy(model), folder)
        assert "\n" not in str(caught.value)


def test_samples_are_the_same_from_call_to_call_and_differ_by_seed(model: Path) -> None:
    import torch

    hot = greedy(model, temperature=1.5, top_p=0.95)
    with hot.session() as answer:
        state = torch.get_rng_state()
        first, second = list(answer(PROMPTS)), list(answer(PROMPTS))
        assert torch.equal(torch.get_rng_state(), state)
    assert first == second == answers(hot)
    assert first[0].completion != first[4].completion
    assert first != answers(hot.model_copy(update={"seed": 1}))


def test_only_the_fields_and_the_end_tokens_decide_how_it_decodes(
    model: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    plain, tokens = answers(greedy(model)), AutoTokenizer.from_pretrained(model)
    said = said_first(AutoModelForCausalLM.from_pretrained(model), tokens)
    config: Any = GenerationConfig
    for ends, expected in (([], plain[0].completion), (said[2:3], tokens.decode(said[:2]))):
        other = tmp_path / f"model-{len(ends)}"
        shutil.copytree(model, other)
        settings = config(
            do_sample=True, temperature=3.0, repetition_penalty=9.0, eos_token_id=ends or None
        )
        settings.save_pretrained(other)
        assert answers(greedy(other))[0].completion == expected


@pytest.mark.parametrize(
    ("template", "tokenizer"),
    [
        (tiny.CHAT, {}),
        (tiny.CHAT, {"adds_bos": True}),
        (None, {}),
        (None, {"adds_bos": True}),
        (tiny.INSTRUCT, {"adds_bos": True}),
    ],
)
def test_a_prompt_is_shown_as_lm_eval_shows_it(
    template: str | None, tokenizer: dict[str, bool], tmp_path: Path
) -> None:
    from lm_eval.models.huggingface import HFLM

    tokens = tiny.tokenizer(template, **tokenizer)
    folder = tiny.llama(tmp_path, tokens=tokens)
    lm = HFLM(pretrained=str(folder), device="cpu", dtype="float32")
    for prompt in PROMPTS:
        turns = [{"role": "user", "content": prompt.prompt}]
        if prompt.system and template == tiny.CHAT:
            turns.insert(0, {"role": "system", "content": prompt.system})
        elif prompt.system:
            turns[0]["content"] = f"{prompt.system}\n\n{prompt.prompt}"
        text = lm.apply_chat_template(turns) if template else turns[0]["content"]
        expected, _ = lm.tok_batch_encode([text])
        assert encode(tokens, [prompt]) == expected.tolist()


def test_a_prompt_without_room_for_an_answer_is_an_error(model: Path) -> None:
    tight = greedy(model, max_tokens=480)
    with pytest.raises(ModelError, match=r"prompt 'long' has \d+ tokens, and .* room for 32 "):
        answers(tight)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_broken_model_is_one_line(name: str, model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    shutil.copytree(model, broken)
    (broken / name).write_bytes(b"{")
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        answers(greedy(broken))
    assert "\n" not in str(caught.value)
