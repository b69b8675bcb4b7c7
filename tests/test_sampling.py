"""Choosing documents: by topic, from strata, and apart from other sources."""

from collections import Counter
from pathlib import Path

import pytest
from politune_sampling import Disjoint, Sample, Topic
from politune_tables import CSV

from politune_harness import DataError, Document, Dropped, Filter


def documents(**counts: int) -> list[Document]:
    return [
        Document(id=f"{topic}{n}", text=f"{topic} {n}", metadata={"topic": topic})
        for topic, count in counts.items()
        for n in range(count)
    ]


def kept(filter_: Filter, rows: list[Document]) -> list[str]:
    out = list(filter_.apply(rows))
    assert [row.id for row in out] == [row.id for row in rows]
    return [row.id for row in out if isinstance(row, Document)]


def test_strata_keep_their_shares() -> None:
    drawn = kept(Sample(n=11, by=("topic",)), documents(a=60, b=30, c=10))
    assert Counter(id_[0] for id_ in drawn) == {"a": 7, "b": 3, "c": 1}


def test_strata_of_equal_shares_are_as_large_as_the_smallest() -> None:
    equal = Sample(n=30, by=("topic",), shares="equal")
    drawn = kept(equal, documents(a=60, b=30, c=4))
    assert Counter(id_[0] for id_ in drawn) == {"a": 4, "b": 4, "c": 4}
    assert len(kept(equal, documents(a=60, b=30))) == 30


def test_a_sample_hangs_on_ids_and_seed_and_nests() -> None:
    rows = documents(a=50)
    small, large = (kept(Sample(n=n), rows) for n in (5, 20))
    assert set(small) < set(large)
    assert set(kept(Sample(n=5), rows[::-1])) == set(small)
    assert set(kept(Sample(n=5, seed=1), rows)) != set(small)
    assert len(kept(Sample(n=500), rows)) == 50
    assert kept(Sample(n=5), []) == []


@pytest.mark.parametrize("date", [1571492410, 1571492410.0, "2019-10-19T13:40:10"])
def test_months_are_strata(date: object) -> None:
    rows = [Document(id=str(n), text="", metadata={"created_utc": date}) for n in range(3)]
    rows += [Document(id=f"x{n}", text="", metadata={"created_utc": 1600000000}) for n in range(9)]
    drawn = kept(Sample(n=12, by=("month",), shares="equal"), rows)
    assert Counter(id_[0] == "x" for id_ in drawn) == {True: 3, False: 3}


@pytest.mark.parametrize("date", [1571492410000, -1e300])
def test_a_time_in_another_unit_is_one_line(date: float) -> None:
    rows = [Document(id="x", text="", metadata={"created_utc": date})]
    with pytest.raises(DataError, match=r"x: created_utc .* is no time in seconds"):
        kept(Sample(n=1, by=("month",)), rows)


def test_topics_are_noted(tmp_path: Path) -> None:
    (tmp_path / "topics.txt").write_text("bus fares\nparks\n")
    texts = ["Lower the BUS fares!", "Tea, please.", "More parks"]
    rows = [Document(id=str(n), text=text) for n, text in enumerate(texts)]
    out = list(Topic(topics=tmp_path / "topics.txt").apply(rows))
    assert out[1] == Dropped(id="1", reason="no listed topic")
    every = list(Topic(topics=tmp_path / "topics.txt", only=False).apply(rows))
    noted = [row.metadata["topic"] for row in every if isinstance(row, Document)]
    assert noted == ["bus fares", None, "parks"]


def test_texts_of_another_arm_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "right.csv").write_text("text\nLower taxes!\nMore police\n")
    texts = ["lower  TAXES!", "Higher taxes!", "Higher taxes!"]
    rows = [Document(id=str(n), text=text) for n, text in enumerate(texts)]
    out = list(Disjoint(against=(CSV(path=tmp_path / "right.csv"),)).apply(rows))
    assert [row.id for row in out if isinstance(row, Document)] == ["1", "2"]
    assert out[0] == Dropped(id="0", reason="text of another arm")
