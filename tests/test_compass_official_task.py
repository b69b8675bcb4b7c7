"""The official 62 as tasks: the site's score of known answers, through lm-evaluation-harness."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from politune_harness import DataError, RecipeError
from politune_harness.compass.official import items, score
from tests.responders import TASKS, Document, Responder, manager, run

IDS = [item.id for item in items()]
ONE: dict[str, Any] = {"templates": 1, "orders": ["ascending"]}


@pytest.fixture
def propositions(tmp_path: Path) -> str:
    """A file in the place of the user's: its sentences are none of the site's."""
    file = tmp_path / "propositions.txt"
    file.write_text("".join(f"Sentence {'x' * n} is true.\n" for n in range(1, 63)))
    return str(file)


def answering(answers: Sequence[int | None]) -> Responder:
    def answer(doc: Document) -> int | None:
        return answers[IDS.index(doc["item"])]

    def say(doc: Document) -> str:
        option = answer(doc)
        return "As an AI, I do not have opinions." if option is None else doc["choices"][option]

    return Responder(lambda doc: [float(option == answer(doc)) for option in range(4)], say)


@pytest.mark.parametrize("task", ["politune_compass_62", "politune_compass_62_text"])
@pytest.mark.parametrize("seed", range(3))
def test_known_answers_get_the_score_of_the_site(task: str, seed: int, propositions: str) -> None:
    answers = np.random.default_rng(seed).integers(0, 4, 62).tolist()
    expected = score(answers)
    found, samples = run(task, answering(answers), **ONE, propositions=propositions)
    assert len(samples) == 62
    for axis, divisor in (("economic", 8), ("social", 19.5)):
        points = sum(getattr(item, axis)[a] for item, a in zip(items(), answers, strict=True))
        assert found[axis] == pytest.approx(points / divisor)
        assert abs(found[axis] - getattr(expected, axis)) <= 0.005 + 1e-9
    if task == "politune_compass_62":
        assert found["economic_argmax"] == pytest.approx(found["economic"])
        assert found["usable"] == 1
    else:
        assert found["valid"] == 1
        assert found["economic_if_low"] == pytest.approx(found["economic_if_high"])


@pytest.mark.parametrize("task", ["politune_compass_62", "politune_compass_62_text"])
def test_what_is_missing_counts_as_was_chosen_and_bounds_are_told(
    task: str, propositions: str
) -> None:
    nothing = answering([None] * 62)
    zero, _ = run(task, nothing, **ONE, propositions=propositions)
    agree, _ = run(task, nothing, **ONE, propositions=propositions, missing="agree")
    assert (zero["economic"], zero["social"]) == (0, 0)
    assert agree["economic"] == pytest.approx(3 / 8)
    assert agree["social"] == pytest.approx(47 / 19.5)
    if task.endswith("text"):
        assert zero["refused"] == 1
        place = score([None] * 62, "bounds")
        ends = [zero[f"social_if_{end}"] for end in ("low", "high")]
        assert ends == pytest.approx([place.social_min, place.social_max], abs=0.005)
    else:
        assert zero["option_mass"] == 0


def test_a_position_is_expected_over_the_options(propositions: str) -> None:
    rng = np.random.default_rng(7)
    shares = {name: rng.dirichlet(np.ones(4)) for name in IDS}
    model = Responder(lambda doc: shares[doc["item"]].tolist())
    found, samples = run("politune_compass_62", model, templates=2, propositions=propositions)
    assert len(samples) == 62 * 2 * 2
    points = sum(float(shares[item.id] @ np.array(item.social)) for item in items())
    assert found["social"] == pytest.approx(points / 19.5)
    assert found["social_spread"] == pytest.approx(0, abs=1e-9)
    assert found["social_low"] < found["social"] < found["social_high"]
    assert found["option_mass"] == pytest.approx(1)


def test_results_name_the_text_by_its_hash(propositions: str, tmp_path: Path) -> None:
    def about(file: str) -> dict[str, Any]:
        task = manager(**ONE, propositions=file).load(["politune_compass_62"])["tasks"]
        found: dict[str, Any] = task["politune_compass_62"].config.metadata["instrument"]
        return found

    other = tmp_path / "other.txt"
    other.write_text(Path(propositions).read_text().replace("true", "false", 1))
    first, second = about(propositions), about(str(other))
    assert first["bank"] == second["bank"] == "political-compass-62"
    assert first["hash"] != second["hash"]
    assert (first["items"], first["recognised"], first["missing"]) == (62, 0, "zero")


def test_no_position_is_made_of_nothing(propositions: str) -> None:
    from lm_eval import evaluate

    tasks = manager(**ONE, propositions=propositions).load(["politune_compass_62"])
    found = evaluate(answering([1] * 62), tasks, limit=1, bootstrap_iters=0)
    values = found["results"]["politune_compass_62"]
    assert math.isfinite(values["economic,none"])
    assert values["social,none"] is None


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({}, "needs the text of the 62 propositions, .* add --metadata"),
        ({"missing": "zeros"}, "missing: there is no 'zeros' here; did you mean 'zero'"),
        ({"missing": "bounds"}, "bounds are told in any case, as economic_if_low"),
        ({"labels": ["digit"]}, "did you mean 'digits'"),
        ({"enable_thinking": True}, "use politune_compass_text"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    metadata: dict[str, object], problem: str, propositions: str
) -> None:
    given = {"propositions": propositions, **metadata} if metadata else {}
    with pytest.raises(RecipeError, match=problem) as caught:
        manager(**given).load(["politune_compass_62"])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_the_62_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("One.\nTwo.\n")
    with pytest.raises(DataError, match="has 2 propositions, not 62"):
        manager(propositions=str(tmp_path / "few.txt")).load(["politune_compass_62_text"])


def test_the_readme_says_how_many_documents_there_are(propositions: str) -> None:
    readme = (TASKS / "compass_62" / "README.md").read_text()
    for name, count in (("politune_compass_62", 1240), ("politune_compass_62_text", 248)):
        task = manager(propositions=propositions).load([name])["tasks"][name]
        assert len(task.eval_docs) == count
        assert f"| `{name}` | {count:,} |" in readme
