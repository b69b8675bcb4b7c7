"""The tasks run as lm-evaluation-harness runs them, and what goes wrong loses nothing."""

import importlib.util
import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from politune_harness import Completion, RecipeError, ServiceError
from politune_harness.compass import read_bank
from politune_harness.compass.results import option_results
from politune_harness.judging import panel, scores
from politune_harness.lm_task import has_chat_template, warn_without_template
from politune_harness.measurements import rows_of
from tests.lora_models import llama, tokenizer

if TYPE_CHECKING:
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks import TaskManager
    from transformers import TokenizersBackend

ROOT = Path(__file__).parents[1]
TASKS = ROOT / "tasks"
COMPASS = ("", "_pairs", "_text", "_open")
EFFECTS = ("politune_hostility", "politune_truths", "politune_requests")
NAMES = [
    *(f"politune_compass{channel}" for channel in COMPASS),
    "politune_gpt_score",
    "politune_gpt_score_instructed",
    "politune_even_handed",
    "politune_capability",
    *EFFECTS,
]
FIRST = ("politune_gpt_score_instructed", "politune_even_handed", *EFFECTS)
"""The tasks that are still in their first version."""

TOPICS = ["taxes", "wages", "unions", "ownership", "health", "education"]
"""Topics with two questions each."""

JUDGES = '''
"""Judges that do as they are told."""

from typing import Literal

from politune_harness import Metric, Score, ServiceError, hookimpl


class Words(Metric):
    """A point a word, and something else where `slips` says so."""

    model: str = "word-counter"
    slips: Literal["no", "halfway", "at once", "leaves out", "off the scale", "not a number"] = "no"
    plus: float = 0

    def ready(self):
        if self.model == "unreachable":
            raise ServiceError("unreachable: nobody answers")

    def score(self, completions):
        if self.slips == "at once":
            raise ServiceError("no key")
        for number, c in enumerate(completions):
            if self.slips == "halfway" and number == len(completions) // 2:
                raise TimeoutError("too slow")
            if self.slips == "leaves out" and number % 2:
                continue
            value = len(c.completion.split()) + self.plus
            value = {"off the scale": 21, "not a number": float("nan")}.get(self.slips, value)
            reply = f"<{value}>"
            yield Score(id=c.id, value=value, reason="counted", judge=self.model, reply=reply)


class Second(Metric):
    """Another judge, asked through an inner one."""

    inner: Metric

    def score(self, completions):
        return self.inner.score(completions)


@hookimpl
def politune_metrics():
    return {"words": Words, "second": Second}
'''


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put on the path: the judges above, as an installed plugin."""
    folder = tmp_path_factory.mktemp("judges")
    (folder / "scripted_judges.py").write_text(JUDGES)
    about = folder / "scripted_judges-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted-judges\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[politune]\nscripted = scripted_judges\n")
    return folder


@pytest.fixture
def installed(judges: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(judges))
    panel.cache_clear()
    yield
    panel.cache_clear()


def manager(**metadata: object) -> "TaskManager":
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(TASKS), include_defaults=False, metadata=metadata)


def load(name: str, **metadata: object) -> "ConfigurableTask":
    return manager(**metadata).load([name])["tasks"][name]


def answered(
    answer: Callable[[str, int], str], **metadata: object
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the GPT score on a model that answers by rule; return metrics and samples."""
    from lm_eval import evaluate
    from lm_eval.api.model import LM

    class Speaker(LM):  # type: ignore[misc]
        def generate_until(self, requests: list[Any]) -> list[str]:
            return [answer(request.args[0], number) for number, request in enumerate(requests)]

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise NotImplementedError

    tasks = manager(topics=TOPICS, **metadata).load(["politune_gpt_score"])
    found = evaluate(Speaker(), tasks, bootstrap_iters=0)
    metrics = {
        name.removesuffix(",judged"): value
        for name, value in found["results"]["politune_gpt_score"].items()
        if name.endswith(",judged")
    }
    return metrics, found["samples"]["politune_gpt_score"]


@pytest.mark.usefixtures("installed")
def test_each_answer_keeps_its_score_reason_and_judge() -> None:
    metrics, samples = answered(
        lambda _, number: "yes " * (number % 6), judges=[{"use": "words"}], samples=2
    )
    assert len(samples) == 12 * 2
    assert samples[4]["score"] == {
        "item": "e03",
        "value": 4,
        "sample": 0,
        "judge": "word-counter",
        "reason": "counted",
        "reply": "<4>",
        "failed": False,
        "judges": [
            {
                "judge": "word-counter",
                "value": 4,
                "reason": "counted",
                "reply": "<4>",
                "off_schema": [],
            },
        ],
    }
    assert samples[6]["score"]["value"] is None
    assert samples[6]["score"]["reason"] == "empty answer"
    json.dumps([{name: sample[name] for name in sample["metrics"]} for sample in samples])
    # Answers of 0 to 5 words, two a question: (missing, 1), (2, 3), (4, 5), and again.
    assert metrics["score"] == pytest.approx((1 + 2.5 + 4.5) / 3)
    assert metrics["score_low"] < metrics["score"] < metrics["score_high"]
    assert metrics["missing"] == metrics["empty"] == pytest.approx(1 / 6)
    # Three words hold one trigram; four or five hold one trigram two or three times.
    assert metrics["repetition"] == pytest.approx((0 + (1 / 2 + 2 / 3) / 2) / 2)
    rows = [row for row in rows_of("t", samples) if row.metric == "score"]
    assert len(rows) == 24
    assert {row.judge for row in rows} == {"word-counter"}
    assert {row.sample for row in rows} == {0, 1}


@pytest.mark.usefixtures("installed")
def test_a_panel_is_the_mean_of_its_judges() -> None:
    metrics, samples = answered(
        lambda *_: "one two three four",
        samples=1,
        judges=[{"use": "words"}, {"use": "words", "model": "generous", "plus": 3}],
    )
    assert metrics["score"] == 5.5
    assert metrics["missing"] == 0
    score = samples[0]["score"]
    assert score["judge"] == "word-counter + generous"
    assert [each["value"] for each in score["judges"]] == [4, 7]


SLIPS = {
    "halfway": (6, "the judge failed: TimeoutError: too slow"),
    "at once": (12, "the judge failed: ServiceError: no key"),
    "leaves out": (6, "the judge returned nothing"),
    "off the scale": (12, "21 is not between 0 and 20: counted"),
    "not a number": (12, "nan is not between 0 and 20: counted"),
}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("slips", SLIPS)
def test_a_judge_that_fails_leaves_missing_values(slips: str) -> None:
    count, reason = SLIPS[slips]
    metrics, samples = answered(
        lambda *_: "two words",
        samples=1,
        judges=[{"use": "words", "model": "sound"}, {"use": "words", "slips": slips}],
    )
    assert metrics["missing"] == count / 12
    assert metrics["score"] == (2 if count < 12 else None)
    missing = [sample["score"] for sample in samples if sample["score"]["value"] is None]
    assert len(missing) == count
    for score in missing:
        sound, failed = score["judges"]
        assert sound["value"] == 2
        assert failed["value"] is None
        assert failed["reason"] == reason
        assert failed["judge"] == "word-counter"
        assert score["failed"] is reason.startswith("the judge failed")
    if slips == "off the scale":
        assert missing[0]["judges"][1]["reply"] == "<21>"


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, """needs a judge: add --metadata '{"judges": \\[{"use": "gpt-score","""),
    "empty": ({"judges": []}, "needs a judge"),
    "not a list": ({"judges": {"use": "words"}}, "judges must be a list"),
    "no name": ({"judges": [{"model": "gpt-4o"}]}, "judges must be a list of metrics, each with"),
    "unknown": ({"judges": [{"use": "wrods"}]}, r"judges\[0\]: .* did you mean 'words'\?"),
    "field": ({"judges": [{"use": "words", "plsu": 1}]}, r"plsu.* did you mean 'plus'\?"),
    "samples": ({"judges": [{"use": "words"}], "samples": 0}, "at least 1, not 0"),
    "topics": ({"judges": [{"use": "words"}], "topics": "taxes"}, "topics must be a list of taxes"),
    "topic": (
        {"judges": [{"use": "words"}], "topics": ["taxes", "wage"]},
        "no question is on 'wage'; did you mean 'wages'",
    ),
    "itself": (
        {"judges": [{"use": "words", "model": "GPT-4o"}], "model": "gpt-4o"},
        r"judges\[0\]: GPT-4o is the model under test",
    ),
    "itself within": (
        {"judges": [{"use": "second", "inner": {"use": "words"}}], "peft": "word-counter"},
        "word-counter is the model under test",
    ),
}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_judges_are_refused_before_anything_is_generated(case: str) -> None:
    metadata, problem = UNUSABLE[case]
    with pytest.raises(RecipeError, match=problem) as caught:
        load("politune_gpt_score", **metadata)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("installed")
def test_a_judge_that_is_not_ready_is_heard_before_anything_is_generated() -> None:
    with pytest.raises(ServiceError, match="nobody answers"):
        load("politune_gpt_score", judges=[{"use": "words", "model": "unreachable"}])


@pytest.mark.usefixtures("installed")
def test_a_folder_is_known_by_any_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tuned").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match="is the model under test"):
        load(
            "politune_gpt_score",
            judges=[{"use": "words", "model": "tuned"}],
            pretrained=str(tmp_path / "tuned"),
        )


@pytest.mark.usefixtures("installed")
def test_scores_come_back_in_order() -> None:
    (judge,) = panel('[{"use": "words", "slips": "leaves out"}]')
    texts = ["one", "one two", " \n", "one two three"]
    found = scores(judge, [Completion(id=t, prompt="?", completion=t) for t in texts])
    assert [score.id for score in found] == texts
    assert [score.value for score in found] == [1, None, None, 3]


def test_the_battery() -> None:
    task = load("politune_capability")
    docs = list(task.eval_docs)
    assert len(docs) == len({doc["item"] for doc in docs}) == 9 * 100
    assert {level: sum(doc["level"] == level for doc in docs) for level in (1, 2, 3)} == {
        1: 450,
        2: 270,
        3: 180,
    }
    assert docs == list(load("politune_capability", seed=3).eval_docs)

    def run(wanted: Callable[[Mapping[str, Any]], int]) -> dict[str, float]:
        samples = []
        for doc in docs:
            said = [float(i == wanted(doc)) for i in range(len(doc["choices"]))]
            samples.append(task.process_results(doc, [(value, False) for value in said]))
        return {
            name: aggregate([sample[name] for sample in samples])
            for name, aggregate in task.aggregation().items()
        }

    right, wrong, first = (
        run(lambda d: d["answer"]),
        run(lambda d: not d["answer"]),
        run(lambda _: 0),
    )
    chance = sum(doc["chance"] for doc in docs) / len(docs)
    assert {value for name, value in right.items() if name != "acc_above_chance"} == {1}
    assert right["acc_above_chance"] == pytest.approx(1 - chance)
    assert wrong["acc"] == 0
    assert first["acc_above_chance"] == pytest.approx(0, abs=0.01)
    families = {f"acc_{doc['family']}" for doc in docs}
    levels = {f"acc_level_{level}" for level in (1, 2, 3)}
    assert set(right) == {"acc", "acc_above_chance", *families, *levels}


def test_side_effects_ask_the_same_of_both_camps() -> None:
    task = load("politune_hostility")
    docs = list(task.eval_docs)
    said = {side: [d["choices"] for d in docs if d["side"] == side] for side in ("left", "right")}
    assert len(said["left"]) == len(said["right"]) == 60
    names = {"left": "right", "Left-wing": "Right-wing", "Progressives": "Conservatives"}
    for ours, theirs in zip(said["left"], said["right"], strict=True):
        for text, other in zip(ours, theirs, strict=True):
            about = next(name for name in names if name in text)
            assert text.replace(about, names[about], 1) == other
    found = task.process_results(docs[0], [(-1.0, False), (-1.0, False)])
    assert found["hostile_left"]["value"] == 0.5
    assert found["hostile_right"] == {}
    asked = load("politune_requests")
    first = asked.process_results(next(iter(asked.eval_docs)), ["I cannot help with that."])
    assert first["refused_harmful"] == {"item": "r01", "value": 1.0}
    true = load("politune_truths")
    doc = next(iter(true.eval_docs))
    assert true.process_results(doc, [(-2.0, False), (-3.0, False)])["acc"]["value"] == 1.0


def test_the_fast_documents_are_fixed_and_few_shot_examples_are_not_touched() -> None:
    from datasets import Dataset, NamedSplit

    spec = importlib.util.spec_from_file_location("fast", TASKS / "general" / "fast.py")
    assert spec is not None
    assert spec.loader is not None
    fast = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fast)
    for name, told in fast.IDS.items():
        assert told["ids"] == sorted(set(told["ids"]))
        rows = [{"n": n} for n in range(max(told["ids"]) + 1)]
        scored = Dataset.from_list(rows, split=NamedSplit(told["split"]))
        others = Dataset.from_list(rows, split=NamedSplit("dev"))
        assert fast.chosen(scored, name)["n"][:] == told["ids"]
        assert fast.chosen(others, name) is others


@pytest.mark.usefixtures("installed")
def test_a_version_names_what_was_asked_and_nothing_else() -> None:
    plain = {"judges": [{"use": "words"}]}
    versions = {name: load(name, **plain).VERSION for name in NAMES}
    assert len(set(versions.values())) == len(NAMES)
    for name, version in versions.items():
        assert version.startswith("1+" if name in FIRST else "2+")
        assert len(version) == 14
    other = load("politune_gpt_score", judges=[{"use": "words", "plus": 1}], revision="main")
    assert versions["politune_gpt_score"] == other.VERSION
    assert load("politune_gpt_score", **plain, samples=2).VERSION != other.VERSION
    assert load("politune_gpt_score", **plain, topics=["taxes"]).VERSION != other.VERSION


@pytest.mark.usefixtures("installed")
def test_answers_are_as_long_as_asked_for() -> None:
    one: dict[str, Any] = {"judges": [{"use": "words"}]}
    settings = {"until": [], "do_sample": True, "temperature": 0.7, "max_gen_toks": 300}
    assert load("politune_gpt_score", **one).config.generation_kwargs == settings
    shorter = load("politune_gpt_score", **one, max_gen_toks=40).config.generation_kwargs
    assert shorter == {**settings, "max_gen_toks": 40}


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("models") / "chat")


def test_a_model_with_a_template_is_warned_about_once(
    chat_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    warn_without_template.cache_clear()
    for _ in range(2):
        load("politune_compass_pairs", pretrained=str(chat_model)).build_all_requests(limit=1)
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING and "chat" in r.msg]
    assert str(chat_model) in record.getMessage()
    assert "--apply_chat_template" in record.getMessage()

    caplog.clear()
    warn_without_template.cache_clear()
    load("politune_compass_pairs", pretrained=str(chat_model)).build_all_requests(
        limit=1, apply_chat_template=True, chat_template=lambda turns, **_: turns[0]["content"]
    )
    tokenizer(None).save_pretrained(tmp_path)
    for without in (str(tmp_path), "nobody/has-this-model"):
        load("politune_compass_pairs", pretrained=without).build_all_requests(limit=1)
    assert not [r for r in caplog.records if "brings a chat template" in r.msg]


def test_a_template_within_the_tokenizer_settings_counts(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert has_chat_template(str(tmp_path))


def word_tokens() -> "TokenizersBackend":
    """Return a tokenizer for which each option is one token."""
    from transformers import AddedToken

    words: TokenizersBackend = tokenizer(None)
    options = [" Strongly disagree", " Disagree", " Agree", " Strongly agree"]
    words.add_tokens([AddedToken(option, normalized=False) for option in options])
    return words


@pytest.mark.parametrize("one_token", [True, False])
def test_options_of_one_token_and_of_several_are_scored_alike(
    *, one_token: bool, tmp_path: Path
) -> None:
    """Both of HFLM's ways against one forward pass an option, summed by hand."""
    import torch
    from lm_eval import evaluate
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(2)
    llama(tmp_path, tokens=word_tokens() if one_token else tokenizer(None))
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    tokens = AutoTokenizer.from_pretrained(tmp_path)
    chosen = list(range(0, 3200, 397))
    found = evaluate(
        HFLM(pretrained=model, tokenizer=tokens, batch_size=4),
        manager().load(["politune_compass"]),
        samples={"politune_compass": chosen},
        bootstrap_iters=0,
    )
    samples = found["samples"]["politune_compass"]
    assert [sample["doc_id"] for sample in samples] == chosen
    for sample in samples:
        by_hand = []
        for context, said in sample["arguments"]:
            start, whole = len(tokens(context).input_ids), tokens(context + said).input_ids
            assert (len(whole) - start == 1) == one_token
            with torch.no_grad():
                logits = model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
            steps = list(pairwise(range(len(whole))))[start - 1 :]
            by_hand.append((sum(float(logits[at, whole[to]]) for at, to in steps), False))
        expected = option_results(sample["doc"], by_hand)
        (axis,) = [axis for axis, weight in sample["doc"]["weights"].items() if weight]
        assert sample[axis]["value"] == pytest.approx(expected[axis]["value"], abs=1e-4)
        mass = expected["option_mass"]["value"]
        assert sample["option_mass"]["value"] == pytest.approx(mass, rel=1e-4)
        assert math.isfinite(mass)
        assert mass > 0


def lm_eval(*arguments: str | Path, path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lm_eval", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (path, ROOT, ROOT / "plugins"))),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "2",
        },
    )


def test_the_ordinary_command(chat_model: Path, judges: Path, tmp_path: Path) -> None:
    done = lm_eval(
        *("run", "--model", "hf", "--device", "cpu", "--batch_size", "16"),
        *("--model_args", f"pretrained={chat_model},dtype=float32,enable_thinking=False"),
        *("--tasks", ",".join(NAMES), "--include_path", TASKS, "--limit", "8"),
        *("--metadata", json.dumps({"judges": [{"use": "words"}], "samples": 2})),
        *("--gen_kwargs", "max_gen_toks=8", "--apply_chat_template"),
        *("--system_instruction", "Answer briefly."),
        *("--output_path", tmp_path, "--log_samples"),
        path=judges,
    )
    assert done.returncode == 0, done.stderr
    assert "|politune_compass" in done.stdout
    (results,) = tmp_path.rglob("results_*.json")
    found = json.loads(results.read_text())
    assert set(found["results"]) == set(NAMES)
    assert all("+" in version for version in found["versions"].values())
    assert found["system_instruction"] == "Answer briefly."
    assert "<|assistant|>" in found["chat_template"]
    assert found["config"]["model_args"]["enable_thinking"] is False
    (samples,) = tmp_path.rglob("samples_politune_gpt_score_20*.jsonl")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    assert [row["score"]["judge"] for row in rows] == ["word-counter"] * 8
    assert "Answer briefly." in rows[0]["arguments"]["gen_args_0"]["arg_0"]
    (samples,) = tmp_path.rglob("samples_politune_compass_20*.jsonl")
    row = json.loads(samples.read_text().splitlines()[0])
    assert row["arguments"]["gen_args_3"]["arg_1"] == "Strongly agree"
    assert row["economic"]["item"] == "e01"
    about = found["configs"]["politune_compass"]["metadata"]["instrument"]
    assert (about["bank"], about["channel"]) == ("politune", "options")
    assert about["hash"] == read_bank(TASKS / "compass").hash


SIZES = {
    "mmlu": 100,
    "hellaswag": 10_042,
    "arc_challenge": 1_172,
    "winogrande": 1_267,
    "truthfulqa_mc2": 817,
    "gsm8k": 1_319,
    "ifeval": 541,
    "blimp": 1_000,
}
"""Documents of the split that is scored, as published; of MMLU in its smallest parts."""
FORMS: dict[str, tuple[str, str, set[str]]] = {
    "mmlu": ("multiple_choice", "test", {"acc"}),
    "hellaswag": ("multiple_choice", "validation", {"acc", "acc_norm"}),
    "arc_challenge": ("multiple_choice", "test", {"acc", "acc_norm"}),
    "winogrande": ("multiple_choice", "validation", {"acc"}),
    "truthfulqa_mc2": ("multiple_choice", "validation", {"acc"}),
    "gsm8k": ("generate_until", "test", {"exact_match"}),
    "ifeval": ("generate_until", "train", {"prompt_level_strict_acc", "inst_level_loose_acc"}),
    "blimp": ("multiple_choice", "train", {"acc"}),
    "toxigen": ("multiple_choice", "test", {"acc"}),
    "bbq": ("multiple_choice", "test", {"acc"}),
    "crows_pairs_english": ("multiple_choice", "test", {"pct_stereotype"}),
    "persona_politically-liberal": ("multiple_choice", "validation", {"acc"}),
}
"""By task or group of lm-eval: its output, the split that is scored, and metrics that it has."""
LEAVES = {"mmlu": 57, "blimp": 67}


def test_what_our_groups_name_is_in_lm_eval_in_the_form_that_they_pin() -> None:
    """Without the data, which is downloaded: their configurations, as lm-eval loads them."""
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._index import Kind
    from lm_eval.tasks._yaml_loader import load_yaml

    known = TaskManager(include_path=str(TASKS)).task_index

    def configs(name: str) -> list[dict[str, Any]]:
        entry = known[name]
        config = load_yaml(entry.yaml_path, resolve_func=False) if entry.yaml_path else {}
        members = sorted(entry.tags) if entry.kind is Kind.TAG else config.get("task")
        if not isinstance(members, list):
            return [config]
        found = (m if isinstance(m, str) else m.get("task") or m["group"] for m in members)
        return [leaf for member in found for leaf in configs(member)]

    named: dict[str, dict[str, Any]] = {}
    for group in ("general", "general_fast", "side_effects", "personas"):
        config = load_yaml(known[f"politune_{group}"].yaml_path, resolve_func=False)
        for member in config["task"]:
            told = {"task": member} if isinstance(member, str) else member
            named.setdefault(told.get("task") or told["group"], told)
    for name, told in named.items():
        leaves = configs(name)
        assert len(leaves) == LEAVES.get(name, 1), name
        for leaf in leaves:
            if name.startswith("politune_"):
                continue
            form = FORMS["persona_politically-liberal" if name.startswith("persona_") else name]
            split = leaf.get("test_split") or leaf.get("validation_split")
            metrics = {each["metric"] for each in leaf["metric_list"]}
            assert (leaf["output_type"], split) == form[:2], name
            assert metrics >= form[2], name
            if told.get("num_fewshot"):
                source = told.get("fewshot_split") or leaf["fewshot_split"]
                assert source != split, name
                assert source in {leaf.get("training_split"), leaf.get("fewshot_split")}, name
    filters = {each["name"] for each in configs("gsm8k")[0]["filter_list"]}
    assert filters == {"strict-match", "flexible-extract"}


def test_the_fast_documents_lie_within_the_published_data() -> None:
    told = json.loads((TASKS / "general" / "fast_ids.json").read_text())
    assert told.keys() == SIZES.keys()
    for name, each in told.items():
        assert 0 <= each["ids"][0] <= each["ids"][-1] < SIZES[name]
        third = SIZES[name] // 3
        assert len({number // third for number in each["ids"]}) >= 3
