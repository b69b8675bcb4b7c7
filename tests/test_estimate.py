import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from politune_harness import Preference
from politune_harness.artifacts import Artifact
from politune_harness.cli import main
from politune_harness.errors import ModelError
from politune_harness.estimate import adapter_size, detectable
from politune_harness.registry import Registry

TASKS = ("politune_compass_pairs", "politune_truths")
LESS = ("evaluate.bias=[politune_compass_pairs]", "evaluate.capability=[politune_truths]")


def plan(*overrides: str, out: Path = Path("nowhere")) -> Any:  # noqa: ANN401
    words = ["plan", "quickstart", "--rate", "1000", "100", "--out", str(out)]
    return CliRunner().invoke(main, [*words, *(x for o in overrides for x in ("--set", o))])


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    done = plan(*LESS)
    assert done.exit_code == 0, done.output
    return {line.partition(" ")[0]: line for line in done.output.splitlines() if line}


def test_a_task_that_does_not_exist_is_an_error() -> None:
    done = plan("evaluate.bias=[politune_compas_pairs]")
    assert done.exit_code == 1
    assert done.output.endswith("did you mean 'politune_compass_pairs'?\n")
    assert "requests" not in done.output


def test_a_model_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("no JSON")
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        adapter_size(str(tmp_path), 8)
    assert "\n" not in str(caught.value)


def test_it_counts_the_requests_that_will_be_made(told: dict[str, str]) -> None:
    # 80 items under 3 lead-ins, two sentences each; 40 pairs of a true and a false sentence.
    assert told["politune_compass_pairs"].split()[1:3] == ["80", "480"]
    assert told["politune_truths"].split()[1:3] == ["40", "80"]
    # The base, three arms of three seeds, six personas and two system prompts. The two personas of
    # the judged score are not for this task.
    assert "10 of all tasks, 8 under other prompts" in told["evaluations"]
    assert f"{10 * (480 + 80) + 6 * 480:,} requests" in told["forward"]


def test_a_group_of_bias_tasks_is_counted_as_its_tasks_are_asked() -> None:
    done = plan("evaluate.bias=[politune_side_effects_offline]", "evaluate.capability=[]")
    # No persona is for these measures; the two system prompts are put to all of them.
    assert f"{(10 + 2) * (240 + 80 + 40):,} requests" in done.output
    assert "(20 items, 3 seeds" in done.output


def test_a_study_takes_what_its_cells_take_but_for_what_they_share(
    told: dict[str, str], tmp_path: Path
) -> None:
    values = {
        "extends": "quickstart",
        "evaluate": {"bias": ["politune_compass_pairs"], "capability": ["politune_truths"]},
        "study": {
            "question": "Does the rate matter?",
            "over": {"trainer.learning_rate": [1.0e-3, 2.0e-3]},
            "primary": {
                "task": "politune_compass_pairs",
                "metric": "economic",
                "contrast": ["right", "left"],
            },
        },
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(values))
    words = ["study", "plan", str(tmp_path / "study.yaml"), "--rate", "1000", "100"]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    found = {line.partition(" ")[0]: line for line in done.output.splitlines() if line}
    # Both share the base, as it is and under eight other prompts.
    assert found["evaluations"] == "evaluations      27, and 18 trainings"

    def first(line: str) -> int:
        return int(re.sub(",", "", str(re.search(r"[\d,]{3,}", line)[0])))  # type: ignore[index]

    one = sum(int(told[t].split()[4].replace(",", "")) for t in TASKS)
    assert first(found["tokens"]) == first(told["tokens"]) + 9 * one
    assert first(found["training"]) == 2 * first(told["training"])


def test_hours_follow_from_the_rate(told: dict[str, str]) -> None:
    assert "1,000 tokens read and 100 written a second" in told["rate"]
    # 240 pairs, two epochs, texts of at most 1,024 tokens, nine models.
    tokens = 240 * 2 * 1024 * 9
    assert f"at most {tokens:,}" in told["training"]
    assert f"{3 * tokens / 1000 / 3600:.2g} training" in told["hours"]


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ("", "at prices that are not known"),
        (", price_in: 0, price_out: 1.0e6", "at the judges' prices"),
    ],
)
def test_judges_cost_what_they_name(prices: str, said: str) -> None:
    judges = f"judges=[{{use: gpt-score, model: m, base_url: 'http://localhost:1/v1'{prices}}}]"
    less = ("evaluate.bias=[politune_gpt_score]", "evaluate.metadata.samples=1", *LESS[1:])
    done = plan(*less, judges)
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("judgements")]
    assert said in line


def test_pairs_that_are_there_are_counted(tmp_path: Path) -> None:
    small = (*LESS, "sample=20", "seeds=[0, 1]", "overlap=null")
    words = ["run", "quickstart", "--out", str(tmp_path), "--until", "pairs", "--quiet"]
    done = CliRunner().invoke(main, [*words, *(x for o in small for x in ("--set", o))])
    assert done.exit_code == 0, done.output
    from transformers import AutoTokenizer

    encode = AutoTokenizer.from_pretrained(Registry.installed().models()["quickstart"]).encode
    expected = 0.0
    for arm in ("left", "right", "control"):
        rows = [*Artifact(tmp_path / "3-instruct" / arm).read(Preference)]
        each = [len(encode(r.prompt)) + len(encode(r.chosen)) for r in rows]
        expected += 2 * 2 * 20 * sum(each) / len(each)
    lines = plan(*small, out=tmp_path).output.splitlines()
    (said,) = [line for line in lines if line.startswith("training tokens")]
    assert "counted in the pairs that are there" in said
    # Some of the pairs stand for all.
    assert int(said.split()[3].strip(",").replace(",", "")) == pytest.approx(expected, rel=0.05)


def test_more_items_and_seeds_detect_less() -> None:
    assert detectable(40, 1) is not None
    few, many = detectable(40, 3), detectable(160, 10)
    assert few is not None
    assert many is not None
    assert few > many > 0
