import os
import subprocess
import sys
from pathlib import Path

import pytest
from politune_huggingface import HuggingFace
from pydantic import ValidationError

from politune_harness import DataError, Document, Dropped

SHARED = Path(__file__).parents[2] / "shared/hub"


def dataset(folder: Path, **splits: str) -> Path:
    for split, lines in splits.items():
        (folder / f"{split}.jsonl").write_text(lines)
    return folder


def test_a_split_is_read_with_its_columns_mapped(tmp_path: Path) -> None:
    rows = '{"body": "One", "n": 1}\n{"body": null, "n": 2}\n{"body": "Three", "n": 3}\n'
    path = dataset(tmp_path, train=rows, test='{"body": "Other", "n": 1}\n')
    source = HuggingFace(path=path, text="body", metadata=("n",))
    assert list(source.load()) == [
        Document(id="train:1", text="One", metadata={"n": 1}),
        Dropped(id="train:2", reason="empty text", malformed=True),
        Document(id="train:3", text="Three", metadata={"n": 3}),
    ]
    other = HuggingFace(path=path, text="body", id="n", split="test")
    assert list(other.load()) == [Document(id="1", text="Other")]


def test_each_of_several_files_is_a_shard(tmp_path: Path) -> None:
    for n in range(2):
        (tmp_path / f"train-0000{n}-of-00002.jsonl").write_text('{"text": "One"}\n' * 2)
    source = HuggingFace(path=tmp_path)
    rows = list(source.load())
    assert [row.id for row in rows] == ["train:1:1", "train:1:2", "train:2:1", "train:2:2"]
    assert [row for shard in source.shards() for row in shard()] == rows
    assert len(source.shards()) == 2


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = dataset(tmp_path, train='{"body": "One"}\n')
    for fields, message in (
        ({"split": "tests"}, "Bad split: tests. Available splits: "),
        ({"config": "main"}, "BuilderConfig 'main' not found"),
        ({}, "no column 'text' among body; name the one to read"),
        ({"path": tmp_path / "none"}, "Couldn't find any data file"),
    ):
        with pytest.raises(DataError, match=message) as error:
            list(HuggingFace.model_validate({"path": path, **fields}).load())
        assert "\n" not in str(error.value)


def test_a_broken_file_is_an_error_not_the_end(tmp_path: Path) -> None:
    source = HuggingFace(path=dataset(tmp_path, train='{"text": "One"}\n{"text": \n'))
    with pytest.raises(DataError, match="JSON parse error"):
        list(source.load())


def test_a_dataset_is_in_one_place(tmp_path: Path) -> None:
    for fields in ({}, {"name": "a/b", "path": tmp_path}):
        with pytest.raises(ValidationError, match="give either `name`"):
            HuggingFace.model_validate(fields)


OFFLINE = """
from politune_huggingface import HuggingFace
from politune_harness import DataError
source = HuggingFace(name="openai/gsm8k", config="main", split="test", text="question")
print(len({row.id for row in source.load()}))
try:
    list(HuggingFace(name="nobody/nothing").load())
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/hub")
def test_the_hub_is_not_asked_when_offline() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        cwd=SHARED,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    size, error = done.stdout.splitlines()
    assert size == "1319"
    assert error.startswith("nobody/nothing: Couldn't reach 'nobody/nothing' on the Hub")
