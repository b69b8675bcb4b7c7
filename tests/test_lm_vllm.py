"""Evaluation on one vLLM engine: the arms as LoRA requests, and what is refused.

Without a GPU, what lm-eval's backend asks of vLLM is computed by a stand-in (packages/
vllm_stand_in) from real weights; with one, the engine is real.
"""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from politune_harness import ModelError, RecipeError
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.recipe import Evaluate, Recipe
from politune_harness.registry import Registry
from tests.benchmarks.bench_evaluation import adapter, apart, plain
from tests.test_evaluation import CHOICE, CODE, OPEN, build_adapter, build_model, samples

STAND_IN = Path(__file__).parent / "packages" / "vllm_stand_in"
ARMS = ("base", "left", "right", "base-again")
GREEDY = OPEN.replace("do_sample: true, temperature: 1.0", "do_sample: false, temperature: 0.0")


@pytest.fixture(scope="module")
def engines() -> Iterator[list[dict[str, Any]]]:
    """Put the stand-in where vLLM would be; yield the settings of each engine that was started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STAND_IN)
        import vllm

        yield vllm.LLM.started
    for name in [*sys.modules]:
        if name.partition(".")[0] == "vllm" or name.endswith("vllm_causallms"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vllm")
    build_model(folder / "model")
    build_adapter(folder / "left", folder / "model")
    build_adapter(folder / "right", folder / "model", lora_alpha=2)
    (folder / "tasks").mkdir()
    (folder / "tasks" / "choice.yaml").write_text(CHOICE)
    (folder / "tasks" / "open.yaml").write_text(GREEDY)
    (folder / "tasks" / "tiny_tasks.py").write_text(CODE)
    return folder


def evaluated(place: Path, backend: str) -> Path:
    settings = Evaluate.model_validate(
        {"bias": ["tiny_open"], "capability": ["tiny_choice"], "batch_size": 4, "backend": backend}
    )
    one = Evaluator(str(place / "model"), settings, task_dirs=[place / "tasks"])
    for arm in ARMS:
        adapter = None if arm.startswith("base") else place / arm
        one.run(place / backend / arm, adapter=adapter)
    return place / backend


@pytest.fixture(scope="module")
def ran(place: Path, engines: list[dict[str, Any]]) -> Path:
    return evaluated(place, "vllm")


def without(text: str) -> str:
    for special in ("<unk>", "<s>", "</s>"):
        text = text.replace(special, "")
    return text


def test_one_engine_gives_each_arm_its_own_numbers(
    place: Path, ran: Path, engines: list[dict[str, Any]]
) -> None:
    (engine,) = engines
    assert engine["model"] == str(place / "model")
    assert engine["enable_lora"]
    assert engine["load_format"] == "safetensors"
    assert not engine["trust_remote_code"]
    theirs = evaluated(place, "hf")
    said = {arm: samples(ran / arm, "tiny_open") for arm in ARMS}
    for arm in ARMS:
        for mine, other in zip(said[arm], samples(theirs / arm, "tiny_open"), strict=True):
            # lm-eval's vLLM keeps special tokens in answers, and its Transformers do not.
            assert [[without(text) for text in each] for each in mine["resps"]] == other["resps"]
        for mine, other in zip(
            samples(ran / arm, "tiny_choice"), samples(theirs / arm, "tiny_choice"), strict=True
        ):
            assert mine["prompt_hash"] == other["prompt_hash"]
            for ((a, best),), ((b, likeliest),) in zip(mine["resps"], other["resps"], strict=True):
                assert a == pytest.approx(b, abs=1e-4)
                assert best == likeliest
    assert said["base"] == said["base-again"]
    assert said["base"] != said["left"] != said["right"] != said["base"]


def test_results_say_what_computed_them(ran: Path) -> None:
    found = json.loads((ran / "left" / "results.json").read_text())
    about = {name: found[name] for name in ("backend", "batch_size", "dtype", "device")}
    expected = {"backend": "vllm", "batch_size": "auto", "dtype": "float32", "device": "cpu"}
    assert about == expected
    assert found["packages"]["vllm"] == "0.30.0"


def test_adapters_that_an_engine_cannot_serve_are_one_line(
    place: Path, ran: Path, tmp_path: Path
) -> None:
    settings = Evaluate.model_validate({"backend": "vllm", "vllm": {"max_lora_rank": 8}})
    one = Evaluator(str(place / "model"), settings, task_dirs=[place / "tasks"])
    shapes: dict[str, dict[str, Any]] = {
        "does not serve use_dora; use Transformers": {"use_dora": True},
        "does not serve modules_to_save": {"modules_to_save": ["up_proj"]},
        "has rank 16, above evaluate.vllm.max_lora_rank: 8": {"r": 16},
    }
    for number, (words, fields) in enumerate(shapes.items()):
        made = build_adapter(tmp_path / str(number), place / "model", **fields)
        with pytest.raises(ModelError, match=words) as caught:
            one.run(tmp_path / "out", adapter=made, tasks=["tiny_choice"])
        assert "\n" not in str(caught.value)
    other = build_model(tmp_path / "deeper", layers=3)
    with pytest.raises(ModelError, match="does not fit"):
        one.run(tmp_path / "out", adapter=build_adapter(tmp_path / "misfit", other))
    one.run(tmp_path / "out", adapter=place / "left", tasks=["tiny_choice"])


def test_a_missing_vllm_is_one_line(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.endswith("vllm_causallms")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "vllm", None)
    one = Evaluator(str(place / "model"), Evaluate(backend="vllm"), task_dirs=[place / "tasks"])
    with pytest.raises(ModelError, match=r"pip install 'politune-harness\[vllm\]'"):
        one.run(tmp_path / "out", tasks=["tiny_choice"])


@pytest.mark.parametrize(
    ("evaluate", "words"),
    [
        ("{backend: vlm}", "backend"),
        ("{backend: vllm, device: cpu}", "`device` is not for vllm"),
        ("{vllm: {max_lora_rank: 8}}", "say that too"),
        ("{backend: vllm, vllm: {max_rank: 8}}", "did you mean 'max_lora_rank'"),
    ],
)
def test_settings_that_do_not_go_together_are_one_line(
    evaluate: str, words: str, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"model: m\narms: {{a: {{adapter: a}}}}\nevaluate: {evaluate}\n")
    with pytest.raises(RecipeError, match=words) as caught:
        Recipe.load(recipe)
    assert "\n" not in str(caught.value)


@pytest.mark.gpu
def test_a_real_engine_equals_plain_lm_eval_and_takes_half_as_long(tmp_path: Path) -> None:
    """Three adapters on one engine, against three commands with an engine each."""
    import subprocess

    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a GPU that CUDA sees")
    if find_spec("vllm") is None:
        pytest.skip("needs vLLM: pip install 'politune-harness[vllm]'")
    model = tmp_path / "model"
    shutil.copytree(Registry.installed().models()["quickstart"], model)
    arms = [adapter(tmp_path / name, model, n) for n, name in enumerate(("a", "b", "c"))]
    tasks = ("politune_compass", "politune_capability")
    settings = Evaluate.model_validate(
        {"bias": tasks, "capability": [], "backend": "vllm", "dtype": "float32"}
    )
    start = time.perf_counter()
    one = Evaluator(str(model), settings, task_dirs=task_folders(()))
    for arm in arms:
        one.run(tmp_path / "ours" / arm.name, adapter=arm)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    for arm in arms:
        command = plain(model, tmp_path / "plain" / arm.name, arm, backend="vllm")
        subprocess.run(command, check=True, capture_output=True)
    theirs = time.perf_counter() - start
    for arm in arms:
        assert apart(tmp_path / "ours" / arm.name, tmp_path / "plain" / arm.name) <= 1e-3
    assert ours <= 0.5 * theirs
