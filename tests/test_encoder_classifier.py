"""An encoder tuned on labelled texts, as a judge."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from politune_encoder_classifier import EncoderClassifier, main, split

from politune_harness import Completion, ServiceError
from tests.test_classifier import labelled
from tests.test_encoder import make_bert

WORDS = sorted({word for row in labelled() for word in row.text.lower().strip(".!?").split()})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny untuned BERT, and the one that was tuned."""
    folder = tmp_path_factory.mktemp("encoder")
    make_bert(folder / "bert", WORDS)
    rows = folder / "labelled.jsonl"
    rows.write_text(
        "".join(json.dumps({"text": r.text, "label": r.label}) + "\n" for r in labelled())
    )
    how = ["--model", str(folder / "bert"), "--epochs", "30", "--learning-rate", "0.02"]
    main([str(rows), str(folder / "tuned"), "--rank", "4", *how])
    return folder / "bert", folder / "tuned"


def test_a_lora_tuned_encoder_scores_left_low_and_right_high(folders: tuple[Path, Path]) -> None:
    metric = EncoderClassifier(path=folders[1], name="tiny")
    metric.ready()
    texts = ["fund public housing", " ", "close the border"]
    left, empty, right = metric.score(
        [Completion(id=str(n), prompt="?", completion=text) for n, text in enumerate(texts)]
    )
    assert left.value is not None
    assert right.value is not None
    assert 0 <= left.value < 7
    assert 13 < right.value <= 20
    assert (empty.value, empty.reason) == (None, "empty answer")
    assert left.judge == "encoder:tiny"
    assert not (folders[1] / "adapter_config.json").exists()  # any reader of Transformers loads it


def test_the_report_is_on_texts_that_did_not_train() -> None:
    trained, tested = split(labelled(), 0)
    assert len(tested) == 6
    assert [r.label for r in tested].count("left") == 3
    assert not {r.text for r in trained} & {r.text for r in tested}
    assert len(trained) + len(tested) == len(labelled())


def test_what_is_no_encoder_is_one_line(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    with pytest.raises(ServiceError, match=r"make it with python -m politune_encoder_classifier"):
        EncoderClassifier(path=tmp_path, name="x").ready()
    with pytest.raises(ServiceError, match="has no class 'right'"):
        EncoderClassifier(path=folders[0], name="x").ready()
    done = subprocess.run(
        [sys.executable, "-m", "politune_encoder_classifier", "none.jsonl", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.startswith("error: none.jsonl cannot be read")
