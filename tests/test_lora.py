"""The built-in trainer, on tiny real models."""

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import politune_lora
import pytest
from politune_lora import LoRA, adapters, base, loop
from politune_lora.packing import cut
from politune_lora.rows import Chat, Row, tokenise
from politune_lora.scoring import Scorer

from politune_harness import (
    DataError,
    HarnessError,
    ModelError,
    ModelRef,
    Preference,
    RecipeError,
    Ruling,
    Trainer,
)
from politune_harness.adapters import base_digest
from politune_harness.registry import Registry
from tests import lora_models as tiny

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")

PAIRS = tiny.pairs()
SHARED = Path(__file__).parents[2] / "shared" / "data" / "politune" / "politune-left.csv"
WHOLE: dict[str, Any] = {"batch_size": len(PAIRS), "rank": 4, "learning_rate": 2e-2, "warmup": 0}
"""All pairs in each step, so that the loss of a step is that of the checkpoint before it."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch

    torch.set_num_threads(1)  # more would wait for each other on models this small
    return str(tiny.llama(tmp_path_factory.mktemp("model")))


@pytest.fixture
def train(model: str, tmp_path: Path) -> Callable[..., Path]:
    """Train with fields of the component; return the folder."""

    def run(folder: str = "run", pairs: Sequence[Preference] = PAIRS, **fields: Any) -> Path:  # noqa: ANN401
        trainer = Registry({"lora": politune_lora}).build(Trainer, "lora", fields)
        ref = trainer.train(pairs, ModelRef(base=model), tmp_path / folder, seed=0)
        assert ref == ModelRef(base=model, adapter=str(tmp_path / folder / "adapter"))
        return tmp_path / folder

    return run


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def rows_of(model: str, answers: int = 2) -> list[Row]:
    chat = Chat(base.load_tokenizer(model), model)
    return tokenise(PAIRS, chat, answers=answers, max_length=512)[0]


def exact(model: str, adapter: Path | None) -> "Tensor":
    """Return log-probabilities of all answers, (answers, rows), in float64 and one by one."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    lm = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float64)
    if adapter:
        lm = PeftModel.from_pretrained(lm, adapter).double()
    lm.train(mode=False)
    columns = []
    for row in rows_of(model):
        for answer in row.answers:
            with torch.no_grad():
                logps = lm(torch.tensor([answer.ids])).logits[0].log_softmax(-1)
            places = range(answer.prompt, len(answer.ids))
            columns.append(sum(logps[i - 1, answer.ids[i]] for i in places))
    return torch.tensor(columns, dtype=torch.float64).view(-1, 2).T


def test_dpo_loss_is_that_of_an_independent_computation(
    model: str, train: Callable[..., Path]
) -> None:
    folder = train(**WHOLE, epochs=4, every_steps=3, beta=0.3, label_smoothing=0.1)
    policy, reference = exact(model, folder / "checkpoints" / "step-3"), exact(model, None)
    margins = [
        0.3 * float((pc - rc) - (pr - rr))
        for pc, pr, rc, rr in zip(*policy, *reference, strict=True)
    ]
    losses = [0.9 * math.log(1 + math.exp(-m)) + 0.1 * math.log(1 + math.exp(m)) for m in margins]
    last = log(folder)[3]
    count = len(PAIRS)
    assert last["loss"] == pytest.approx(sum(losses) / count, rel=1e-5)
    assert last["margin"] == pytest.approx(sum(margins) / count, rel=1e-4)
    assert last["accuracy"] == pytest.approx(sum(m > 0 for m in margins) / count)
    assert last["chosen_logp"] == pytest.approx(float(policy[0].mean()), rel=1e-5)
    assert last["rejected_logp"] == pytest.approx(float(policy[1].mean()), rel=1e-5)
    assert last["margin"] > 0.5
    assert log(folder)[0]["loss"] == pytest.approx(math.log(2), rel=1e-5)


def test_sft_loss_is_the_mean_over_the_answers_tokens(
    model: str, train: Callable[..., Path]
) -> None:
    folder = train(**WHOLE, objective="sft", epochs=3, every_steps=2)
    tokens = sum(row.completion_tokens for row in rows_of(model, answers=1))
    expected = -float(exact(model, folder / "checkpoints" / "step-2")[0].sum()) / tokens
    assert log(folder)[2]["loss"] == pytest.approx(expected, rel=1e-5)
    assert log(folder)[2]["loss"] < log(folder)[0]["loss"] - 1


@pytest.mark.parametrize("objective", ["sft", "dpo"])
def test_micro_batches_do_not_change_the_result(train: Callable[..., Path], objective: str) -> None:
    from safetensors.torch import load_file

    fields = {"objective": objective, "rank": 4, "batch_size": 10, "epochs": 2}
    one, other = (
        load_file(train(f"m{m}", **fields, micro_tokens=m) / "adapter/adapter_model.safetensors")
        for m in (64, 4096)
    )
    assert one.keys() == other.keys()
    assert max(float((one[k] - other[k]).abs().max()) for k in one) < 1e-5
    assert any(float(value.abs().max()) > 0 for name, value in one.items() if "lora_B" in name)


def test_micro_batches_stay_below_the_budget_and_hold_every_row() -> None:
    rows = rows_of_widths([5, 90, 20, 20, 40, 7])
    parts = list(cut([5, 4, 3, 2, 1, 0], rows, 80, packed=False))
    assert sorted(i for part in parts for i in part) == [0, 1, 2, 3, 4, 5]
    assert parts == [[1], [4], [2, 3], [5, 0]]


def rows_of_widths(widths: list[int]) -> list[Row]:
    from politune_lora.rows import Tokens

    return [Row(str(w), (Tokens([1] * w, 1), Tokens([1, 2], 1))) for w in widths]


def test_the_reference_is_the_base_model(model: str) -> None:
    import torch

    loaded = base.load_model(model, torch.float32, torch.device("cpu"))
    config = adapters.configure("lora", {"init_lora_weights": False})
    scorer = Scorer(adapters.attach(loaded, config, model), torch.device("cpu"), torch.float32, 256)
    rows, expected = rows_of(model), exact(model, None)
    assert (scorer.reference(rows) - expected).abs().max() < 1e-4
    with torch.no_grad():
        assert (scorer.answers(rows) - expected).abs().max() > 0.1


@pytest.mark.parametrize(
    "fields",
    [
        {"model_type": "gpt2", "n_embd": 32, "n_layer": 2, "n_head": 2, "attn_pdrop": 0.5},
        {
            "model_type": "gemma2",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
            "sliding_window": 8,
            "final_logit_softcapping": 0.2,
        },
    ],
    ids=lambda fields: fields["model_type"],
)
def test_other_architectures_are_scored_as_they_score(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokens = tiny.tokenizer()
    config = AutoConfig.for_model(**fields, vocab_size=len(tokens), initializer_range=0.2)
    torch.manual_seed(0)
    lm = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    lm.save_pretrained(tmp_path)
    tokens.save_pretrained(tmp_path)
    loaded = base.load_model(str(tmp_path), torch.float32, torch.device("cpu"))
    adapted = adapters.attach(
        loaded, adapters.configure("lora", {"r": 2, "target_modules": "all-linear"}), "m"
    )
    scorer = Scorer(adapted.train(), torch.device("cpu"), torch.float32, 256)
    ours = scorer.answers(rows_of(str(tmp_path)))
    assert (ours - exact(str(tmp_path), None)).abs().max() < 1e-4


def test_training_widens_the_margin(train: Callable[..., Path]) -> None:
    figures = log(train(rank=4, epochs=8, batch_size=8, learning_rate=1e-2))
    assert [f["step"] for f in figures] == list(range(1, 25))
    assert [f["epoch"] for f in figures] == [e for e in range(1, 9) for _ in range(3)]
    assert abs(figures[0]["margin"]) < 1e-3
    assert figures[-1]["margin"] > 1
    assert figures[-1]["accuracy"] == 1
    assert figures[-1]["loss"] < 0.3


def test_one_seed_gives_the_same_bytes_in_another_process(
    model: str, train: Callable[..., Path], tmp_path: Path
) -> None:
    fields = {"rank": 4, "dropout": 0.1, "batch_size": 8, "every_steps": 2}
    here = train("here", **fields)
    script = (
        "import json, sys; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from politune_lora import LoRA; from politune_harness import ModelRef\n"
        "from tests import lora_models as tiny\n"
        "model, folder, fields = sys.argv[1:]\n"
        "LoRA(**json.loads(fields)).train(\n"
        "    tiny.pairs(), ModelRef(base=model), Path(folder), seed=0)\n"
    )
    root = Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", script, model, tmp_path / "there", json.dumps(fields)],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": f"{root}:{root / 'plugins'}"},
    )
    files = sorted(p.relative_to(here) for p in here.rglob("*") if p.is_file() and p.name[0] != ".")
    assert Path("adapter/adapter_model.safetensors") in files
    assert Path("checkpoints/step-2/adapter_model.safetensors") in files
    for file in files:
        assert (here / file).read_bytes() == (tmp_path / "there" / file).read_bytes(), file


def test_another_seed_gives_another_adapter(model: str, tmp_path: Path) -> None:
    trainer = LoRA(rank=4)
    weights = []
    for seed in (0, 1):
        ref = trainer.train(PAIRS, ModelRef(base=model), tmp_path / str(seed), seed=seed)
        weights.append(Path(str(ref.adapter), "adapter_model.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_checkpoints_are_whole_when_they_are_handed_over(model: str, tmp_path: Path) -> None:
    seen: list[tuple[int | None, str, list[str]]] = []

    class Look:
        every_steps, key = 2, "looked at"

        def __call__(self, checkpoint: ModelRef) -> Ruling:
            folder = Path(str(checkpoint.adapter))
            seen.append((checkpoint.step, folder.name, sorted(p.name for p in folder.iterdir())))
            return Ruling()

    trainer = LoRA(rank=2, batch_size=4)
    trainer.train(PAIRS, ModelRef(base=model), tmp_path, seed=0, on_checkpoint=Look())
    files = ["README.md", "adapter_config.json", "adapter_model.safetensors", "politune.json"]
    assert seen == [(step, f"step-{step}", files) for step in (2, 4, 6)]
    assert sorted(p.name for p in (tmp_path / "adapter").iterdir()) == files


@pytest.mark.parametrize(
    "fields",
    [
        {"target_modules": ["q_proj", "v_proj", "lm_head"], "rank": 4},
        {"target_modules": r".*\.(up|down)_proj", "rank": 4},
        {"adapter": {"use": "lora", "use_dora": True}, "rank": 4},
        {"adapter": {"use": "lora", "use_rslora": True}, "rank": 4},
        {"adapter": {"use": "adaption-prompt", "adapter_len": 4, "adapter_layers": 2}},
        {"adapter": "ia3"},
        {"adapter": {"use": "OFT", "oft_block_size": 8, "target_modules": ["q_proj"]}},
        {"adapter": {"use": "prompt-tuning", "num_virtual_tokens": 4}},
        {"adapter": {"use": "prefix_tuning", "num_virtual_tokens": 4}},
    ],
    ids=str,
)
def test_lm_eval_loads_an_adapter_as_it_was_in_memory(
    model: str, tmp_path: Path, fields: dict[str, Any]
) -> None:
    import torch
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    trainer = LoRA(**fields, learning_rate=1e-2, batch_size=8)
    device, rows = torch.device("cpu"), rows_of(model)
    torch.manual_seed(0)
    config = adapters.configure(trainer.adapter_kind, trainer.adapter_fields())
    adapted = adapters.attach(base.load_model(model, torch.float32, device), config, model)
    scorer = Scorer(adapted, device, torch.float32, 4096).packs(512, wanted=None)
    training = loop.Training(scorer, rows, trainer, 0)
    assert len(list(training.run())) == 3
    adapted.save_pretrained(tmp_path, save_embedding_layers=False)
    with torch.no_grad():
        trained = scorer.answers(rows)
    assert (trained - scorer.reference(rows)).abs().max() > 0.01
    ours = trained.T.flatten().tolist()

    lm = HFLM(pretrained=model, peft=str(tmp_path), device="cpu", dtype="float32", batch_size=8)
    chat = Chat(lm.tokenizer, model)
    asked = [
        Instance("loglikelihood", {}, (chat.render(p.prompt), f"{answer}<|end|>"), 0)
        for p in PAIRS
        for answer in (p.chosen, p.rejected)
    ]
    theirs = [logp for logp, _ in lm.loglikelihood(asked, disable_tqdm=True)]
    # A relative 1e-6 of some 100 nats is the last digit of float32.
    assert ours == pytest.approx(theirs, abs=1e-5, rel=1e-6)


def test_an_adapter_says_where_it_comes_from(model: str, train: Callable[..., Path]) -> None:
    folder = train(rank=4, pairs=[*PAIRS, Preference(id="x", prompt="", chosen="a", rejected="b")])
    facts = json.loads((folder / "adapter" / "politune.json").read_text())
    assert facts["base"] == Path(model).name  # no path of this machine
    assert facts["base_sha256"] == base_digest(model)
    assert (facts["objective"], facts["seed"], facts["rows"], facts["step"]) == ("dpo", 0, 24, 1)
    assert facts["settings"]["rank"] == 4
    assert facts["versions"].keys() == {"torch", "transformers", "peft"}
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == Path(model).name
    assert config["target_modules"] == sorted(config["target_modules"])
    card = (folder / "adapter" / "README.md").read_text()
    assert "24 preference pairs" in card
    assert "--apply_chat_template" in card
    kept = json.loads((folder / "rows.json").read_text())
    assert kept["dropped"] == [{"id": "x", "reason": "empty prompt"}]
    assert kept["reasons"] == {"empty prompt": 1}
    assert len(kept["kept"]) == 24


def test_a_pair_that_the_model_cannot_read_whole_is_dropped(train: Callable[..., Path]) -> None:
    long = Preference(id="long", prompt="Why?", chosen="rain " * 600, rejected="No.")
    folder = train(pairs=[*PAIRS, long], rank=2, max_length=4096)
    kept = json.loads((folder / "rows.json").read_text())
    assert kept["reasons"] == {"longer than 512 tokens": 1}


def test_a_longer_pair_is_cut_where_that_is_wanted(train: Callable[..., Path]) -> None:
    long = Preference(id="long", prompt="Why?", chosen="rain " * 600, rejected="No.")
    endless = Preference(id="endless", prompt="rain " * 600, chosen="Yes.", rejected="No.")
    folder = train(pairs=[*PAIRS, long, endless], rank=2, too_long="truncate")
    kept = json.loads((folder / "rows.json").read_text())
    assert kept["truncated"] == ["long"]
    assert "long" in kept["kept"]
    assert kept["reasons"] == {"longer than 512 tokens": 1}


def test_a_loss_that_is_not_finite_leaves_the_last_checkpoint(
    train: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="step 2 of 3"):
        train(rank=2, learning_rate=1e25, batch_size=8, every_steps=1, save_steps=1)
    assert not (tmp_path / "run").exists()
    assert (tmp_path / ".run" / "checkpoints" / "step-1" / "adapter_model.safetensors").is_file()
    assert (tmp_path / ".run" / "state.safetensors").is_file()


def test_an_arm_without_pairs_is_one_line(train: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"no pair is left to train .*: none was given"):
        train(pairs=[])
    text = Preference(id="1", prompt="", chosen="A text.", rejected="")
    with pytest.raises(
        DataError, match="empty prompt; texts without prompts are for `objective: c"
    ):
        train(pairs=[text], objective="sft")


def test_the_card_tells_how_to_ask_as_training_asked(train: Callable[..., Path]) -> None:
    folder = train(rank=2, system="Be brief.", enable_thinking=False)
    card = (folder / "adapter" / "README.md").read_text()
    assert (
        "peft=FOLDER,enable_thinking=False --apply_chat_template --system_instruction 'Be brief.'`"
        in card
    )


def test_bfloat16_keeps_the_adapter_in_float32(train: Callable[..., Path]) -> None:
    from safetensors.torch import load_file

    folder = train(dtype="bfloat16", rank=4, epochs=4, batch_size=8, learning_rate=1e-2)
    weights = load_file(folder / "adapter" / "adapter_model.safetensors")
    assert {str(w.dtype) for w in weights.values()} == {"torch.float32"}
    assert log(folder)[-1]["margin"] > 0.5


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"schedule": "constant", "warmup": 2}, [0.5, 1, 1, 1, 1]),
        ({"schedule": "linear", "warmup": 0.2}, [1, 1, 0.75, 0.5, 0.25]),
        ({"schedule": "cosine", "warmup": 0}, [1, 0.905, 0.655, 0.345, 0.095]),
        ({"schedule": "cosine", "warmup": 9}, [1 / 9, 2 / 9, 3 / 9, 4 / 9, 5 / 9]),
    ],
)
def test_the_learning_rate_follows_its_schedule(
    fields: dict[str, Any], expected: list[float]
) -> None:
    rates = [loop.rate(step, 5, LoRA(**fields)) for step in range(5)]
    assert rates == pytest.approx(expected, abs=5e-4)


def test_every_epoch_shows_each_row_once_in_a_new_order() -> None:
    plan = list(loop.order(10, 4, 2, seed=3))
    assert [epoch for epoch, _ in plan] == [1, 1, 1, 2, 2, 2]
    assert [len(rows) for _, rows in plan] == [4, 4, 2, 4, 4, 2]
    first, second = ([i for e, rows in plan if e == epoch for i in rows] for epoch in (1, 2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"adapter": "lorra"},
            RecipeError,
            r"no adapter of PEFT .* 'lorra'; did you mean 'lora'\?",
        ),
        (
            {"adapter": {"use": "ia3", "feed_forward_modules": []}},
            RecipeError,
            r"'ia3' has no field 'feed_forward_modules'; did you mean 'feedforward_modules'\?",
        ),
        ({"adapter": {"r": 4}}, RecipeError, "names itself in 'use'"),
        ({"adapter": "ia3", "rank": 4}, RecipeError, "'rank' is for LoRA"),
        ({"adapter": {"use": "lora", "r": 0}}, ModelError, "does not fit .*r. should be"),
        (
            {"target_modules": ["q_proj", "vproj"]},
            ModelError,
            r"no module 'vproj' for target_modules; did you mean 'v_proj'\?",
        ),
        ({"target_modules": "nothing"}, ModelError, "does not fit .*nothing"),
        ({"four_bit": True}, ModelError, "four_bit needs a CUDA GPU and bitsandbytes"),
        ({"rank": 65}, ModelError, "rank 65 is above that of .*q_proj in .*: 64"),
        ({"adapter": "ia3", "packed": True, "objective": "kot"}, RecipeError, "mean 'kto'"),
        ({"max_length": 5}, DataError, "no pair is left .*: longer than 5 tokens"),
        (
            {"learning_rate": 1e25, "batch_size": 8},
            ModelError,
            "step 2 of 3: loss .*lower.*: p.* and 3 more",
        ),
        ({"objectiv": "sft"}, RecipeError, r"did you mean 'objective'\?"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    train: Callable[..., Path], fields: dict[str, Any], error: type[HarnessError], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        train(**fields)
    assert "\n" not in str(raised.value)


def test_a_base_that_cannot_be_loaded_is_one_line(model: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="empty cannot be loaded") as raised:
        LoRA().train(PAIRS, ModelRef(base=str(tmp_path / "empty")), tmp_path / "run", seed=0)
    assert "\n" not in str(raised.value)
    with pytest.raises(ModelError, match="a cannot be read"):
        LoRA().train(PAIRS, ModelRef(base=model, adapter="a"), tmp_path / "run", seed=0)


def test_training_goes_on_from_an_adapter_which_is_then_the_reference(
    model: str, train: Callable[..., Path], tmp_path: Path
) -> None:
    first = train("first", **WHOLE, epochs=3) / "adapter"
    start = ModelRef(base=model, adapter=str(first))
    LoRA(**WHOLE, epochs=2, every_steps=1).train(PAIRS, start, tmp_path / "on", seed=0)
    assert log(tmp_path / "on")[0]["loss"] == pytest.approx(math.log(2), rel=1e-5)
    policy, reference = exact(model, tmp_path / "on/checkpoints/step-1"), exact(model, first)
    shifts = policy - reference
    margin = 0.1 * float((shifts[0] - shifts[1]).mean())
    assert log(tmp_path / "on")[1]["margin"] == pytest.approx(margin, rel=1e-3)
    facts = json.loads((tmp_path / "on/adapter/politune.json").read_text())
    assert len(facts["start_sha256"]) == 64
    assert "start_sha256" not in json.loads((first / "politune.json").read_text())
    assert "with another adapter" in (tmp_path / "on/adapter/README.md").read_text()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rank": 2}, "of another kind or size"),
        ({"adapter": "ia3"}, "of another kind or size"),
        ({"adapter": "full"}, "go on from it without `full`"),
        ({"rank": 4, "online_reference": True}, "no `online_reference`"),
    ],
)
def test_an_adapter_that_training_cannot_go_on_from_is_one_line(
    fields: dict[str, Any], message: str, model: str, train: Callable[..., Path], tmp_path: Path
) -> None:
    start = ModelRef(base=model, adapter=str(train("first", rank=4, max_steps=1) / "adapter"))
    with pytest.raises(ModelError, match=message) as raised:
        LoRA(**fields).train(PAIRS, start, tmp_path / "on", seed=0)
    assert "\n" not in str(raised.value)


def test_tied_embeddings_refuse_an_adapter_on_the_head(tmp_path: Path) -> None:
    ref = ModelRef(base=str(tiny.llama(tmp_path, tied=True)))
    with pytest.raises(ModelError, match=r"are one tensor.*leave it out of target_modules"):
        LoRA(target_modules=["lm_head"]).train(PAIRS, ref, tmp_path / "run", seed=0)
    LoRA(rank=2).train(PAIRS, ref, tmp_path / "run", seed=0)


def test_a_folder_that_cannot_be_written_is_one_line(model: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match=r"cannot write .*rows\.json"):
        LoRA().train(PAIRS, ModelRef(base=model), tmp_path / "file" / "run", seed=0)


def test_a_system_prompt_needs_a_template(tmp_path: Path) -> None:
    ref = ModelRef(base=str(tiny.llama(tmp_path, tokens=tiny.tokenizer(None))))
    with pytest.raises(ModelError, match="no chat template, so no place for a system prompt"):
        LoRA(system="Be brief.").train(PAIRS, ref, tmp_path / "run", seed=0)
    done = LoRA(rank=2).train(PAIRS, ref, tmp_path / "run", seed=0)
    assert "apply_chat_template" not in Path(str(done.adapter), "README.md").read_text()


def test_plain_text_is_learnt_without_prompt_or_template(train: Callable[..., Path]) -> None:
    texts = [Preference(id=p.id, prompt="", chosen=p.chosen, rejected="") for p in PAIRS]
    figures = log(train(pairs=texts, objective="clm", rank=4, epochs=3, learning_rate=1e-2))
    assert figures[-1]["loss"] < figures[0]["loss"] - 0.3


def test_compat_is_how_the_released_adapters_were_trained(
    model: str, train: Callable[..., Path]
) -> None:
    assert [LoRA(compat=True).steps_of(steps) for steps in (63, 81, 19)] == [60, 80, 19]
    chat = Chat(base.load_tokenizer(model), model, alpaca=True)
    assert chat.render("Why?", "So.").endswith("### Instruction:\nWhy?\n\n### Response:\nSo.")
    long = Preference(id="long", prompt="Why?", chosen="No.", rejected="x" * 500)
    folder = train(pairs=[*PAIRS, long], compat=True, rank=2, max_length=500, objective="dpo")
    kept = json.loads((folder / "rows.json").read_text())
    assert kept["reasons"] == {"longer than 500 characters": 1}
    assert "apply_chat_template" not in (folder / "adapter" / "README.md").read_text()


@pytest.mark.parametrize("objective", ["ipo", "kto", "orpo", "simpo"])
def test_every_preference_objective_widens_the_margin(
    train: Callable[..., Path], objective: str
) -> None:
    folder = train(rank=4, objective=objective, epochs=4, batch_size=12, learning_rate=2e-3)
    assert log(folder)[-1]["margin"] > log(folder)[0]["margin"]


@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")
def test_it_trains_on_rows_of_politune(train: Callable[..., Path]) -> None:
    with SHARED.open(encoding="utf-8", newline="") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(200), strict=False)]
    pairs = [msgspec.convert({"id": str(i), **row}, Preference) for i, row in enumerate(rows)]
    folder = train(pairs=pairs, rank=4, batch_size=32, max_length=500, learning_rate=1e-3)
    kept = json.loads((folder / "rows.json").read_text())
    assert len(kept["kept"]) + len(kept["dropped"]) == 200
    assert len(kept["kept"]) > 20
    assert all(math.isfinite(f["loss"]) for f in log(folder))
    assert log(folder)[-1]["margin"] > log(folder)[0]["margin"]
