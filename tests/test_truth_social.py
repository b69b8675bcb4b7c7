from pathlib import Path

import pytest
from politune_truth_social import TruthSocial

from politune_harness import DataError, Document, Dropped, RecipeError
from politune_harness.privacy import KeptAuthor
from politune_harness.records import JSON

HEADER = (
    "id\ttimestamp\ttime_scraped\tis_retruth\tis_reply\tauthor\tlike_count\tretruth_count\t"
    "reply_count\ttext\texternal_id\turl\ttruth_retruthed"
)


def truth(
    id_: str, text: str, retruth: str = "f", likes: int | str = 4, when: str = "2022-08-18 11:06:34"
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
    known: dict[str, JSON] = {"platform": "truth-social", "timestamp": when, "is_reply": False}
    known["retruth_count"] = 0
    assert rows == [
        Document(
            id="1",
            text='She said "yes" to lower fares.',
            metadata={**known, "like_count": 4},
        ),
        Document(id="2", text="B", metadata=known),
    ]
    assert "77" not in str(rows)


@pytest.mark.parametrize("digits", ["\u00b2", "9" * 5000])
def test_a_count_that_is_no_number_is_not_known(tmp_path: Path, digits: str) -> None:
    users = f"id\tfollower_count\n77\t{digits}\n"
    (tmp_path / "users.tsv").write_text(users)
    (tmp_path / "truths.tsv").write_text("\n".join((HEADER, truth("1", "A", likes=digits))))
    (post,) = TruthSocial(path=tmp_path, user_columns=("follower_count",)).load()
    assert isinstance(post, Document)
    assert "like_count" not in post.metadata
    assert post.metadata["follower_count"] == digits


def test_what_is_known_of_users_is_joined_but_not_who_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = "id\tusername\tfollower_count\tstate\n77\tann\t12\tOhio\nbroken\n78\tb\t-1\t\n"
    (tmp_path / "users.tsv").write_text(users)
    (tmp_path / "truths.tsv").write_text("\n".join((HEADER, truth("1", "A"))))
    columns = ("follower_count", "state")
    broken, post = TruthSocial(path=tmp_path, user_columns=columns).load()
    assert broken == Dropped(id="users.tsv:3", reason="broken line of users.tsv", malformed=True)
    assert isinstance(post, Document)
    assert (post.metadata["follower_count"], post.metadata["state"]) == (12, "Ohio")
    with pytest.raises(RecipeError, match="'username' leads to a person"):
        TruthSocial(path=tmp_path, user_columns=("username",))
    with pytest.raises(DataError, match=r"users\.tsv: no column 'followers'"):
        list(TruthSocial(path=tmp_path, user_columns=("followers",)).load())
    monkeypatch.setenv("POLITUNE_AUTHOR_KEY", "k" * 32)
    kept = KeptAuthor(reason="to count posts of one author")
    (post,) = TruthSocial(path=tmp_path, author=kept).load()
    assert isinstance(post, Document)
    assert post.metadata["author_hash"] == kept.hasher()("77")


def test_posts_without_a_text_of_their_own_are_left_out(tmp_path: Path) -> None:
    rows = load(tmp_path, truth("1", "", retruth="t"), truth("2", " "), truth("3", "C"))
    reasons = [row.reason for row in rows if isinstance(row, Dropped)]
    assert reasons == ["retruth", "no text of its own"]
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
    assert [r.metadata.get("lines") for r in rows if isinstance(r, Document)] == [4, None, 2]


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
        "truths.tsv:3": "broken line",
        "truths.tsv:4": "broken line",
        "truths.tsv:6": "broken line",
        "truths.tsv:8": "broken line",
        "truths.tsv:9": "invalid UTF-8",
        "truths.tsv:10": "broken line",
        "truths.tsv:12": "broken line",
    }


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "some.tsv"
    path.write_text("text\tis_retruth\tid\nLower fares.\tf\t5\n")
    (row,) = TruthSocial(path=path).load()
    assert (row.id, getattr(row, "text", "")) == ("5", "Lower fares.")


def test_a_wrong_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"truths\.tsv: cannot be read: No such file"):
        list(TruthSocial(path=tmp_path).load())
    (tmp_path / "truths.tsv").write_text("id\ttxt\tis_retruth\n")
    with pytest.raises(DataError, match=r"no column 'text' among .*; did you mean 'txt'\?"):
        list(TruthSocial(path=tmp_path).load())
