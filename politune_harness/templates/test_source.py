from pathlib import Path

import pytest

from politune_harness import DataError, Document, Dropped
from politune_harness.templates.source import Example


def test_every_text_is_a_document_or_dropped_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Build more trains.\n")
    (tmp_path / "b.txt").write_text("")
    assert list(Example(folder=tmp_path).load()) == [
        Document(id="a", text="Build more trains."),
        Dropped(id="b", reason="empty text"),
    ]


def test_a_folder_without_texts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no \.txt file"):
        list(Example(folder=tmp_path).load())
