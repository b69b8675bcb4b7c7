"""Whatever is read from outside: it is read, left out with a reason, or refused in one line.

Here each of these is tried a few times; `make fuzz` tries many thousands of inputs.
"""

import bz2
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import politune_quickstart
import pytest
import yaml
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from politune_asking import parse as parse_json
from politune_politosphere import Politosphere
from politune_preferences import Preferences
from politune_privacy import Mask
from politune_stance import Reading
from politune_tables import CSV, JSONL, TSV, Parquet
from politune_truth_social import TruthSocial
from politune_writing import cleaned, flaw

from politune_harness import (
    DataError,
    Document,
    Dropped,
    HarnessError,
    Preference,
    RecipeError,
    Source,
)
from politune_harness.answers import kind
from politune_harness.compass.bank import read_bank
from politune_harness.compass.official_files import read_answers, read_propositions
from politune_harness.compass.replies import parse
from politune_harness.flaws import leaked, mended
from politune_harness.judge_replies import read_choice, read_score
from politune_harness.plan import plan
from politune_harness.rating import KEY, bring_in
from politune_harness.recipe import Recipe
from politune_harness.records import Record
from politune_harness.registry import Registry

few = settings(
    max_examples=int(os.environ.get("POLITUNE_FUZZ", "15")),
    deadline=None,
    derandomize="POLITUNE_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

BANK = Path(__file__).parents[1] / "tasks" / "compass"
PIECES = (
    'Agree|strongly|disagree|**2**|score|{|}|"score":|14|20/20|<think>|</think>|```json|\n|1)|(b)|'
    "Answer:|I|not|-3|NaN|null|\u202e|don't|an AI|0.5|both|\0|٣|½|,|[|]|A|final"
)
WORDS = st.sampled_from(PIECES.split("|"))
replies = st.lists(WORDS | st.text(max_size=8), max_size=30).map(" ".join)
CELLS = ["id", "text", "prompt", "chosen", "rejected", "author", "body", "subreddit", "timestamp"]
cells = st.sampled_from([*CELLS, "x", "", '"', "1", "t", "f", "-1", "[deleted]"]) | st.text(
    max_size=9
)
tables = st.lists(st.lists(cells, min_size=1, max_size=6), max_size=8).map(
    lambda rows: "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(CELLS), inner),
    max_leaves=8,
)
objects = st.lists(
    st.dictionaries(st.sampled_from(CELLS), values, max_size=6).map(
        lambda each: json.dumps(each).encode()
    )
    | st.binary(max_size=20),
    max_size=8,
).map(b"\n".join)
contents = tables | objects | st.binary(max_size=200)


@contextmanager
def one_line_at_most() -> Iterator[None]:
    """Let a HarnessError pass whose message is one line."""
    try:
        yield
    except HarnessError as error:
        if not str(error) or "\n" in str(error):
            pytest.fail(f"not one line: {error!r}")


def reads(make: Callable[[], Source]) -> None:
    """Assert that a source yields rows with ids and texts, or says in one line why not."""
    rows: list[Record] = []
    with one_line_at_most():
        rows = list(make().load())
    kept = [row for row in rows if not isinstance(row, Dropped)]
    assert len({row.id for row in kept}) == len(kept)
    for row in kept:
        assert isinstance(row, Document | Preference)
        texts = [row.text] if isinstance(row, Document) else [row.prompt, row.chosen]
        assert all("\0" not in text for text in texts)
    assert all(row.reason for row in rows if isinstance(row, Dropped))


@few
@given(data=contents)
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("posts.csv", lambda path: CSV(path=path)),
        ("posts.tsv", lambda path: TSV(path=path)),
        ("posts.jsonl", lambda path: JSONL(path=path)),
        ("posts.parquet", lambda path: Parquet(path=path)),
        ("posts.csv.gz", lambda path: CSV(path=path)),
        ("pairs.csv", lambda path: Preferences(path=path)),
        ("pairs.jsonl", lambda path: Preferences(path=path)),
    ],
)
def test_any_bytes_are_read_or_refused(
    name: str, source: Callable[[Path], Source], data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    reads(lambda: source(path))


@few
@given(data=contents, cut=st.integers(0, 40))
def test_any_month_of_comments_is_read_or_refused(data: bytes, cut: int, tmp_path: Path) -> None:
    for name, packed in (
        ("comments_2019-01.bz2", bz2.compress(data)),
        ("RC_2019-01.zst", zstandard.compress(data)),
    ):
        (tmp_path / name).write_bytes(packed[: len(packed) - cut])
        reads(lambda name=name: Politosphere(path=tmp_path / name))  # type: ignore[misc]


@few
@given(data=contents, users=contents)
def test_any_truths_are_read_or_refused(data: bytes, users: bytes, tmp_path: Path) -> None:
    (tmp_path / "truths.tsv").write_bytes(data.replace(b",", b"\t"))
    (tmp_path / "users.tsv").write_bytes(users.replace(b",", b"\t"))
    reads(lambda: TruthSocial(path=tmp_path))


@few
@given(text=replies)
def test_a_reply_of_any_kind_is_valid_or_not(text: str) -> None:
    is_read(text)


def is_read(text: str) -> None:
    """Assert that every reader of replies makes something of a text, or nothing."""
    read = parse(text)
    assert (read.answer is not None) == (read.status == "valid")
    assert read.answer in {None, 0, 1, 2, 3}
    score = read_score(text)
    assert score.value is None or 0 <= score.value <= 20
    assert read_choice(text, ["1", "2", "3"]).value in {None, "1", "2", "3"}
    kind(text)
    reading = parse_json(text, Reading)
    assert reading is None or -1 <= (reading.economic or 0) <= 1


@few
@given(text=replies, other=replies)
def test_any_text_is_masked_cleaned_and_checked(text: str, other: str) -> None:
    (masked,) = Mask().apply([Document(id="a", text=text)])
    assert isinstance(masked, Document | Dropped)
    cleaned(text)
    flaw(text, other, text)
    if leaked(text):
        mended(text)


@few
@given(data=contents)
def test_any_answers_to_the_official_62_are_read_or_refused(data: bytes, tmp_path: Path) -> None:
    for name, read in (
        ("answers.csv", read_answers),
        ("answers.json", read_answers),
        ("propositions.csv", read_propositions),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with one_line_at_most():
            read(path)


@few
@given(manifest=contents, items=contents)
def test_any_bank_is_read_or_refused(manifest: bytes, items: bytes, tmp_path: Path) -> None:
    (tmp_path / "bank.yaml").write_bytes(manifest)
    with one_line_at_most():
        read_bank(tmp_path)
    shutil.copy(BANK / "bank.yaml", tmp_path)
    (tmp_path / "items.csv").write_bytes(items)
    with one_line_at_most():
        read_bank(tmp_path)


SHEETS = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.just("a"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "id", "annotations", "result", "from_name", "value"]), inner
        )
    ),
)


@few
@given(data=contents | SHEETS.map(lambda each: json.dumps(each).encode()))
def test_any_sheet_of_ratings_is_read_or_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / KEY).write_text('{"a": {}}')
    for name in ("sheet.csv", "sheet.json"):
        (tmp_path / name).write_bytes(data)
        with one_line_at_most():
            bring_in(tmp_path / name, tmp_path)


RECIPE = Path(politune_quickstart.__file__).parent / "recipes" / "quickstart.yaml"
WHOLE: dict[str, Any] = yaml.safe_load(RECIPE.read_text())
REGISTRY = Registry.installed()


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a recipe."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(each, (*path, key))


PLACES = [*places(WHOLE)]


@few
@given(place=st.sampled_from(PLACES), value=values | st.just("delete"))
def test_a_recipe_with_anything_anywhere_is_planned_or_refused(
    place: tuple[Any, ...], value: object, tmp_path: Path
) -> None:
    recipe = deepcopy(WHOLE)
    inner: Any = recipe
    for key in place[:-1]:
        inner = inner[key]
    if value == "delete":
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    with one_line_at_most():
        plan(Recipe.load(path), RECIPE.parent, REGISTRY)


def test_a_component_without_a_name_is_refused(tmp_path: Path) -> None:
    recipe = deepcopy(WHOLE)
    recipe["arms"]["right"]["instructions"]["against"] = {}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    with pytest.raises(HarnessError, match=r"against: a Source needs `use`"):
        plan(Recipe.load(path), RECIPE.parent, REGISTRY)


@few
@given(text=st.text(max_size=60) | st.binary(max_size=60))
def test_any_file_is_a_recipe_or_refused(text: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    with one_line_at_most():
        plan(Recipe.load(path), tmp_path, REGISTRY)


DEEP, LONG = '{"text":' * 20_000, "9" * 5000
"""Objects in objects, beyond what any parser follows; a number that Python does not convert."""


@pytest.mark.parametrize(
    "text", [DEEP, "[" * 20_000, LONG, f'{{"score": {LONG}}}', "a\ud800", "{'text': " + "(" * 300]
)
def test_a_reply_that_crashed_a_reader_once_is_read(text: str) -> None:
    is_read(text)
    mended(text)


@pytest.mark.parametrize("text", [DEEP, f'{{"text": {LONG}}}', '"text', '"text" a\n'])
def test_a_file_that_crashed_a_reader_once_is_read_or_refused(text: str, tmp_path: Path) -> None:
    data = text.encode()
    for name, source in (
        ("posts.csv", CSV),
        ("posts.jsonl", JSONL),
        ("pairs.jsonl", Preferences),
        ("comments_2019-01.bz2", Politosphere),
    ):
        path = tmp_path / name
        path.write_bytes(bz2.compress(data) if path.suffix == ".bz2" else data)
        reads(lambda path=path, source=source: source(path=path))  # type: ignore[misc]
    for name, read in (
        ("answers.json", read_answers),
        ("items.csv", lambda path: read_bank(path.parent)),
        ("sheet.json", lambda path: bring_in(path, path.parent)),
    ):
        shutil.copy(BANK / "bank.yaml", tmp_path)
        (tmp_path / KEY).write_text('{"a": {}}')
        (tmp_path / name).write_bytes(data)
        with one_line_at_most():
            read(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "a: 2019-13-45",
        "!!int abc",
        "!!timestamp x",
        "[" * 20_000,
        LONG,
        "&a [*a]",
        "!!python/x:y z",
    ],
)
def test_yaml_that_crashed_its_parser_once_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(RecipeError):
        Recipe.load(tmp_path / "recipe.yaml")
    (tmp_path / "bank.yaml").write_text(text)
    with pytest.raises(DataError):
        read_bank(tmp_path)


def test_a_sheet_without_a_value_or_with_an_odd_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY).write_text('{"a": {}}')
    result = {"result": [{"from_name": "rating", "value": {"number": []}}]}
    tasks: list[dict[str, object]] = [{"data": {"id": "a"}}, {"data": {"id": {}}}]
    for task in tasks:
        sheet = tmp_path / "sheet.json"
        sheet.write_text(json.dumps([{**task, "annotations": [result]}]))
        with pytest.raises(DataError):
            bring_in(sheet, tmp_path)


@pytest.mark.parametrize("piece", ["\n", "[", "edit ", "\u2003", "# ", "[](", "* "])
def test_a_long_post_is_cleaned_in_no_more_time_than_it_is_long(piece: str) -> None:
    """What took the square of its length would take minutes here."""
    assert len(cleaned(piece * 30_000)) <= len(piece) * 30_000
