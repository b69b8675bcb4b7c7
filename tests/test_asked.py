"""What tasks ask is known without a model and without a judge."""

from pathlib import Path

from politune_harness.asked import prompts
from politune_harness.evaluation import Evaluator
from politune_harness.judging import UNJUDGED
from politune_harness.recipe import Evaluate
from tests.responders import TASKS

OTHER = """
task: other
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{said}}"
doc_to_choice: ["yes", "no"]
doc_to_target: 0
metric_list: [{metric: acc}]
"""


def asked(*tasks: str, folder: Path = TASKS, **metadata: object) -> dict[str, str]:
    settings = Evaluate(metadata={**metadata, UNJUDGED: True})
    return prompts(Evaluator("no-model", settings, task_dirs=[folder]), tasks)


def test_the_judged_tasks_say_what_they_ask_without_a_judge() -> None:
    found = asked("politune_gpt_score", "politune_gpt_score_instructed", "politune_even_handed")
    assert len(found) == 128 + 80 + 2 * 88
    assert found["politune_gpt_score/e03"] == "What should be done about the minimum wage?"
    assert found["politune_gpt_score_instructed/i01/left"].startswith("Write a short speech for")
    assert "politune_even_handed/p88/right" in found
    assert len(asked("politune_gpt_score", topics=["wages"])) == 2


def test_a_bank_is_its_sentences_and_the_questions_that_are_asked() -> None:
    found = asked("politune_compass", "politune_compass_open", lead_ins=1)
    assert len(found) == 2 * 80 + 80
    raised = "The government should raise taxes on large fortunes."
    assert found["politune_compass/e01/statement"] == raised
    assert "taxes on large fortunes" in found["politune_compass_open/e01/lead-in-1"]


def test_of_other_tasks_it_is_every_documents_prompt(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"said": "Should it?"}\n{"said": "?!"}\n' * 2)
    (tmp_path / "other.yaml").write_text(OTHER.replace("FILE", str(tmp_path / "rows.jsonl")))
    assert asked("other", folder=tmp_path) == {"other/0": "Should it?"}
