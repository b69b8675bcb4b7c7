"""Stages in shards: the same bytes whatever the workers, and after being killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from politune_local import Local
from politune_text_filters import MinWords

from politune_harness import Document, Dropped, Filter, Generator, InstructionWriter, Preference
from politune_harness.artifacts import Artifact, Tally
from politune_harness.errors import DataError, PluginError, ServiceError
from politune_harness.shards import Piece, apply, load, pieces
from politune_harness.spending import limited, spending
from politune_harness.testing import Scripted


def numbers(first: int, shard_size: int = 50) -> Iterator[Document | Dropped]:
    for n in range(first, first + shard_size):
        odd = n % 2
        yield (
            Document(id=f"{n}", text="word " * (n % 7))
            if odd
            else Dropped(id=f"{n}", reason="even")
        )


SHARDS = [partial(numbers, first) for first in range(0, 400, 50)]

ONE, TWO = Local(workers=1), Local(workers=2)


def artifact(folder: Path, key: str = "key") -> Artifact:
    made = Artifact(folder, work=key)
    made.begin()
    return made


def contents(made: Artifact) -> list[bytes]:
    return [(made.path / name).read_bytes() for name in ("rows.jsonl", "dropped.jsonl")]


def test_workers_change_nothing(tmp_path: Path) -> None:
    one, two, plain = (artifact(tmp_path / name) for name in "abc")
    counts = load(one, SHARDS, ONE).counts()
    assert counts == load(two, SHARDS, TWO).counts()
    assert counts == {"rows": 200, "dropped": {"even": 200}, "malformed": 0}
    plain.write(row for shard in SHARDS for row in shard())
    assert contents(one) == contents(two) == contents(plain)
    assert sorted(f.name for f in one.path.iterdir()) == ["dropped.jsonl", "rows.jsonl"]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    made = artifact(tmp_path / "a")
    with pytest.raises(DataError, match="no more"):
        load(made, [*SHARDS[:3], partial(failing, "no more"), *SHARDS[4:]], ONE)
    made.begin()
    gone = partial(failing, "done again")
    load(made, [gone, gone, gone, *SHARDS[3:]], ONE)
    whole = artifact(tmp_path / "b")
    load(whole, SHARDS, ONE)
    assert contents(made) == contents(whole)


def test_shards_of_other_work_are_cleared(tmp_path: Path) -> None:
    made = artifact(tmp_path / "a")
    with pytest.raises(DataError):
        load(made, [partial(numbers, 100), partial(failing, "stop")], ONE)
    made = artifact(tmp_path / "a", "another key")
    assert load(made, [partial(numbers, 0, 4)], ONE).counts()["rows"] == 2


def failing(message: str) -> Iterator[Document]:
    raise DataError(message)
    yield Document(id="", text="")


def lost() -> Iterator[Document]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield Document(id="", text="")


def test_a_workers_error_and_a_workers_death_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="broken shard"):
        load(artifact(tmp_path / "a"), [*SHARDS[:2], partial(failing, "broken shard")], TWO)
    with pytest.raises(ServiceError, match="a worker process was lost"):
        load(artifact(tmp_path / "b"), [lost, *SHARDS[:2]], TWO)


SCRIPT = """
import sys, time
from pathlib import Path
from functools import partial
from politune_local import Local
from tests.test_shards import artifact, slow
from politune_harness.shards import load
if __name__ == "__main__":
    made = artifact(Path(sys.argv[1]))
    load(made, [partial(slow, n) for n in range(0, 600, 50)], Local(workers=2))
"""


def slow(first: int) -> Iterator[Document | Dropped]:
    """Yield a shard that takes 0.1 s, and note which process began it."""
    for row in numbers(first):
        time.sleep(0.002)
        yield row


def test_a_killed_stage_goes_on_from_the_next_shard(tmp_path: Path) -> None:
    script, out = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    process = subprocess.Popen([sys.executable, script, out], env=environment)
    while process.poll() is None and len([*(out / ".shards").glob("*.json")]) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    made = Artifact(out, work="key")
    time.sleep(0.3)  # workers end with the process that started them
    stamps = {f.name: f.stat().st_mtime_ns for f in (out / ".shards").glob("*.json")}
    assert 2 <= len(stamps) < 12
    made.begin()
    assert stamps == {f.name: f.stat().st_mtime_ns for f in (out / ".shards").glob("*.json")}
    gone = [partial(failing, "done again") for n in range(12)]
    rest = [partial(numbers, n * 50) for n in range(12)]
    load(made, [gone[n] if f"{n:05}.json" in stamps else rest[n] for n in range(12)], ONE)
    whole = artifact(tmp_path / "whole")
    load(whole, rest, ONE)
    assert contents(made) == contents(whole)


def test_pieces_are_whole_lines_and_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for lengths in ([], [5], [5, 100, 1, 1, 1, 30]):
        path.write_text("".join("x" * n + "\n" for n in lengths))
        found = pieces(path, 10)
        assert b"".join(p._bytes() for p in found) == path.read_bytes()
        assert all(p._bytes().endswith(b"\n") for p in found)
        assert sum(p.count() for p in found) == len(lengths)
    assert found[0] == Piece(path, 0, 107)


class Forgetful(Filter):
    def apply(self, documents: Iterable[Document]) -> Iterator[Document]:
        return (d for d in documents if d.text)


class Labels(Filter):
    generator: Generator

    def apply(self, documents: Iterable[Document]) -> Iterator[Document | Dropped]:
        with self.generator.session():
            for d in documents:
                if d.id == self.generator.model:
                    message = "the engine fell over"
                    raise ServiceError(message)
                yield d if len(d.text) > 10 else Dropped(id=d.id, reason="short")


class Pairs(InstructionWriter):
    def write(self, documents: Iterable[Document]) -> Iterator[Preference]:
        for d in documents:
            for n in range(2):
                yield Preference(id=f"{d.id}/{n}", prompt="?", chosen=d.text, rejected="")


@pytest.fixture
def read(tmp_path: Path) -> Artifact:
    made = artifact(tmp_path / "read")
    load(made, SHARDS, ONE)
    return made


@pytest.mark.parametrize("size", [100, 1 << 22])
def test_a_filter_is_the_same_in_any_shards(
    tmp_path: Path, read: Artifact, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("politune_harness.shards.SIZE", size)
    made, rows = artifact(tmp_path / "f"), list(MinWords(words=3).apply(read.read(Document)))
    tally = apply(made, read, MinWords(words=3), TWO if size == 1 << 22 else ONE)
    assert tally.seen == 200
    assert list(made.read(Document)) == [row for row in rows if isinstance(row, Document)]
    assert tally.reasons == {"under 3 words": 200 - tally.rows}


def test_a_filter_must_give_every_document_back(tmp_path: Path, read: Artifact) -> None:
    with pytest.raises(PluginError, match="Forgetful gave 171 rows for 200 documents"):
        apply(artifact(tmp_path / "f"), read, Forgetful(), ONE)


def test_a_writer_may_write_several_pairs(tmp_path: Path, read: Artifact) -> None:
    assert apply(artifact(tmp_path / "w"), read, Pairs(), ONE).rows == 400


def test_what_asks_a_model_goes_on_too_and_loads_it_once(
    tmp_path: Path, read: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("politune_harness.shards.SMALL", 1000)
    made, whole = artifact(tmp_path / "f"), artifact(tmp_path / "g")
    with pytest.raises(ServiceError, match="fell over"):
        apply(made, read, Labels(generator=Scripted(model="301")), ONE)
    done = len(list((made.path / ".shards").glob("*.json")))
    assert done > 3
    made.begin()
    for into in (made, whole):
        generator = Scripted()
        tally = apply(into, read, Labels(generator=generator), ONE)
        assert generator.sessions == ["open", "closed"]
        assert tally.seen == 200
    assert contents(made) == contents(whole)


class Elsewhere(Local):
    """An engine whose workers know nothing of what this command may spend."""

    def map(
        self, work: Callable[[Any], Any], items: Sequence[Any], *, model: bool = False
    ) -> Iterator[Any]:
        with ThreadPoolExecutor(1) as pool:
            yield from pool.map(work, items)


class Paid(Pairs):
    generator: Generator

    def write(self, documents: Iterable[Document]) -> Iterator[Preference]:
        if not spending().limited:
            message = "asked where there is no limit"
            raise ServiceError(message)
        return super().write(documents)


def test_what_asks_pays_from_this_commands_limit(tmp_path: Path, read: Artifact) -> None:
    with limited(1.0):
        writer = Paid(generator=Scripted())
        assert apply(artifact(tmp_path / "w"), read, writer, Elsewhere()).rows == 400


def test_counts_come_back_from_what_they_gave() -> None:
    tally = Tally(rows=3, malformed=1)
    tally.reasons.update(["a", "a", "b"])
    assert Tally.of(tally.counts()) == tally
