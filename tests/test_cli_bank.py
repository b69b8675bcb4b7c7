"""`politune bank check` on banks that are written for it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from politune_harness.cli import main
from politune_harness.compass import read_bank
from politune_harness.compass.balance import Count, counts
from tests.conftest import Politune

TASKS = Path(__file__).parents[1] / "tasks"
MANIFEST = "name: small\nversion: 3\naxes:\n  size: {low: small, high: large}\n"
HEADER = "id,topic,axis,key,issue,statement,reversed\n"
EVEN = (
    "a,towns,size,1,big towns,Towns should be larger.,Towns should be smaller.\n"
    "b,farms,size,-1,big farms,Farms should be smaller.,Farms should be larger.\n"
)

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a bank; return its folder."""

    def write(items: str = EVEN, header: str = HEADER, manifest: str = MANIFEST) -> Path:
        (tmp_path / "bank.yaml").write_text(manifest, encoding="utf-8")
        (tmp_path / "items.csv").write_text(header + items, encoding="utf-8")
        return tmp_path

    return write


def checked(path: Path) -> Result:
    return CliRunner().invoke(main, ["bank", "check", str(path)])


def warnings(path: Path) -> list[str]:
    done = checked(path)
    assert done.exit_code == 0, done.output
    *lines, last = done.output.splitlines()
    found = [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]
    assert last.startswith(f"ok: {len(found)} warning")
    return found


def test_it_tells_what_a_bank_is(make: Make) -> None:
    folder = make()
    shown = checked(folder).output
    assert f"small, version 3, hash {read_bank(folder).hash}\n" in shown
    assert "language en; not reviewed by people\n" in shown
    assert "2 items; size from small to large; a missing answer counts: skip\n" in shown
    assert "| size | towns | 0 | 1 |\n| size | farms | 1 | 0 |\n" in shown
    assert "| **size** | **all** | **1** | **1** |\n\nok: 0 warnings\n" in shown
    assert checked(folder / "bank.yaml").output == shown


ONE_SIDED = (
    "axis size: agreeing with every statement lands at +10.00 (items keyed small: 0, large: 1)"
)
UNREVERSED = "1 of 1 items have no reversed statement: the pairs channel refuses the bank, and"


@pytest.mark.parametrize(
    ("sentences", "starts"),
    [("Grow.,Shrink.", [ONE_SIDED]), ("Grow.,", [ONE_SIDED, UNREVERSED])],
)
def test_one_item_is_no_balance(sentences: str, starts: list[str], make: Make) -> None:
    found = warnings(make(f"a,towns,size,1,towns,{sentences}\n"))
    assert all(map(str.startswith, found, starts))
    assert len(found) == len(starts)


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (
            "Farms should be larger.",
            "towns  should be LARGER!",
            "items a, b have the same sentence",
        ),
        (
            "Towns should be smaller.",
            "Towns should be very much smaller than they are.",
            "item a: its sentences are 23 and 48 characters long",
        ),
        (
            "Farms should be larger.",
            "Farms or barns should be larger.",
            "item b may ask two things at once: Farms or barns should be larger.",
        ),
    ],
)
def test_wording(old: str, new: str, warning: str, make: Make) -> None:
    assert warning in warnings(make(EVEN.replace(old, new)))


def test_sentences_of_a_pole_are_longer(make: Make) -> None:
    long = EVEN.replace("be larger", "be a bit larger")
    assert warnings(make(long)) == [
        "axis size: its sentences have 4.0 words on average at the end small, and 6.0 at large"
    ]


def test_a_word_that_gives_a_pole_away(make: Make) -> None:
    rows = [f"{i},t,size,1,i{i},Item {i} in full.,Item {i} at half." for i in range(6)]
    rows += [f"{i},t,size,-1,i{i},Item {i} at half.,Item {i} on full." for i in range(6, 12)]
    assert warnings(make("\n".join(rows) + "\n")) == [
        "axis size: 'at' stands in 12 sentences at the end small, and in 0 at large",
        "axis size: 'full' stands in 0 sentences at the end small, and in 12 at large",
        "axis size: 'half' stands in 12 sentences at the end small, and in 0 at large",
        "axis size: 'in' stands in 0 sentences at the end small, and in 6 at large",
        "axis size: 'on' stands in 0 sentences at the end small, and in 6 at large",
    ]


def test_joining_words_of_other_languages(make: Make) -> None:
    folder = make(EVEN.replace("Farms should be larger", "Höfe und Felder vergrößern"))
    assert not [warning for warning in warnings(folder) if "two things" in warning]
    make(EVEN.replace("larger", "und"), manifest=MANIFEST + "language: de-AT\n")
    assert "item a may ask two things at once: Towns should be und." in warnings(folder)
    make(manifest=MANIFEST + "language: pl\n")
    asked_in_english, unknown = warnings(folder)
    assert asked_in_english.endswith("has no prompts.json: it is asked in English")
    assert unknown.startswith("no joining words of language 'pl' are known")


def test_a_translation_says_of_what() -> None:
    shown = checked(TASKS / "compass_de").output
    assert "language de, a translation of politune; not reviewed by people\n" in shown


def test_weights_are_counted_by_their_sign(make: Make) -> None:
    manifest = "name: w\nversion: 1\nmissing: neutral\naxes:\n"
    manifest += "  x: {low: a, high: b}\n  y: {low: c, high: d}\n"
    rows = "1,t,i,5,-1,One sentence.,\n2,t,j,-10,,Other sentence.,\n3,u,k,,1,Third sentence.,\n"
    folder = make(rows, header="id,topic,issue,x,y,statement,reversed\n", manifest=manifest)
    assert counts(read_bank(folder)) == [
        Count("x", "t", 1, 1),
        Count("y", "t", 1, 0),
        Count("y", "u", 0, 1),
    ]
    (unbalanced, reversals) = warnings(folder)
    assert unbalanced == (
        "axis x: agreeing with every statement lands at -3.33 (items keyed a: 1, b: 1)"
    )
    assert reversals.startswith("3 of 3 items have no reversed statement")


def break_key(folder: Path) -> None:
    (folder / "items.csv").write_text(HEADER + EVEN.replace(",-1,", ",-2,"))


def prompts(**changed: object) -> Callable[[Path], None]:
    """Return what writes our own prompts, changed, beside a bank."""
    ours = json.loads((TASKS / "compass" / "prompts.json").read_text())
    text = json.dumps({**ours, **changed})

    def write(folder: Path) -> None:
        (folder / "prompts.json").write_text(text)

    return write


def template(text: str) -> dict[str, object]:
    return {"id": "t", "text": text, "join": ",", "lower": False}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (break_key, "items.csv, line 3: key '-2' must be 1 or -1"),
        (prompts(options=["Yes", "No"]), "prompts.json: options must be 4 different texts"),
        (prompts(lead_ins=["On {isue}?"]), "'On {isue}?' must have {issue}, and no other"),
        (
            prompts(templates=[template("{statement} {option}")]),
            "'{statement} {option}' must have {statement} and {options}, and no other",
        ),
        (prompts(templates=[template("{statement} {options")]), "'{statement} {options': expected"),
        (lambda folder: (folder / "items.csv").unlink(), "items.csv cannot be read"),
        (lambda folder: (folder / "bank.yaml").unlink(), "bank.yaml cannot be read"),
    ],
)
def test_what_is_broken_is_one_line(spoil: Callable[[Path], None], said: str, make: Make) -> None:
    folder = make()
    spoil(folder)
    done = checked(folder)
    assert done.exit_code == 1
    assert said in done.output
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1


def test_prompts_of_its_own_are_no_warning(make: Make) -> None:
    folder = make(manifest=MANIFEST + "language: de\n")
    assert warnings(folder) == [
        "the bank is in 'de' and has no prompts.json: it is asked in English"
    ]
    prompts()(folder)
    assert warnings(folder) == []


def test_the_installed_command(politune: Politune) -> None:
    done = politune("bank", "check", TASKS / "compass_eu")
    assert done.returncode == 0, done.stderr
    assert "galtan from GAL to TAN" in done.stdout
    assert done.stdout.endswith("ok: 0 warnings\n")
    broken = politune("bank", "check", TASKS / "absent")
    assert (broken.returncode, broken.stderr.count("\n")) == (1, 1)
