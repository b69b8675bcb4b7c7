"""Banks are read as they are, and what is wrong with one is one line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from politune_harness import DataError
from politune_harness.compass import Axis, Bank, Item, read_bank
from politune_harness.compass.prompts import read_prompts
from tests.responders import TASKS

KEYED = "id,axis,topic,key,issue,statement,reversed\n"
WEIGHTED = "id,topic,issue,statement,reversed,market,state\n"
MANIFEST = """\
name: mine
version: 3
language: fr
missing: neutral
axes:
  market: {low: closed, high: open}
  state: {low: small, high: large}
"""


def bank(folder: Path, items: str, manifest: str = MANIFEST) -> Path:
    (folder / "bank.yaml").write_text(manifest)
    (folder / "items.csv").write_text(items)
    return folder


def test_a_bank_with_a_weight_column_for_each_axis(tmp_path: Path) -> None:
    rows = 'a,t,i,"Yes, it is.",,10,-5\nb,t,i,"It\nis not.",It is.,,1.5\n'
    found = read_bank(bank(tmp_path, WEIGHTED + rows))
    assert found == read_bank(tmp_path / "bank.yaml")
    assert found.axes == (Axis("market", "closed", "open"), Axis("state", "small", "large"))
    assert found.items == (
        Item("a", "t", "i", "Yes, it is.", "", {"market": 10, "state": -5}),
        Item("b", "t", "i", "It\nis not.", "It is.", {"market": 0, "state": 1.5}),
    )
    assert (found.name, found.version, found.language, found.missing) == (
        "mine",
        3,
        "fr",
        "neutral",
    )
    assert (found.reviewed, found.translation_of) == (False, None)
    assert found.sizes == {"market": 10, "state": 3.25}


def test_a_bank_with_axis_and_key(tmp_path: Path) -> None:
    rows = "a,market,t,-1,i,S.,R.\nb,state,t,1,i,S.,R.\n"
    found = read_bank(bank(tmp_path, KEYED + rows, MANIFEST.replace("neutral", "skip")))
    weights = [item.weights for item in found.items]
    assert weights == [{"market": -1, "state": 0}, {"market": 0, "state": 1}]


def test_the_hash_is_of_items_weights_and_axes() -> None:
    """Not of the folder, the name or the version: those stand beside it."""
    ours = read_bank(TASKS / "compass")
    first, *others = ours.items

    def changed(**fields: object) -> str:
        return msgspec.structs.replace(ours, **fields).hash

    assert len(ours.hash) == 12
    assert changed(name="other", version=9, reviewed=True) == ours.hash
    item = msgspec.structs.replace(first, weights={"economic": 1.0, "social": 0.0})
    assert first.weights["economic"] == -1
    hashes = {
        ours.hash,
        changed(items=(item, *others)),
        changed(items=(msgspec.structs.replace(first, statement="Other."), *others)),
        changed(items=tuple(others)),
        changed(axes=ours.axes[::-1]),
    }
    assert len(hashes) == 5


def test_a_translation_has_the_items_of_its_original() -> None:
    german, english = read_bank(TASKS / "compass_de"), read_bank(TASKS / "compass")
    assert german.translation_of == english.name
    assert (german.language, german.reviewed) == ("de", False)
    assert [(item.id, item.weights) for item in german.items] == [
        (item.id, item.weights) for item in english.items
    ]


ROW = "a,t,i,S.,R.,1,0\n"
BROKEN: dict[str, tuple[str, str, str]] = {
    "twice": (WEIGHTED + ROW + ROW, MANIFEST, r"items.csv: id 'a' stands there 2 times"),
    "no weight": (WEIGHTED + ROW + "b,t,i,S.,R.,0,\n", MANIFEST, "item 'b' has no weight on any"),
    "no item": (WEIGHTED + ROW, MANIFEST, "no item has a weight on axis 'state'"),
    "no number": (WEIGHTED + "a,t,i,S.,R.,1,nan\n", MANIFEST, "line 2: weight 'nan' of state"),
    "no column": ("id,topic,issue,market,state\n", MANIFEST, "has no column 'statement'; it needs"),
    "few fields": (WEIGHTED + "a,t,i,S.\n", MANIFEST, "line 2: not as many fields as columns"),
    "many fields": (WEIGHTED + "a,t,i,S,a.,R.,1,0\n", MANIFEST, "line 2: not as many fields"),
    "empty": (WEIGHTED + "a,t,i,,R.,1,0\n", MANIFEST, "line 2: statement is empty"),
    "quote": (WEIGHTED + 'a,t,i,"S" x.,R.,1,0\n', MANIFEST, "items.csv, line 2: "),
    "axis": (KEYED + "a,sate,t,1,i,S.,R.\n", MANIFEST, "axis 'sate' is not in bank.yaml"),
    "key": (KEYED + "a,state,t,2,i,S.,R.\n", MANIFEST, "key '2' must be 1 or -1"),
    "sizes": (
        WEIGHTED + ROW + "b,t,i,S.,R.,2,1\n",
        MANIFEST.replace("neutral", "skip"),
        "weights on axis 'market' differ in size, .* write `missing: neutral` in bank.yaml",
    ),
    "unknown key": (WEIGHTED, MANIFEST + "axs: 1\n", "bank.yaml: Object contains unknown field"),
    "unknown way": (WEIGHTED, MANIFEST.replace("neutral", "zero"), r"bank.yaml: .*\$.missing"),
    "axis name": (WEIGHTED, MANIFEST.replace("state", "the state"), "bank.yaml: "),
    "no axes": (WEIGHTED, "name: a\nversion: 1\naxes: {}\n", r"bank.yaml: .*\$.axes"),
    "not YAML": (WEIGHTED, "name: [", "bank.yaml is not YAML: "),
    "no mapping": (WEIGHTED, "", "bank.yaml: Expected `object`"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_bank_is_one_line(case: str, tmp_path: Path) -> None:
    items, manifest, problem = BROKEN[case]
    with pytest.raises(DataError, match=problem) as caught:
        read_bank(bank(tmp_path, items, manifest))
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"bank.yaml cannot be read: No such file"):
        read_bank(tmp_path)
    (bank(tmp_path, "") / "items.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"items.csv cannot be read: 'utf-8' codec"):
        read_bank(tmp_path)


def spoiled(words: str, others: str) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        text = file.read_text()
        assert words in text
        file.write_text(text.replace(words, others, 1))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (spoiled('"Disagree",', ""), r"prompts.json: options must be 4 different texts"),
        (spoiled('"Disagree"', '"Agree"'), r"prompts.json: options must be 4 different texts"),
        (spoiled('"ascending"', '"upwards"'), r"prompts.json: .* at `\$.orders"),
        (spoiled("{", ""), r"prompts.json is not JSON: "),
        (spoiled('"orders"', '"labels": {"x": ["1"]}, "orders"'), "x must be 4 different texts"),
    ],
)
def test_broken_prompts_are_one_line(
    spoil: Callable[[Path], None], problem: str, tmp_path: Path
) -> None:
    shutil.copy(TASKS / "compass" / "prompts.json", tmp_path)
    assert read_prompts(tmp_path, TASKS / "compass").templates[0].id == "ask"
    spoil(tmp_path / "prompts.json")
    with pytest.raises(DataError, match=problem) as caught:
        read_prompts(tmp_path, TASKS / "compass")
    assert "\n" not in str(caught.value)


def test_a_bank_without_prompts_takes_the_english_ones(tmp_path: Path) -> None:
    english = TASKS / "compass"
    assert read_prompts(tmp_path, english) == read_prompts(english, english)


def test_every_bank_of_ours_can_be_read() -> None:
    folders = [file.parent for file in TASKS.glob("*/bank.yaml")]
    banks: list[Bank] = [read_bank(folder) for folder in folders]
    assert {"politune", "politune-de", "politune-eu"} <= {found.name for found in banks}
