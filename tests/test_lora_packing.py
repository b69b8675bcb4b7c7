"""Packed rows, the chunked head and the padded path give the same losses and gradients."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from politune_lora import LoRA, adapters, base, head, planning
from politune_lora.loop import Training
from politune_lora.packing import pack
from politune_lora.places import Collect, Spread
from politune_lora.rows import Row, Tokens
from politune_lora.scoring import Scorer

from politune_harness import ModelError
from tests import lora_models as tiny

if TYPE_CHECKING:
    from torch import Tensor

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", "num_key_value_heads": 2, "tie_word_embeddings": False},
    "qwen3, shared heads, tied": {
        "model_type": "qwen3",
        "num_key_value_heads": 1,
        "head_dim": 16,
        "tie_word_embeddings": True,
    },
    "mistral, wide window": {
        "model_type": "mistral",
        "num_key_value_heads": 1,
        "sliding_window": 64,
    },
    "gemma, tied": {"model_type": "gemma", "num_key_value_heads": 1, "head_dim": 16},
    "granite, scaled logits": {"model_type": "granite", "logits_scaling": 3.0},
    "gpt2, learnt positions": {
        "model_type": "gpt2",
        "bos_token_id": 1,
        "eos_token_id": 1,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
    },
}
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 97,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
}


def scorer(fields: dict[str, Any], adapter: dict[str, Any]) -> Scorer:
    """Return a model with random weights in float64, with an adapter that says something."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    config = AutoConfig.for_model(**{**SIZES, **fields})
    model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    settings = {"target_modules": "all-linear", "init_lora_weights": False, "r": 3, **adapter}
    adapted = adapters.attach(model, adapters.configure("lora", settings), "m").double()
    return Scorer(adapted, torch.device("cpu"), torch.float64, 10_000)


def random_rows(seed: int, longest: int = 40) -> list[Row]:
    """Return pairs of random lengths; some prompts are shared by pairs, some end unlike."""
    import numpy as np

    random = np.random.default_rng(seed)
    rows, prompts = [], [random.integers(97, size=n).tolist() for n in (1, 3, 9, 14)]
    for i in range(9):
        prompt = prompts[i % 4]
        answers = []
        for _ in range(2):
            answer = random.integers(97, size=random.integers(1, longest - 14)).tolist()
            own = [*prompt, 5] if random.random() < 0.3 else prompt
            answers.append(Tokens([*own, *answer], len(own)))
        rows.append(Row(str(i), tuple(answers)))
    return rows


def step(scorer: Scorer, rows: list[Row], objective: str) -> "tuple[float, dict[str, Tensor]]":
    """Return the loss of one step over all rows, and the gradient of each weight."""
    training = Training(scorer, rows, LoRA(objective=objective, batch_size=len(rows)), 0)
    loss = float(training._backward(list(range(len(rows))))["loss"])
    grads = {name: w.grad.clone() for name, w in training.weights if w.grad is not None}
    scorer.model.zero_grad()
    return loss, grads


def same(one: "tuple[float, dict[str, Tensor]]", other: "tuple[float, dict[str, Tensor]]") -> None:
    """The head works in float32, so a millionth is what can be asked."""
    assert one[0] == pytest.approx(other[0], rel=1e-6)
    assert one[1].keys() == other[1].keys()
    biggest = max(float(g.abs().max()) for g in other[1].values())
    worst = max(float((g - other[1][name]).abs().max()) for name, g in one[1].items())
    assert worst < 1e-5 * biggest


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_rows_give_the_loss_and_gradient_of_padded_ones(family: str) -> None:
    padded = scorer(FAMILIES[family], {})
    expected = {o: step(padded, random_rows(1), o) for o in ("simpo", "sft")}
    packed = replace(padded.packs(40, wanted=True), micro_tokens=10_000)
    assert packed.packed
    for objective, theirs in expected.items():
        same(step(packed, random_rows(1), objective), theirs)
        same(step(replace(packed, micro_tokens=60), random_rows(1), objective), theirs)
    scaled = family.startswith("granite")
    assert (packed._head is None) == scaled


@pytest.mark.parametrize("chunk", [97 * 7, 97 * 1000])
@pytest.mark.parametrize("target", ["lm_head", "q_proj"])
def test_the_chunked_head_is_the_models_own(
    target: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "CHUNK", chunk)
    ours = scorer(FAMILIES["llama"], {"target_modules": [target, "v_proj"]})
    assert ours._head is not None
    theirs = replace(ours)
    theirs.__dict__["_head"] = None
    for objective in ("orpo", "sft"):
        same(step(ours, random_rows(2), objective), step(theirs, random_rows(2), objective))


@pytest.mark.parametrize("adapter", [{"use_dora": True}, {"modules_to_save": ["lm_head"]}], ids=str)
def test_a_head_that_is_more_than_linear_is_left_to_the_model(adapter: dict[str, Any]) -> None:
    target = ["q_proj"] if "modules_to_save" in adapter else ["q_proj", "lm_head"]
    assert scorer(FAMILIES["llama"], {"target_modules": target, **adapter})._head is None


def test_what_texts_begin_with_alike_is_there_once() -> None:
    import torch

    texts = [Tokens([1, 2, 3, 4], 2), Tokens([1, 2, 9], 2), Tokens([1, 2, 3, 5, 6], 2)]
    batch = pack(texts, torch.device("cpu"))
    assert batch.ids.tolist() == [[1, 2, 3, 5]]
    assert batch.positions is not None
    assert batch.positions.tolist() == [[0, 1, 2, 3]]
    assert batch.sources.tolist() == [1, 2, 1, 1, 2, 3]
    assert batch.targets.tolist() == [3, 4, 9, 3, 5, 6]
    assert batch.sums(batch.targets).tolist() == [7, 9, 14]


@pytest.mark.parametrize(
    ("fields", "adapter", "message"),
    [
        ({"model_type": "mistral", "sliding_window": 8}, {}, "slides over 8 tokens.* has 40"),
        ({"model_type": "gemma2", "head_dim": 16, "sliding_window": 8}, {}, "slides over 8"),
        ({"model_type": "gemma2", "head_dim": 16, "sliding_window": 99}, {}, "is capped"),
        ({"model_type": "mamba", "state_size": 4}, {"target_modules": ["in_proj"]}, "exchanged"),
    ],
    ids=str,
)
def test_a_model_that_cannot_read_packed_rows_is_padded(
    fields: dict[str, Any], adapter: dict[str, Any], message: str
) -> None:
    given = scorer(fields, adapter)
    assert not given.packs(40, wanted=None).packed
    with pytest.raises(ModelError, match=message):
        given.packs(40, wanted=True)


def test_a_prompt_is_not_shared_where_an_adapter_puts_its_own_before_it(tmp_path: Path) -> None:
    import torch

    cpu = torch.device("cpu")
    model = base.load_model(str(tiny.llama(tmp_path)), torch.float32, cpu)
    config = adapters.configure("prefix-tuning", {"num_virtual_tokens": 2})
    given = Scorer(adapters.attach(model, config, "m"), cpu, torch.float32, 512)
    with pytest.raises(ModelError, match="a prefix_tuning adapter has an attention of its own"):
        given.packs(40, wanted=True)


def test_layers_that_are_computed_again_change_no_value_and_keep_less() -> None:
    given, rows = scorer(FAMILIES["llama"], {"lora_dropout": 0.2}), random_rows(4)
    given = given.packs(40, wanted=True)
    need = planning.measure(given, rows)
    assert need.layers == 2
    assert need.least < 0.7 * need.whole
    found = []
    for count in (0, 1, 2):
        planning.recompute(given.model.get_base_model(), count)
        torch_seed()
        found.append(step(given, rows, "sft"))
    for loss, gradients in found[1:]:
        assert loss == found[0][0]
        assert all((g == found[0][1][name]).all() for name, g in gradients.items())


def torch_seed() -> None:
    import torch

    torch.manual_seed(0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_compiled_layers_give_the_same_loss_and_gradient() -> None:
    one_layer = {**FAMILIES["llama"], "num_hidden_layers": 1}
    ours, rows = (
        scorer(one_layer, {"target_modules": ["q_proj"]}).packs(40, wanted=True),
        random_rows(6),
    )
    expected = step(ours, rows, "sft")
    planning.compiled(ours.model.get_base_model())
    same(step(ours, rows, "sft"), expected)
    (layer,) = planning.layers(ours.model.get_base_model())
    assert layer._compiled_call_impl is not None


def test_memory_is_planned_from_what_passes_keep() -> None:
    rows, given = random_rows(4), scorer(FAMILIES["llama"], {})
    one, many = (planning.kept_per_token(given, part) for part in (rows[:2], rows))
    assert 0.5 < one / many < 2  # texts of unlike length are padded for attention
    assert many > 2 * 32 * 8  # more than the two layers' inputs, in float64
    need = planning.Need(whole=1000.0, least=200.0, layers=4)
    assert [need.per_token(count) for count in range(5)] == [1000, 1000, 800, 600, 400]
    assert planning.fit(2**40, need, rows, None) == (0, planning.MOST)
    room = int(planning.ENOUGH * 650 / planning.SHARE)
    assert planning.fit(room, need, rows, None) == (3, 2218)
    assert planning.fit(room, need, rows, 1) == (1, 1331)
    assert planning.fit(int(100 * 400 / planning.SHARE), need, rows, None) == (4, 100)
    with pytest.raises(ModelError, match=r"the longest row has \d+ tokens.*lower max_length"):
        planning.fit(4000, need, rows, None)


def test_weights_that_do_not_fit_are_told_before_they_are_loaded(tmp_path: Path) -> None:
    import torch

    model = str(tiny.llama(tmp_path))
    size = planning.weights(model)
    loaded = base.load_model(model, torch.float32, torch.device("cpu"))
    assert size == sum(weight.numel() for weight in loaded.parameters())
    planning.weigh(model, 32, 0, size * 4)
    with pytest.raises(ModelError, match=r"for its weights alone.*: take dtype: bfloat16, or a sm"):
        planning.weigh(model, 32, 0, size * 4 - 1)
    with pytest.raises(ModelError, match="take four_bit: true"):
        planning.weigh(model, 16, 0, size)
    with pytest.raises(ModelError, match="take an adapter in place of full, or a smaller model"):
        planning.weigh(model, 32, 1, size * 15)


def test_a_lora_is_what_peft_makes_of_it() -> None:
    ours, theirs = (scorer(FAMILIES["llama"], {"use_rslora": True}) for _ in range(2))
    fused = [m for m in theirs.model.modules() if m.__dict__.pop("forward", None)]
    assert len(fused) == 2 * 7
    same(step(ours, random_rows(5), "simpo"), step(theirs, random_rows(5), "simpo"))
    for given in (ours, theirs):
        assert (given.reference(random_rows(5)) != given.all(random_rows(5))).any()
    assert (ours.reference(random_rows(5)) == theirs.reference(random_rows(5))).all()


def test_texts_one_after_the_other_are_where_those_side_by_side_are() -> None:
    import torch

    texts = [Tokens([1, 2, 3, 4], 2), Tokens([1, 2, 9], 2), Tokens([1, 2, 3, 5, 6], 2)]
    filled, whole = (pack(texts, torch.device("cpu"), dense=dense) for dense in (False, True))
    assert filled.documents is not None
    assert whole.documents is not None
    assert whole.documents.starts is not None
    assert whole.documents.starts.tolist() == [0, 3, 5, 9]
    for documents in (filled.documents, whole.documents):
        values = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
        spread = Spread.apply(values, documents)  # type: ignore[no-untyped-call]
        assert (spread == values[documents.places]).all()
        real = torch.tensor([n for t, n in enumerate(documents.places.tolist())])
        push = torch.randn_like(spread)
        push[
            [
                at not in {*documents.back.tolist(), *documents.again.tolist()}
                for at in range(len(real))
            ]
        ] = 0
        (found,) = torch.autograd.grad(spread, values, push)
        assert torch.allclose(found, torch.zeros(4, 3).double().index_add_(0, real, push))
        (found,) = torch.autograd.grad(Collect.apply(spread, documents).sum(), values)  # type: ignore[no-untyped-call]
        assert (found == 1).all()


@pytest.mark.gpu
def test_packed_rows_on_a_gpu_are_padded_ones() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    padded = scorer(FAMILIES["llama"], {})
    padded.model.to("cuda", torch.bfloat16)
    padded = replace(padded, device=torch.device("cuda"), dtype=torch.bfloat16)
    with torch.no_grad():
        expected = padded.answers(random_rows(3))
        found = padded.packs(40, wanted=True).answers(random_rows(3))
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()
