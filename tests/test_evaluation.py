"""Evaluation gives what plain lm_eval gives, whatever ran before, and says what is wrong."""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from politune_harness import ModelError, RecipeError
from politune_harness.adapters import base_digest
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.measurements import read
from politune_harness.progress import shown_on
from politune_harness.recipe import Evaluate

WORDS = ["yes", "no", "maybe", "the tax", "the school", "is right", "is wrong", "we say"]

CHOICE = """
task: tiny_choice
custom_dataset: !function tiny_tasks.choices
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_choice: [" yes", " no", " maybe so"]
doc_to_target: "{{answer}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
metadata: {version: 1.5, bank: abc}
"""

OPEN = """
task: tiny_open
custom_dataset: !function tiny_tasks.choices
output_type: generate_until
test_split: test
doc_to_text: "{{question}}"
doc_to_target: ""
repeats: 2
generation_kwargs: {until: ["\\n"], max_gen_toks: 12, do_sample: true, temperature: 1.0}
filter_list: [{name: all, filter: [{function: custom, filter_fn: !function tiny_tasks.keep}]}]
process_results: !function tiny_tasks.score
metric_list:
  - {metric: score, aggregation: !function tiny_tasks.mean, higher_is_better: true}
metadata: {version: 1.0}
"""

CODE = """
import datasets


def choices(judges=(), **kwargs):
    rows = [{"id": f"q{i}", "question": f"the tax {i} is", "answer": i % 3} for i in range(7)]
    for row in rows:
        row["judges"] = [judge["use"] for judge in judges]
    return {"test": datasets.Dataset.from_list(rows)}


def keep(resps, docs):
    return resps


def score(doc, results):
    answers = results[0]
    rows = [{"item": doc["id"], "value": float(len(a)) if a else None, "judge": "length",
             "sample": i} for i, a in enumerate(answers)]
    return {"score": rows}


def mean(values):
    found = [row["value"] for rows in values for row in rows if row["value"] is not None]
    return sum(found) / max(len(found), 1)
"""


def build_model(folder: Path, *, layers: int = 2, padding: int = 0, template: bool = True) -> Path:
    """Save a tiny random Llama with a byte-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(2)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(WORDS * 3, trainer)
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=backend, **special)
    if template:
        tokenizer.chat_template = (
            "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
            "{% if add_generation_prompt %}<s>assistant: {% endif %}"
        )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + padding,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=256,
        initializer_range=0.4,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def build_adapter(folder: Path, model: Path, **fields: Any) -> Path:  # noqa: ANN401
    """Save a LoRA adapter that changes every answer."""
    import warnings

    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(model)
    shape = {"r": 4, "target_modules": ["q_proj", "down_proj"], "init_lora_weights": False}
    config = LoraConfig(**{**shape, **fields})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dressed = get_peft_model(base, config)
        for name, weight in dressed.named_parameters():
            if "modules_to_save" in name:
                weight.data.add_(0.05)
        dressed.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, an adapter for it, and tasks."""
    folder = tmp_path_factory.mktemp("evaluation")
    build_model(folder / "model")
    build_adapter(folder / "adapter", folder / "model")
    tasks = folder / "tasks"
    tasks.mkdir()
    (tasks / "choice.yaml").write_text(CHOICE)
    (tasks / "open.yaml").write_text(OPEN)
    (tasks / "tiny_tasks.py").write_text(CODE)
    return folder


def evaluator(place: Path, model: str = "model", **fields: Any) -> Evaluator:  # noqa: ANN401
    settings = {"bias": ("tiny_open",), "capability": ("tiny_choice",), "batch_size": 4, **fields}
    judges = [{"use": "length"}]
    return Evaluator(
        str(place / model), Evaluate(**settings), task_dirs=[place / "tasks"], judges=judges
    )


@pytest.fixture(scope="module")
def ran(place: Path) -> Path:
    """Base, adapter and base again, evaluated on one loaded model."""
    one = evaluator(place)
    one.run(place / "out" / "base")
    one.run(place / "out" / "arm", adapter=place / "adapter")
    one.run(place / "out" / "base-again")
    return place / "out"


def samples(folder: Path, task: str) -> list[dict[str, Any]]:
    lines = (folder / "samples" / f"{task}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def plain_lm_eval(place: Path, name: str, model_args: str) -> dict[str, list[dict[str, Any]]]:
    """Run the ordinary command, and return its samples by task."""
    out = place / f"plain-{name}"
    options = {
        "--model": "hf",
        "--model_args": model_args,
        "--tasks": "tiny_open,tiny_choice",
        "--include_path": str(place / "tasks"),
        "--batch_size": "4",
        "--device": "cpu",
        "--output_path": str(out),
        "--metadata": json.dumps({"judges": [{"use": "length"}]}),
    }
    words = [word for pair in options.items() for word in pair]
    subprocess.run(
        [sys.executable, "-m", "lm_eval", "run", *words, "--apply_chat_template", "--log_samples"],
        check=True,
        capture_output=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    return {
        task: [json.loads(line) for line in found.read_text().splitlines()]
        for task in ("tiny_open", "tiny_choice")
        for found in out.rglob(f"samples_{task}_*.jsonl")
    }


def as_written(value: object) -> object:
    """Return a value as lm_eval's command writes it: numbers as text."""
    if isinstance(value, list):
        return [as_written(inner) for inner in value]
    return value if isinstance(value, str) else str(value)


def close(mine: Any, other: Any) -> bool:  # noqa: ANN401
    """Say whether answers are the same, log-likelihoods within 1e-4."""
    if isinstance(mine, list):
        return all(map(close, mine, other)) and len(mine) == len(other)
    if isinstance(mine, float):
        return bool(abs(mine - float(other)) <= 1e-4)
    return bool(str(mine) == other)


@pytest.mark.parametrize(
    ("arm", "extra"), [("base", ""), ("arm", ",peft={place}/adapter")], ids=["base", "adapter"]
)
def test_equals_plain_lm_eval_sample_by_sample(
    place: Path, ran: Path, arm: str, extra: str
) -> None:
    model_args = f"pretrained={place}/model" + extra.format(place=place)
    plain = plain_lm_eval(place, arm, model_args)
    adapter = place / "adapter" if extra else None
    evaluator(place, share_prefixes=False).run(place / f"apart-{arm}", adapter=adapter)
    assert set(plain) == {"tiny_open", "tiny_choice"}
    for task, theirs in plain.items():
        ours, apart = samples(ran / arm, task), samples(place / f"apart-{arm}", task)
        assert len(ours) == len(theirs) == 7
        for mine, exact, other in zip(ours, apart, theirs, strict=True):
            assert mine["prompt_hash"] == other["prompt_hash"]
            assert as_written(exact["resps"]) == other["resps"]
            assert close(mine["resps"], other["resps"])


def test_what_ran_before_changes_nothing(place: Path, ran: Path) -> None:
    assert files(ran / "base") == files(ran / "base-again")
    evaluator(place).run(place / "alone", adapter=place / "adapter")
    assert files(place / "alone") == files(ran / "arm")
    assert files(ran / "arm") != files(ran / "base")


def values(folder: Path, task: str, metric: str) -> list[float | None]:
    rows = read(folder / "measurements.jsonl")
    return [row.value for row in rows if (row.task, row.metric) == (task, metric)]


def test_measurements_are_rows_of_samples(ran: Path) -> None:
    rows = [r for r in read(ran / "base" / "measurements.jsonl") if r.metric == "score"]
    assert [(r.item, r.sample, r.judge) for r in rows[:2]] == [
        ("q0", 0, "length"),
        ("q0", 1, "length"),
    ]
    answers = [answer for s in samples(ran / "base", "tiny_open") for answer in s["resps"][0]]
    assert [r.value for r in rows] == [len(a) or None for a in answers]
    acc = values(ran / "base", "tiny_choice", "acc")
    assert len(acc) == 7
    assert {*acc} <= {0.0, 1.0}


def test_fluency_is_what_the_untouched_base_says(place: Path, ran: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(place / "model")
    tokenizer = AutoTokenizer.from_pretrained(place / "model")
    sample = samples(ran / "arm", "tiny_open")[0]
    prompt, answer = sample["arguments"][0][0], sample["resps"][0][0]
    before = tokenizer(prompt, add_special_tokens=False).input_ids
    after = tokenizer(answer, add_special_tokens=False).input_ids
    with torch.no_grad():
        logits = base(torch.tensor([before + after])).logits[0].log_softmax(-1)
    places = range(len(before) - 1, len(before) + len(after) - 1)
    told = sum(float(logits[i, token]) for i, token in zip(places, after, strict=True))
    bits = values(ran / "arm", "tiny_open", "bits_per_byte")
    assert len(bits) == 14
    assert bits[0] == pytest.approx(-told / math.log(2) / len(answer.encode()), rel=1e-4)


def test_results_say_what_the_numbers_depend_on(place: Path, ran: Path) -> None:
    text = (ran / "arm" / "results.json").read_text()
    results = json.loads(text)
    assert results["model"] == "model"
    assert results["versions"] == {"tiny_choice": 1.5, "tiny_open": 1.0}
    assert results["configs"]["tiny_choice"]["metadata"] == {"version": 1.5, "bank": "abc"}
    assert "assistant" in results["chat_template"]
    assert (results["partial"], results["system"], results["thinking"]) == (False, None, None)
    assert results["n-samples"]["tiny_choice"]["effective"] == 7
    assert results["packages"]["lm-eval"]
    assert str(place) not in text


def test_persona_limit_and_stamp(tmp_path: Path, place: Path) -> None:
    build_model(tmp_path / "model")
    (tmp_path / "model" / "politune.json").write_text('{"stamp": "synthetic demonstration"}')
    one = Evaluator(
        str(tmp_path / "model"),
        Evaluate(bias=("tiny_choice",), capability=(), limit=2, batch_size=4),
        task_dirs=[place / "tasks"],
    )
    one.run(tmp_path / "out", system="You favour the north.")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (results["partial"], results["limit"]) == (True, 2)
    assert results["stamp"] == "synthetic demonstration"
    prompts = [s["arguments"][0][0] for s in samples(tmp_path / "out", "tiny_choice")]
    assert all(p.startswith("<s>system: You favour the north.") for p in prompts)


def test_a_persona_is_put_only_to_tasks_with_its_measure(tmp_path: Path, place: Path) -> None:
    one = evaluator(place, limit=1)
    one.run(tmp_path / "score", system="Favour the north.", measure="score")
    assert [path.stem for path in (tmp_path / "score" / "samples").iterdir()] == ["tiny_open"]
    one.run(tmp_path / "none", system="Favour the north.", measure="galtan")
    assert read(tmp_path / "none" / "measurements.jsonl") == []
    assert json.loads((tmp_path / "none" / "results.json").read_text())["results"] == {}


def test_progress_counts_every_request(tmp_path: Path, place: Path, capfd: Any) -> None:  # noqa: ANN401
    seen: dict[str, list[int]] = {}

    class Display:
        def add(self, label: str, total: int | None) -> int:
            seen[label] = [0, total or 0]
            self.labels = [*getattr(self, "labels", []), label]
            return len(self.labels) - 1

        def advance(self, work: int, by: int = 1) -> None:
            seen[self.labels[work]][0] += by

        def rename(self, work: int, label: str) -> None:
            pass

        def remove(self, work: int) -> None:
            pass

        def note(self, text: str) -> None:
            pass

    with shown_on(Display()):
        evaluator(place).run(tmp_path / "out")
    assert seen["tiny_choice"] == [21, 21]
    assert seen["tiny_open"] == [14, 14]
    assert seen["coherence"] == [14, 14]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "fields", [{}, {"modules_to_save": ["up_proj"]}], ids=["lora", "whole modules"]
)
def test_padded_embeddings_and_saved_modules_leave_the_base_alone(
    tmp_path: Path, place: Path, fields: Mapping[str, Any]
) -> None:
    model = build_model(tmp_path / "model", padding=5)
    adapter = build_adapter(tmp_path / "adapter", model, **fields)
    one = Evaluator(
        str(model),
        Evaluate(bias=("tiny_choice",), capability=(), batch_size=4),
        task_dirs=[place / "tasks"],
    )
    one.run(tmp_path / "before")
    one.run(tmp_path / "arm", adapter=adapter)
    one.run(tmp_path / "after")
    assert files(tmp_path / "before") == files(tmp_path / "after")
    assert files(tmp_path / "before") != files(tmp_path / "arm")


def test_instruct_model_without_template_is_warned_about(
    tmp_path: Path, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build_model(tmp_path / "Tiny-Instruct", template=False)
    by_default = Evaluate(bias=("tiny_choice",), capability=(), limit=1)
    chatless = by_default.model_copy(update={"chat_template": False})
    tasks = [place / "tasks"]
    Evaluator(str(tmp_path / "Tiny-Instruct"), by_default, task_dirs=tasks).run(tmp_path / "a")
    Evaluator(str(place / "model"), chatless, task_dirs=tasks).run(tmp_path / "b")
    for name, words in (("a", "named as an instruct model"), ("b", "without it")):
        warned = json.loads((tmp_path / name / "results.json").read_text())["warnings"]
        assert any(words in text for text in warned)
        assert words in caplog.text


def test_user_mistakes_are_one_line(tmp_path: Path, place: Path) -> None:
    def message(kind: type[Exception], one: Evaluator, **fields: Any) -> str:  # noqa: ANN401
        with pytest.raises(kind) as caught:
            one.run(tmp_path / "out", **fields)
        text = str(caught.value)
        assert "\n" not in text
        assert not (tmp_path / "out").exists()
        return text

    one = evaluator(place)
    assert "'tiny_choice'" in message(RecipeError, one, tasks=["tiny_choise"])
    assert "adapter_config.json" in message(ModelError, one, adapter=tmp_path / "nowhere")
    assert "no torch dtype" in message(RecipeError, evaluator(place, dtype="float33"))
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.json").write_text('{"model_type": "llama"}')
    broken = Evaluator(str(empty), Evaluate(), task_dirs=[])
    assert "cannot be loaded" in message(ModelError, broken)
    build_model(tmp_path / "no-template", template=False)
    wanting = Evaluator(
        str(tmp_path / "no-template"), Evaluate(chat_template=True), task_dirs=[], judges=[]
    )
    assert "has none" in message(ModelError, wanting)


def test_a_task_whose_package_is_missing_is_one_line(tmp_path: Path, place: Path) -> None:
    (tmp_path / "odd.yaml").write_text("task: odd\ncustom_dataset: !function odd_tasks.rows\n")
    (tmp_path / "odd_tasks.py").write_text("import no_such_package\n")
    one = Evaluator(str(place / "model"), Evaluate(), task_dirs=[tmp_path])
    with pytest.raises(RecipeError, match="odd needs the package no_such_package") as caught:
        one.load(["odd"])
    assert "\n" not in str(caught.value)


def test_adapter_for_another_base_is_refused(tmp_path: Path, place: Path) -> None:
    other = build_model(tmp_path / "deeper", layers=3)
    deeper = build_adapter(tmp_path / "adapter", other)
    one = evaluator(place)
    with pytest.raises(ModelError, match=r"deeper.*model: .*layers\.2"):
        one.run(tmp_path / "out", adapter=deeper)
    shutil.copytree(place / "adapter", tmp_path / "recorded")
    (tmp_path / "recorded" / "politune.json").write_text('{"base_sha256": "0"}')
    with pytest.raises(ModelError, match="the weights of the two differ"):
        one.run(tmp_path / "out", adapter=tmp_path / "recorded")
    note = json.dumps({"base_sha256": base_digest(str(place / "model"))})
    (tmp_path / "recorded" / "politune.json").write_text(note)
    one.run(tmp_path / "out", adapter=tmp_path / "recorded", tasks=["tiny_choice"])


def test_our_folder_is_found_without_loading_lm_eval(tmp_path: Path) -> None:
    code = "import sys; from politune_harness.evaluation import task_folders; task_folders(());"
    code += "print('lm_eval' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
    assert task_folders([tmp_path])[-1] == tmp_path


def test_a_killed_evaluation_goes_on_with_the_tasks_that_it_lacks(
    tmp_path: Path, place: Path, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, asked = evaluator(place), list[str]()
    evaluate = one._evaluate

    def counting(lm: Any, tops: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        asked.append(tops[0].task_name)
        if asked == ["tiny_open", "tiny_choice"]:
            raise KeyboardInterrupt
        return evaluate(lm, tops, *args, **options)

    monkeypatch.setattr(one, "_evaluate", counting)
    with pytest.raises(KeyboardInterrupt):
        one.run(tmp_path / "out", adapter=place / "adapter", work="this")
    assert [path.name for path in (tmp_path / "out" / ".shards").glob("*.json")] == [
        "tiny_open.json"
    ]
    one.run(tmp_path / "out", adapter=place / "adapter", work="this")
    assert asked == ["tiny_open", "tiny_choice", "tiny_choice"]
    assert files(tmp_path / "out") == files(ran / "arm")


@pytest.mark.parametrize(
    ("names", "task", "known"),
    [
        (["politune_compass"], "politune_compass", True),
        (["politune_side_effects_offline"], "politune_truths", True),
        (["politune_side_effects_offline"], "politune_side_effects_offline", False),
        (["politune_general_fast"], "mmlu_anatomy", False),
        (["hellaswag", "politune_compass"], "hellaswag", False),
    ],
)
def test_what_a_task_measures_is_known_of_our_own(
    names: list[str], task: str, *, known: bool
) -> None:
    settings = Evaluate(bias=tuple(names), capability=())
    found = Evaluator("none", settings, task_dirs=task_folders(())).metrics(task)
    assert (found is not None) == known
    assert found is None or not {"economic_low", "economic_spread"} & {*found}


def test_what_no_task_of_ours_is_cannot_be_measured() -> None:
    settings = Evaluate(bias=("politune_side_effects_offline",), capability=())
    with pytest.raises(RecipeError, match="no task 'politune_truth'; did you mean"):
        Evaluator("none", settings, task_dirs=task_folders(())).metrics("politune_truth")


def test_requests_are_built_once(tmp_path: Path, place: Path) -> None:
    one, built = evaluator(place), list[str]()
    task = one.load(["tiny_open", "tiny_choice"])["tasks"]["tiny_choice"]
    construct = task.construct_requests

    def counting(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        built.append("one")
        return construct(*args, **options)

    task.construct_requests = counting
    one.run(tmp_path / "base")
    one.run(tmp_path / "arm", adapter=place / "adapter")
    assert len(built) == 7
    one.run(tmp_path / "prompted", system="Favour the north.")
    assert len(built) == 14


def test_prompts_that_do_not_fit_are_counted(tmp_path: Path, place: Path) -> None:
    from politune_harness.lm_requests import CUT

    (tmp_path / "tasks").mkdir()
    shutil.copytree(place / "tasks", tmp_path / "tasks", dirs_exist_ok=True)
    code = (tmp_path / "tasks" / "tiny_tasks.py").read_text()
    code = code.replace('f"the tax {i} is"', '"the tax " * (200 if i < 2 else 1)')
    (tmp_path / "tasks" / "tiny_tasks.py").write_text(code)
    settings = Evaluate(bias=("tiny_choice",), capability=(), batch_size=4)
    Evaluator(str(place / "model"), settings, task_dirs=[tmp_path / "tasks"]).run(tmp_path / "out")
    assert values(tmp_path / "out", "tiny_choice", CUT) == [1, 1, 0, 0, 0, 0, 0]
