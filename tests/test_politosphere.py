import bz2
import json
from pathlib import Path

import pytest
import zstandard
from politune_politosphere import Politosphere
from pydantic import ValidationError

from politune_harness import DataError, Document, Dropped
from politune_harness.records import JSON

SHARED = Path(__file__).parents[2] / "shared/data/politosphere/comments_2019-10.bz2"

Rows = list[Document | Dropped]


def comment(id_: str, **fields: object) -> dict[str, object]:
    body = f"Comment {id_}."
    base = {"id": id_, "subreddit": "GardenTalk", "author": "ann", "score": 3, "body": body}
    return {**base, "created_utc": 1571492410, **fields}


def write(path: Path, *comments: dict[str, object] | bytes) -> None:
    lines = [c if isinstance(c, bytes) else json.dumps(c).encode() for c in comments]
    compress = {".bz2": bz2.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)
    path.write_bytes(compress(b"\n".join(lines) + b"\n"))


def load(path: Path, **fields: object) -> Rows:
    return list(Politosphere.model_validate({"path": path, **fields}).load())


def kept(rows: Rows) -> list[str]:
    return [row.id for row in rows if isinstance(row, Document)]


def reasons(rows: Rows) -> dict[str, str]:
    return {row.id: row.reason for row in rows if isinstance(row, Dropped)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "comments_2016-01.bz2", comment("a"), comment("b", subreddit="Orchard"))
    write(tmp_path / "comments_2016-02.bz2", comment("c"))
    write(tmp_path / "RC_2016-03.zst", comment("d", subreddit="orchard"))
    (tmp_path / "readme.txt").write_text("not comments")
    parties = [
        {"subreddit": "GardenTalk", "party": "dem", "region": ""},
        {"subreddit": "Orchard", "party": "rep"},
        {"subreddit": "News", "party": None},
    ]
    (tmp_path / "subreddits_metadata.json").write_text(json.dumps(parties, indent=1))
    return tmp_path


def test_a_comment_keeps_no_author(folder: Path) -> None:
    first = load(folder)[0]
    metadata: dict[str, JSON] = {"platform": "reddit", "subreddit": "GardenTalk", "score": 3}
    metadata["created_utc"] = 1571492410
    assert first == Document(id="a", text="Comment a.", metadata=metadata)


def test_months_are_chosen_by_name_and_read_in_order(folder: Path) -> None:
    assert kept(load(folder)) == ["a", "b", "c", "d"]
    assert kept(load(folder, since="2016-02", until="2016-02")) == ["c"]
    assert kept(load(folder, since="2016-02")) == ["c", "d"]
    with pytest.raises(DataError, match="no month from 2017-01 to 2016-03; its files are of 2016"):
        load(folder, since="2017-01")
    with pytest.raises(ValidationError, match="until"):
        load(folder, until="2016-13")
    (folder / "RC_2016-02").write_text("")
    with pytest.raises(DataError, match="two files are of 2016-02; keep one of them"):
        load(folder)


def test_subreddits_are_chosen_by_name_or_party(folder: Path) -> None:
    assert kept(load(folder, subreddits=["orchard"])) == ["b", "d"]
    rows = load(folder, party="dem")
    assert kept(rows) == ["a", "c"]
    assert reasons(rows) == {"b": "another subreddit", "d": "another subreddit"}
    assert kept(load(folder, party="rep", subreddits=["ORCHARD", "News"])) == ["b", "d"]
    with pytest.raises(DataError, match="none of the chosen subreddits is of party 'rep'"):
        load(folder, party="rep", subreddits=["GardenTalk"])


def test_subreddits_are_chosen_by_region(folder: Path) -> None:
    regions = [{"subreddit": "Orchard", "party": "dem", "region": "Ohio"}]
    regions += [{"subreddit": "GardenTalk", "party": "dem", "region": "Texas"}]
    (folder / "subreddits_metadata.json").write_text(json.dumps(regions))
    assert kept(load(folder, regions=["ohio", "Iowa"])) == ["b", "d"]
    with pytest.raises(DataError, match="is of party 'rep' and region Ohio"):
        load(folder, party="rep", regions=["Ohio"])


def test_days_are_those_of_the_comments(tmp_path: Path) -> None:
    days = {"a": 1451606400, "b": "1451692799", "c": 1451692800.0, "d": None}
    write(tmp_path / "RC_2016-01", *(comment(n, created_utc=when) for n, when in days.items()))
    assert kept(load(tmp_path, since="2016-01-01", until="2016-01-01")) == ["a", "b"]
    assert reasons(load(tmp_path, since="2016-01-02")) == {
        "a": "another date",
        "b": "another date",
        "d": "no date",
    }
    assert kept(load(tmp_path, since="2016-01", until="2016-01")) == ["a", "b", "c", "d"]


def test_an_author_is_kept_only_as_a_hash_and_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "RC_2016-01", comment("a"), comment("b"), comment("c", author="[deleted]"))
    with pytest.raises(ValidationError, match=r"author\.reason"):
        load(tmp_path, author={})
    why = {"reason": "to hold out posts by author"}
    with pytest.raises(DataError, match="a key of 32 characters or more in POLITUNE_AUTHOR_KEY"):
        load(tmp_path, author=why)
    hashes = set()
    for key in ("k" * 32, "l" * 32):
        monkeypatch.setenv("POLITUNE_AUTHOR_KEY", key)
        a, b, c = (row.metadata for row in load(tmp_path, author=why) if isinstance(row, Document))
        assert a["author_hash"] == b["author_hash"]
        assert "author_hash" not in c
        hashes.add(a["author_hash"])
    assert len(hashes) == 2
    assert all("ann" not in h and len(h) == 32 for h in hashes)


def test_hostile_lines_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "comments_2016-01.zst"
    nul = json.dumps(comment("nul", body="a\0b")).encode()
    write(path, comment("a"), comment("long", body="x" * 50_000_000), b"\0" * 99, nul, comment("d"))
    rows = load(path)
    assert kept(rows) == ["a", "d"]
    assert reasons(rows) == {
        "comments_2016-01.zst:2": "line too long",
        "comments_2016-01.zst:3": "invalid JSON",
        "nul": "NUL in text",
    }


def test_a_window_of_two_gibibytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "RC_2016-01.zst"
    wide = zstandard.ZstdCompressionParameters(window_log=31, hash_log=6, chain_log=6)
    with (
        path.open("wb") as file,
        zstandard.ZstdCompressor(compression_params=wide).stream_writer(file) as out,
    ):
        out.write(json.dumps(comment("a")).encode() + b"\n")
    assert zstandard.get_frame_parameters(path.read_bytes()).window_size == 1 << 31
    assert kept(load(path)) == ["a"]


def test_a_truncated_month_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "comments_2016-01.bz2"
    write(path, *(comment(str(n)) for n in range(999)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"comments_2016-01\.bz2: cannot be read"):
        load(path)


def test_the_metadata_may_be_json_lines(folder: Path) -> None:
    lines = '{"subreddit": "Orchard", "party": "dem"}\n{"subreddit": "GardenTalk"}\n'
    (folder / "subreddits_metadata.json").write_text(lines)
    assert kept(load(folder, party="dem")) == ["b", "d"]


def test_a_party_needs_the_metadata(folder: Path) -> None:
    (folder / "subreddits_metadata.json").write_text('{"subreddit": ')
    with pytest.raises(DataError, match=r"subreddits_metadata\.json: invalid JSON: "):
        load(folder, party="dem")
    (folder / "subreddits_metadata.json").unlink()
    with pytest.raises(DataError, match=r"subreddits_metadata\.json: there is no such file"):
        load(folder, party="dem")


def test_bots_are_left_out(tmp_path: Path) -> None:
    authors = ["AutoModerator", "m0d", "r2d2", "c3po", "ann"]
    write(
        tmp_path / "comments_2016-01.bz2",
        *(comment(name, author=name) for name in authors),
        comment("nobody", author=None),
    )
    assert reasons(load(tmp_path)) == {"AutoModerator": "AutoModerator"}
    users = [
        {"author": "m0d", "automoderator": 1.0, "bot": 0},
        {"author": "r2d2", "bot": "True"},
        {"author": "c3po", "bot": True},
        {"author": "ann", "bot": "0", "automoderator": None},
        {"author": None, "bot": 1},
    ]
    (tmp_path / "users_metadata.json").write_text("\n".join(map(json.dumps, users)))
    rows = load(tmp_path)
    bots = {"AutoModerator": "AutoModerator", "m0d": "AutoModerator", "r2d2": "bot", "c3po": "bot"}
    assert reasons(rows) == bots
    assert kept(rows) == ["ann", "nobody"]


def test_comments_without_text_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "comments_2016-01.bz2"
    write(
        path,
        comment("deleted", body="[deleted]"),
        comment("removed", body="[removed]"),
        comment("blank", body=" "),
        comment("none", body=None),
        comment("cleaned", body_cleaned="comment cleaned"),
    )
    rows = load(path)
    assert reasons(rows) == {
        "deleted": "deleted or removed",
        "removed": "deleted or removed",
        "blank": "empty text",
        "none": "no 'body'",
    }
    cleaned = load(path, body="body_cleaned")
    assert [r.text for r in cleaned if isinstance(r, Document)] == ["comment cleaned"]
    assert reasons(cleaned)["deleted"] == "no 'body_cleaned'"


def test_scores_are_numbers_of_any_type(tmp_path: Path) -> None:
    path = tmp_path / "comments_2016-01.jsonl"
    scores = {"int": 5, "float": 5.0, "text": "5", "low": "4", "none": None, "odd": "many"}
    write(path, *(comment(name, score=score) for name, score in scores.items()))
    rows = load(path, min_score=5)
    assert kept(rows) == ["int", "float", "text"]
    assert reasons(rows) == {"low": "low score", "none": "no score", "odd": "no score"}


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "comments_2016-01.bz2"
    bad = json.dumps(comment("x")).encode().replace(b"Comment", b"C\xf6mment")
    write(path, comment("a"), b'{"id": "b', b"", b'{"id": "c"}', bad, comment("d"))
    rows = load(path)
    assert kept(rows) == ["a", "d"]
    assert all(row.malformed for row in rows if isinstance(row, Dropped))
    assert reasons(rows) == {
        "comments_2016-01.bz2:2": "invalid JSON",
        "comments_2016-01.bz2:4": "not the expected JSON",
        "comments_2016-01.bz2:5": "invalid UTF-8",
    }


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "comments_2016-01.bz2", tmp_path / "other.bz2"):
        with pytest.raises(DataError, match=r"no file here is called like comments_2016-01\.bz2"):
            load(path)


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/politosphere")
def test_real_comments_are_read() -> None:
    rows = load(SHARED)
    assert len(rows) == len(kept(rows)) == 150
    guns = load(SHARED, subreddits=["GunsAreCool"], min_score=100)
    assert len(guns) == 150
    chosen = [r for r in guns if isinstance(r, Document)]
    assert chosen
    assert all(r.metadata["subreddit"] == "GunsAreCool" for r in chosen)
    assert "author" not in chosen[0].metadata
