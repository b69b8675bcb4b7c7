import bz2
import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import politune_tables
import pytest
import zstandard
from politune_tables import CSV, JSONL, TSV, Parquet

from politune_harness import DataError, Document, Dropped, RecipeError, Source
from politune_harness.files import identity
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
    with pytest.raises(DataError, match=r"empty\.csv: the file is empty"):
        csv_rows(tmp_path / "empty.csv", "")
    with pytest.raises(DataError, match="2 columns are called 'text'; rename one"):
        csv_rows(tmp_path / "twice.csv", "text,text\na,b\n")


def test_a_table_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(DataError, match="looks like UTF-16; save the file as UTF-8"):
            csv_rows(tmp_path / "posts.csv", "text\nlower\n".encode(encoding))
    with pytest.raises(DataError, match="its header is not UTF-8; save the file as UTF-8"):
        csv_rows(tmp_path / "posts.csv", "text,café\na,b\n".encode("latin-1"))


@pytest.mark.parametrize(("sign", "said"), [(";", '";"'), ("\t", r'"\\t"')])
def test_another_delimiter_is_guessed_and_not_taken(tmp_path: Path, sign: str, said: str) -> None:
    with pytest.raises(DataError, match=f"is the delimiter .*say `delimiter: {said}`"):
        csv_rows(tmp_path / "posts.csv", f'id{sign}"text"\n1{sign}x\n')


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


def parquet_file(path: Path, **columns: list[object]) -> Path:
    from pyarrow import parquet, table

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table(columns), path)
    return path


def test_parquet_files_are_read_by_column(tmp_path: Path) -> None:
    path = parquet_file(tmp_path / "p.parquet", id=[1, 2, 3], text=["a", None, "c"], n=[4, 5, 6])
    rows = list(Parquet(path=path, metadata=("n",)).load())
    assert rows == [
        Document(id="p.parquet:1", text="a", metadata={"n": 4}),
        Dropped(id="p.parquet:2", reason="empty text", malformed=True),
        Document(id="p.parquet:3", text="c", metadata={"n": 6}),
    ]
    with pytest.raises(DataError, match="no column 'body' among id, text, n"):
        list(Parquet(path=path, text="body").load())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"p\.parquet: cannot be read: "):
        list(Parquet(path=path).load())


def test_an_article_may_be_in_several_columns(tmp_path: Path) -> None:
    text = "headline\tbody\tday\nFares fall\tAll buses.\t2020-01-02\n\tOnly a body.\t\n\t\t\n"
    (tmp_path / "news.tsv").write_text(text)
    source = TSV(
        path=tmp_path / "news.tsv",
        text=("headline", "body"),
        metadata={"date": "day"},
        platform="news",
        licence="CC0-1.0",
    )
    assert list(source.load()) == [
        Document(
            id="news.tsv:1",
            text="Fares fall\n\nAll buses.",
            metadata={"platform": "news", "date": "2020-01-02"},
        ),
        Document(id="news.tsv:2", text="Only a body.", metadata={"platform": "news", "date": ""}),
        Dropped(id="news.tsv:3", reason="empty text", malformed=True),
    ]
    assert (source.licence, source.terms) == ("CC0-1.0", "unknown")


def test_ids_stay_apart_where_folders_hold_files_of_one_name(tmp_path: Path) -> None:
    for year in ("2019", "2020"):
        parquet_file(tmp_path / "news" / year / "part.parquet", text=[year])
    source = Parquet(path=tmp_path / "news" / "**" / "*.parquet")
    assert [row.id for row in source.load()] == ["2019/part.parquet:1", "2020/part.parquet:1"]
    assert [row for shard in source.shards() for row in shard()] == list(source.load())


@pytest.mark.parametrize("column", ["author", "userName", "from_user_id", "e-mail"])
def test_columns_that_lead_to_a_person_are_refused(tmp_path: Path, column: str) -> None:
    for fields in ({"metadata": [column]}, {"metadata": {"who": column}}, {"id": column}):
        with pytest.raises(RecipeError, match=f"{column!r} leads to a person, and is not kept"):
            JSONL.model_validate({"path": tmp_path, **fields})


def test_of_an_author_only_a_hash_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALT", "s" * 40)
    why = {"column": "user", "reason": "one post an author", "key_env": "SALT"}
    text = '{"text": "a", "user": "ann", "x": {"user": {"id": 1}, "n": 2}}\n{"text": "b"}'
    rows = jsonl_rows(tmp_path / "p.jsonl", text, author=why, metadata=["x"])
    first, second = (row.metadata for row in rows if isinstance(row, Document))
    assert (first["x"], len(first["author_hash"])) == ({"n": 2}, 32)
    assert second == {}


def test_remote_files_are_read(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("2019/b.csv.gz", "2020/a.csv.gz"):
        memory.pipe(f"/posts/{name}", gzip.compress(b"text\nhello\n"))
    for place in ("memory://posts/**/*.csv.gz", "memory://posts/2019/"):
        assert texts(list(CSV(path=place).load()))[0] == "hello"
    ids = [row.id for row in CSV(path="memory://posts/**/*.csv.gz").load()]
    assert ids == ["2019/b.csv.gz:1", "2020/a.csv.gz:1"]
    assert identity("memory://posts/2019/b.csv.gz") != identity("memory://posts/2020/a.csv.gz")
    for place, message in (
        ("memory://posts/none.csv", "cannot be read: "),
        ("memory://posts/*.tsv", "there is no such file or folder"),
        ("nosuch://posts/a.csv", "Protocol not known"),
    ):
        with pytest.raises(DataError, match=message) as error:
            list(CSV(path=place).load())
        assert "\n" not in str(error.value)
    memory.rm("/posts", recursive=True)


def test_hostile_text_is_counted(tmp_path: Path) -> None:
    long = b'{"text": "' + b"x" * 50_000_000 + b'"}'
    lines = [b'{"text": "a"}', long, b"\0\0\0", b'{"text": "n\\u0000l"}', b'{"text": "[removed]"}']
    rows = jsonl_rows(tmp_path / "p.jsonl", b"\n".join([*lines, b'{"text": "b"}']))
    assert texts(rows) == ["a", "b"]
    assert faults(rows) == [
        ("p.jsonl:2", "line too long"),
        ("p.jsonl:3", "invalid JSON"),
        ("p.jsonl:4", "NUL in text"),
    ]
    table = b"text,n\n" + b"x" * 50_000_000 + b",1\na\0b,1\ngood,1\n"
    rows = csv_rows(tmp_path / "p.csv", table)
    assert texts(rows) == ["good"]
    assert len(faults(rows)) == 2
