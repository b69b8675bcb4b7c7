from pathlib import Path

import pytest
from politune_truth_social import TruthSocial

from politune_harness import DataError, Document, Dropped
from politune_harness.records import JSON

HEADER = (
    "id\ttimestamp\ttime_scraped\tis_retruth\tis_reply\tauthor\tlike_count\tretruth_count\t"
    "reply_count\ttext\texternal_id\turl\ttruth_retruthed"
)


def truth(
    id_: str, text: str, retruth: str = "f", likes: int = 4, when: str = "2022-08-18 11:06:34"
) -> str:
    before = f"{id_}\t{when}\t2022-09-14 23:29:30\t{retruth}\tf\t77\t{likes}\t0\t-1"
    return f"{before}\t{text}\t1088{id_}\thttps://example.org/{id_}\t-1"


def load(folder: Path, *lines: str | bytes) -> list[Document | Dropped]:
    content = [line if isinstance(line, bytes) else line.encode() for line in (HEADER, *lines)]
    (folder / "truths.tsv").write_bytes(b"\n".join(content) + b"\n")
    return list(TruthSocial(path=folder).load())


def test_a_post_keeps_what_is_known_and_no_author(tmp_path: Path) -> None:
    rows = load(tmp_path, truth("1", 'She said "yes" to lower fares.'), truth("2", "B", likes=-1))
    when = "2022-08-18 11:06:34"
    known: dict[str, JSON] = {"timestamp": when, "is_reply": False, "retruth_count": 0}
    assert rows == [
        Document(
            id="1",
            text='She said "yes" to lower fares.',
            metadata={**known, "like_count": 4},
        ),
        Document(id="2", text="B", metadata=known),
    ]
    assert "77" not in str(rows)


def test_posts_without_a_text_of_their_own_are_left_out(tmp_path: Path) -> None:
    rows = load(tmp_path, truth("1", "", retruth="t"), truth("2", " "), truth("3", "C"))
    reason = "no text of its own"
    assert rows[:2] == [Dropped(id="1", reason=reason), Dropped(id="2", reason=reason)]
    assert isinstance(rows[2], Document)


def test_broken_lines_are_put_together_where_that_is_exact(tmp_path: Path) -> None:
    rows = load(
        tmp_path,
        truth("1", "One line\n\n2024\nand the last."),
        truth("2", 'A quote " that is never closed'),
        truth("3", "Windows\r\nline ends") + "\r",
    )
    assert [r.text for r in rows if isinstance(r, Document)] == [
        "One line\n\n2024\nand the last.",
        'A quote " that is never closed',
        "Windows\nline ends",
    ]


def test_lines_that_cannot_be_saved_are_counted(tmp_path: Path) -> None:
    rows = load(
        tmp_path,
        "a stray line",
        "",
        "and one more",
        truth("1", "A"),
        truth("2", "cut off").rpartition("\t1088")[0],
        truth("3", "B"),
        truth("4", "too\tmany"),
        truth("5", "bad").encode().replace(b"bad", b"b\xe4d"),
        truth("x6", "no id"),
        truth("7", "C"),
        truth("8", "the end is missing").partition("\thttps")[0],
    )
    assert [row.id for row in rows if isinstance(row, Document)] == ["1", "3", "7"]
    broken = [row for row in rows if isinstance(row, Dropped)]
    assert all(row.malformed for row in broken)
    assert {row.id: row.reason for row in broken} == {
        "truths.tsv:2": "broken line",
        "truths.tsv:6": "broken line",
        "truths.tsv:8": "broken line",
        "truths.tsv:9": "invalid UTF-8",
        "truths.tsv:10": "broken line",
        "truths.tsv:12": "broken line",
    }


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "some.tsv"
    path.write_text("text\tis_retruth\tid\nLower fares.\tf\t5\n")
    assert list(TruthSocial(path=path).load()) == [Document(id="5", text="Lower fares.")]


def test_a_wrong_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"truths\.tsv: cannot be read: No such file"):
        list(TruthSocial(path=tmp_path).load())
    (tmp_path / "truths.tsv").write_text("id\ttxt\tis_retruth\n")
    with pytest.raises(DataError, match=r"no column 'text' among .*; did you mean 'txt'\?"):
        list(TruthSocial(path=tmp_path).load())
