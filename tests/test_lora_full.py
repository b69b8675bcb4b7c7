"""Every weight of a small model is trained, saved as a model, and lent to its base."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from politune_lora import LoRA, state

from politune_harness import ModelError, ModelRef, RecipeError
from politune_harness.adapters import worn
from politune_harness.cli import main
from tests import lora_models as tiny

PAIRS = tiny.pairs()
FIELDS: dict[str, Any] = {"adapter": "full", "batch_size": 8, "epochs": 2, "save_steps": 1}

JUDGE = Path(__file__).parents[1] / "plugins" / "politune_quickstart" / "classifier.json"
RECIPE = f"""
model: model
arms: {{left: {{source: {{use: preferences, path: pairs.jsonl}}}}}}
trainer: {{use: lora, adapter: full, batch_size: 8, learning_rate: 1.0e-3}}
evaluate:
  bias: [politune_compass_pairs, politune_gpt_score]
  capability: []
  metadata: {{lead_ins: 1, max_gen_toks: 8, samples: 1, topics: [taxes, drugs]}}
  every_steps: 2
  trajectory: [politune_compass_pairs]
  personas: {{}}
  systems: {{}}
judges: [{{use: classifier-score, path: {JUDGE}, name: quick}}]
"""


class Killed(BaseException):
    """Stands for a signal."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch

    torch.set_num_threads(1)
    return str(tiny.llama(tmp_path_factory.mktemp("model"), tied=True))


@pytest.fixture(scope="module")
def trained(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    LoRA(**FIELDS, learning_rate=1e-3).train(PAIRS, ModelRef(base=model), folder, seed=0)
    return folder


def logits(lm: Any) -> Any:  # noqa: ANN401
    import torch

    with torch.no_grad():
        return lm(torch.arange(20)[None]).logits


def test_lm_eval_and_the_harness_load_what_was_trained(model: str, trained: Path) -> None:
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM

    lm = HFLM(pretrained=str(trained / "adapter"), device="cpu", dtype="float32")
    base = AutoModelForCausalLM.from_pretrained(model)
    before = logits(base)
    with worn(base, trained / "adapter", model, len(lm.tokenizer)) as dressed:
        assert (logits(dressed) == logits(lm.model)).all()
        assert (logits(dressed) - before).abs().max() > 1e-3
    assert (logits(base) == before).all()


def test_it_learns_and_says_how_to_load_it(trained: Path) -> None:
    figures = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert figures[0]["loss"] == pytest.approx(0.6931, abs=1e-3)  # its reference is the base
    assert figures[-1]["margin"] > figures[0]["margin"] + 0.05
    card = (trained / "adapter" / "README.md").read_text()
    assert "--model_args pretrained=FOLDER --apply_chat_template" in card
    assert "library_name: transformers" in card


def test_killed_it_goes_on_to_the_same_bytes(
    model: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = state.save

    def save(folder: Path, training: Any, place: state.Place) -> None:  # noqa: ANN401
        saved(folder, training, place)
        if place.step == 4:
            raise Killed

    trainer = LoRA(**FIELDS, learning_rate=1e-3)
    with monkeypatch.context() as patch:
        patch.setattr(state, "save", save)
        with pytest.raises(Killed):
            trainer.train(PAIRS, ModelRef(base=model), tmp_path / "run", seed=0)
    trainer.train(PAIRS, ModelRef(base=model), tmp_path / "run", seed=0)
    name = "adapter/model.safetensors"
    assert (tmp_path / "run" / name).read_bytes() == (trained / name).read_bytes()


def test_another_base_is_refused(trained: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    other = str(tiny.llama(tmp_path))
    base = AutoModelForCausalLM.from_pretrained(other)
    with (
        pytest.raises(ModelError, match="was not trained from"),
        worn(base, trained / "adapter", other, 384),
    ):
        pass


def test_the_whole_way_from_a_recipe_to_a_card(tmp_path: Path) -> None:
    tiny.llama(tmp_path / "model")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pairs.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(PAIRS))
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["run", str(tmp_path / "recipe.yaml"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    tasks = {
        arm: found["tasks"]
        for arm, found in json.loads((out / "results.json").read_text())["arms"].items()
    }
    for task, metric in (("politune_compass_pairs", "economic"), ("politune_gpt_score", "score")):
        assert tasks["left"][task][metric]["value"] != tasks["base"][task][metric]["value"]
    card = (out / "4-train" / "left" / "seed-0" / "MODEL_CARD.md").read_text()
    assert "library_name: transformers" in card
    assert "A model made of `" in card
    assert "Load the base model in its place" in card
    assert "disable_adapter" not in card
    before = (out / "report.md").read_bytes()
    assert "## Along the training" in before.decode()
    assert CliRunner().invoke(main, ["report", str(out), "--refresh"]).exit_code == 0
    assert (out / "report.md").read_bytes() == before


@pytest.mark.parametrize("fields", [{"online_reference": True}, {"four_bit": True}, {"rank": 4}])
def test_fields_that_do_not_go_with_it_are_one_line(fields: dict[str, Any]) -> None:
    from politune_harness.components import Trainer
    from politune_harness.registry import Registry

    with pytest.raises(RecipeError) as raised:
        Registry.installed().build(Trainer, "lora", {"adapter": "full", **fields})
    assert "\n" not in str(raised.value)
