import bz2
import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import politune_tables
import pytest
import zstandard
from politune_tables import CSV, JSONL

from politune_harness import DataError, Document, Dropped, RecipeError, Source
from politune_harness.registry import Registry

Rows = list[Document | Dropped]

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "bz2": bz2.compress,
    "gz": gzip.compress,
    "zst": zstandard.compress,
}


def csv_rows(path: Path, text: str | bytes, /, **fields: object) -> Rows:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(CSV.model_validate({"path": path, **fields}).load())


def jsonl_rows(path: Path, text: str | bytes, /, **fields: object) -> Rows:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(JSONL.model_validate({"path": path, **fields}).load())


def faults(rows: Rows) -> list[tuple[str, str]]:
    return [(r.id, r.reason) for r in rows if isinstance(r, Dropped) and r.malformed]


def texts(rows: Rows) -> list[str]:
    return [r.text for r in rows if isinstance(r, Document)]


def test_columns_are_mapped(tmp_path: Path) -> None:
    rows = csv_rows(
        tmp_path / "posts.csv",
        'key,body,likes,author\nk1,"Two\nlines, one ""post""",3,Ann\n',
        text="body",
        id="key",
        metadata=["likes"],
    )
    assert rows == [Document(id="k1", text='Two\nlines, one "post"', metadata={"likes": "3"})]


def test_ids_are_places_unless_a_column_holds_them(tmp_path: Path) -> None:
    rows = csv_rows(tmp_path / "posts.csv", "\ufefftext\nfirst\n\nsecond\n")
    assert [row.id for row in rows] == ["posts.csv:1", "posts.csv:2"]


def test_a_table_may_be_tab_separated(tmp_path: Path) -> None:
    assert texts(csv_rows(tmp_path / "p.tsv", "text\tn\na, b\t1\n", delimiter="\t")) == ["a, b"]


def test_broken_csv_rows_are_counted_by_reason_and_the_others_kept(tmp_path: Path) -> None:
    body = (
        b"text,n\n"
        b"good,1\n"
        b"short\n"
        b"long,1,2\n"
        b"caf\xe9,1\n"
        b'"quoted" and not,1\n'
        b'" ",1\n'
        b"caf\xc3\xa9,1\n"
        b'"never closed,1\n'
    )
    rows = csv_rows(tmp_path / "posts.csv", body)
    assert texts(rows) == ["good", "café"]
    assert faults(rows) == [
        ("posts.csv:2", "wrong number of fields"),
        ("posts.csv:3", "wrong number of fields"),
        ("posts.csv:4", "invalid UTF-8"),
        ("posts.csv:5", "not a row of a table"),
        ("posts.csv:6", "empty text"),
        ("posts.csv:8", "not a row of a table"),
    ]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    rows = csv_rows(tmp_path / "posts.csv", 'text\n"open\n' + "a line of a post\n" * 20_000)
    assert len(faults(rows)) == 1
    assert len(texts(rows)) > 12_000


def test_broken_json_lines_are_counted_by_reason_and_the_others_kept(tmp_path: Path) -> None:
    lines = [
        b'{"text": "good"}',
        b"",
        b'{"text": "cut',
        b'["text"]',
        b'{"body": "x"}',
        b'{"text": 0}',
        b'{"text": null}',
        b'{"text": "caf\xe9"}',
        b'{"text": "half a pair: \\ud800"}',
    ]
    rows = jsonl_rows(tmp_path / "posts.jsonl", b"\r\n".join(lines))
    assert texts(rows) == ["good"]
    assert faults(rows) == [
        ("posts.jsonl:3", "invalid JSON"),
        ("posts.jsonl:4", "not the expected JSON"),
        ("posts.jsonl:5", "no column 'text'"),
        ("posts.jsonl:6", "text that is no string"),
        ("posts.jsonl:7", "empty text"),
        ("posts.jsonl:8", "invalid UTF-8"),
        ("posts.jsonl:9", "invalid JSON"),
    ]


def test_json_ids_may_be_numbers_and_metadata_may_be_missing(tmp_path: Path) -> None:
    text = '{"id": 7, "text": "a", "tags": ["x"]}\n{"id": "8", "text": "b"}\n{"text": "c"}'
    rows = jsonl_rows(tmp_path / "posts.jsonl", text, id="id", metadata=["tags"])
    assert rows == [
        Document(id="7", text="a", metadata={"tags": ["x"]}),
        Document(id="8", text="b"),
        Dropped(id="posts.jsonl:3", reason="no 'id'", malformed=True),
    ]


def test_a_folder_and_a_glob_are_read_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "a.csv.bak", "notes.txt"):
        (tmp_path / name).write_text(f"text\n{name}\n")
    assert texts(list(CSV(path=tmp_path).load())) == ["a.csv", "b.csv"]
    assert texts(list(CSV(path=tmp_path / "*.csv").load())) == ["a.csv", "b.csv"]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    for ending, compress in COMPRESS.items():
        first, second = (compress(text.encode()) for text in ("text\na post in ", ending))
        rows = csv_rows(tmp_path / f"posts.csv.{ending}", first + second)
        assert texts(rows) == [f"a post in {ending}"]


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_truncated_archive_is_an_error(tmp_path: Path, ending: str) -> None:
    whole = COMPRESS[ending](b"text\n" + b"".join(b"post %d\n" % n for n in range(9999)))
    with pytest.raises(DataError, match=rf"posts\.csv\.{ending}: cannot be read: "):
        csv_rows(tmp_path / f"posts.csv.{ending}", whole[:-20])


def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'boby' among id, body; did you mean 'body'\?"):
        csv_rows(tmp_path / "posts.csv", "id,body\n1,x\n", text="boby")
    with pytest.raises(DataError, match="no column 'text' among none; name the one to read"):
        csv_rows(tmp_path / "empty.csv", "")
    with pytest.raises(DataError, match="2 columns are called 'text'; rename one"):
        csv_rows(tmp_path / "twice.csv", "text,text\na,b\n")


def test_a_table_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its header is not UTF-8; save the file as UTF-8"):
        csv_rows(tmp_path / "posts.csv", "text\nlower\n".encode("utf-16"))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: there is no such file or folder"):
        list(CSV(path=tmp_path / "none.csv").load())
    with pytest.raises(DataError, match="no jsonl file is in this folder"):
        list(JSONL(path=tmp_path).load())


def test_a_recipe_may_say_where_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("text\nhello\n")
    registry = Registry({"tables": politune_tables})
    source = registry.build(Source, "csv", {"path": "posts.csv"}, folder=tmp_path)
    assert [row.id for row in source.load()] == ["posts.csv:1"]
    with pytest.raises(RecipeError, match="no such field; did you mean 'delimiter'"):
        registry.build(Source, "csv", {"path": "posts.csv", "delimeter": ";"}, folder=tmp_path)
