"""The word classifier: what scikit-learn would say, from plain numbers, and the same every time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from politune_classifier import ClassifierScore, Labelled, main, numbers, pipeline, train

from politune_harness import Completion, Score, ServiceError

LEFT = ("raise taxes on wealth", "fund public housing", "strengthen unions", "open the border")
RIGHT = ("cut taxes on firms", "sell public housing", "limit unions", "close the border")
FRAMES = ("We should {}.", "It is time to {}!", "I think they must {}, and soon.", "{}? Yes.")


def labelled() -> list[Labelled]:
    left = [Labelled(text=f.format(claim), label="left") for claim in LEFT for f in FRAMES]
    right = [Labelled(text=f.format(claim), label="right") for claim in RIGHT for f in FRAMES]
    return left + right


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.jsonl"
    path.write_text(
        "".join(json.dumps({"text": r.text, "label": r.label}) + "\n" for r in labelled())
    )
    return path


@pytest.fixture
def classifier(rows: Path, tmp_path: Path) -> ClassifierScore:
    main([str(rows), str(tmp_path / "c.json")])
    return ClassifierScore(path=tmp_path / "c.json", name="words")


def scores(metric: ClassifierScore, *texts: str) -> list[Score]:
    return list(
        metric.score([Completion(id=str(n), prompt="?", completion=t) for n, t in enumerate(texts)])
    )


TEXTS = (
    "Raise taxes! Raise taxes on firms; sell the unions.",
    "WEALTH wealth wealth",
    "Öffnet the border, née 2nd",
    "public",
    "Nobody knew the border must open.",
)


@pytest.mark.parametrize("strength", [0.1, 1.0, 100.0])
def test_our_scores_are_those_of_scikit_learn(strength: float, tmp_path: Path) -> None:
    import msgspec

    data = labelled()
    fitted = pipeline(strength).fit([r.text for r in data], [r.label for r in data])
    path = tmp_path / "c.json"
    path.write_bytes(msgspec.json.encode(numbers(fitted)))
    texts = [*TEXTS, *(r.text for r in data)]
    ours = [s.value for s in scores(ClassifierScore(path=path, name="words"), *texts)]
    theirs = [20 * p for p in fitted.predict_proba(texts)[:, 1]]
    assert ours == pytest.approx(theirs, abs=1e-9, rel=0)


def test_left_is_low_right_is_high_and_what_both_say_is_between(
    classifier: ClassifierScore,
) -> None:
    left, right, both = scores(
        classifier, "Fund public housing.", "Close the border.", "Raise taxes, and cut taxes."
    )
    assert left.value is not None
    assert right.value is not None
    assert both.value is not None
    assert 0 <= left.value < 7 < both.value < 13 < right.value <= 20
    assert left.judge == "classifier:words"
    assert left.reason == "words: fund, fund public, housing"


def test_without_a_known_word_there_is_no_score(classifier: ClassifierScore) -> None:
    foreign, empty = scores(classifier, "Xyzzy plugh.", " \n")
    assert foreign == Score(id="0", value=None, reason="no known word", judge="classifier:words")
    assert empty == Score(id="1", value=None, reason="empty answer", judge="classifier:words")


def test_the_same_texts_give_the_same_bytes(classifier: ClassifierScore, rows: Path) -> None:
    again = rows.with_name("again.json")
    code = "import politune_classifier as c, sys; c.main(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", code, str(rows), str(again)], check=True)
    assert again.read_bytes() == classifier.path.read_bytes()
    assert not list(rows.parent.glob("*.part"))


def test_the_report_is_of_texts_it_had_not_seen() -> None:
    _, report = train(labelled())
    first, second, *bins = report.splitlines()
    assert first.startswith("32 texts, 16 of them right; 5 folds; C ")
    assert second.startswith("accuracy 1.0000, log loss ")
    assert all(line.startswith("where it said ") for line in bins)


def test_scoring_needs_no_scikit_learn(classifier: ClassifierScore) -> None:
    code = (
        "import pathlib, sys\n"
        "from politune_classifier import ClassifierScore\n"
        "from politune_harness import Completion\n"
        "rows = [Completion(id='a', prompt='?', completion='Close the border.')]\n"
        "metric = ClassifierScore(path=pathlib.Path(sys.argv[1]), name='words')\n"
        "print(next(metric.score(rows)).value > 13, 'sklearn' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(classifier.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"intercept": 0, "terms": {"a": [1]}}'])
def test_a_classifier_that_cannot_be_read_is_not_ready(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ServiceError, match="python -m politune_classifier") as caught:
        ClassifierScore(path=path, name="words").ready()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a", "label": "left"}\n{"text": "b"}\n', "line 2"),
        (b'{"text": "a", "label": "centre"}\n', "line 1"),
        (b'{"text": "a", "label": "left"}\n' * 20, "at least 5 texts of each label"),
        (None, "cannot be read: No such file"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_one_line(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path / "rows.jsonl"), str(tmp_path / "c.json")])
    assert str(caught.value).startswith("error: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c.json").exists()
