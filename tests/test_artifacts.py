import os
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from politune_harness.artifacts import Artifact, Contents, Manifest, disk_errors
from politune_harness.errors import DataError
from politune_harness.progress import shown_on
from politune_harness.records import Document, Dropped, Note, Preference, Record


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    return Contents(tmp_path / ".contents.json")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Document(id=1, text="x"), r"a Document .* id is 1 \(int\) and no string"),  # type: ignore[arg-type]
        (Document(id="1", text=None), "whose text is None"),  # type: ignore[arg-type]
        (Document(id="1", text="x", metadata="y"), "metadata is 'y' .* no mapping"),  # type: ignore[arg-type]
        (Preference(id="1", prompt="x", chosen=[], rejected=""), "a Preference .* chosen is"),  # type: ignore[arg-type]
    ],
)
def test_a_row_that_could_not_be_read_again_is_not_written(
    row: Record, message: str, tmp_path: Path
) -> None:
    artifact = Artifact(tmp_path / "a")
    artifact.begin()
    with pytest.raises(DataError, match=message):
        artifact.write([Document(id="0", text="right"), Dropped(id="2", reason="short"), row])


def test_rows_and_reasons_are_counted_apart(tmp_path: Path) -> None:
    artifact = Artifact(tmp_path / "a")
    artifact.begin()
    rows = [
        Document(id="1", text="é", metadata={"n": [1, None]}),
        Dropped(id="2", reason="short"),
        Dropped(id="3", reason="not JSON", malformed=True),
        Dropped(id="4", reason="short"),
    ]
    tally = artifact.write(iter(rows))
    assert tally.counts() == {"rows": 1, "dropped": {"not JSON": 1, "short": 2}, "malformed": 1}
    assert list(artifact.read(Document)) == rows[:1]
    assert not (tmp_path / "a" / "notes.jsonl").exists()


def test_notes_are_kept_apart_shown_and_not_counted(tmp_path: Path) -> None:
    class Lines:
        said: ClassVar[list[str]] = []

        def add(self, label: str, total: int | None) -> int:
            return 0

        def advance(self, work: int, by: int = 1) -> None: ...

        def rename(self, work: int, label: str) -> None: ...

        def remove(self, work: int) -> None: ...

        def note(self, text: str) -> None:
            self.said.append(text)

    artifact = Artifact(tmp_path / "a")
    artifact.begin()
    note = Note(id="agreement", text="kappa 0.5", values={"kappa": 0.5})
    with shown_on(Lines()):
        tally = artifact.write(iter([note, Document(id="1", text="a")]))
    assert (tally.counts()["rows"], tally.counts()["dropped"]) == (1, {})
    assert msgspec.json.decode((tmp_path / "a/notes.jsonl").read_bytes(), type=Note) == note
    assert Lines.said == ["kappa 0.5"]
    artifact.begin()
    assert not (tmp_path / "a" / "notes.jsonl").exists()


def test_beginning_again_takes_the_manifest_first_and_only_its_own(tmp_path: Path) -> None:
    for name in ("results.json", "other.txt", "manifest.json"):
        (tmp_path / name).write_text("{}")
    Artifact(tmp_path, own=("results.json", "figures")).begin()
    assert [f.name for f in tmp_path.iterdir()] == ["other.txt"]


def test_a_torn_manifest_is_none(tmp_path: Path) -> None:
    artifact = Artifact(tmp_path)
    artifact.seal(Manifest(stage="s", made_by={"use": "u"}, inputs={}, files={}))
    whole = (tmp_path / "manifest.json").read_text()
    assert artifact.manifest is not None
    (tmp_path / "manifest.json").write_text(whole[: len(whole) // 2])
    assert artifact.manifest is None


def test_contents_follow_the_bytes_and_not_the_clock(tmp_path: Path, contents: Contents) -> None:
    file = tmp_path / "data" / "a.csv"
    file.parent.mkdir()
    file.write_text("one")
    first = contents(file.parent)
    os.utime(file, (0, 0))
    compiled = file.parent / "__pycache__" / "task.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"with the time of that")
    assert contents(file.parent) == first
    file.write_text("two")
    assert contents(file.parent) != first
    assert contents(file.parent / "*.csv") == contents(tmp_path / "data" / "a.*")


def test_contents_are_remembered(tmp_path: Path, contents: Contents) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    known = contents(file)
    contents.save()
    stat = file.stat()
    file.write_text("two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Contents(tmp_path / ".contents.json")(file) == known


def test_a_missing_input_is_one_line(contents: Contents, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        contents(tmp_path / "nothing.csv")


def test_a_full_disk_is_one_line() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(DataError, match="no space left on device"), disk_errors(full):
        full.write_bytes(b"x" * 100_000)
