"""People's answers, from a file to what they say about a bank."""

import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from politune_harness import DataError
from politune_harness.compass.bank import Bank, Item
from politune_harness.compass.people import (
    Answers,
    Norms,
    Validation,
    norms,
    read_answers,
    validate,
    write_norms,
)
from politune_harness.compass.people.answers import positions
from tests.conftest import Politune
from tests.simulated_people import (
    answers,
    answers_of,
    named,
    small_bank,
    traits,
    write_answers,
    write_bank,
)

DOCS = Path(__file__).parents[1] / "docs" / "validation.md"
BANK = small_bank()
TINY = small_bank(2, ("economic",))
"""Two items, `e01` keyed low and `e02` keyed high."""


def read(text: str, tmp_path: Path, bank: Bank = TINY, *groups: str) -> Answers:
    file = tmp_path / "answers.csv"
    file.write_text(text)
    return read_answers(file, bank, groups=groups)


def people(n: int, seed: int = 0, bank: Bank = BANK) -> Answers:
    """Persons of two parties and two languages; item e03 leans by language, e06 is keyed wrong."""
    rng = np.random.default_rng(seed)
    right, english = rng.integers(0, 2, n), rng.integers(0, 2, n)
    trait = traits(n, 2, rng, between=0.2)
    trait[:, 0] += np.where(right, 0.7, -0.7)
    bias = np.zeros((n, len(bank.items)))
    bias[:, 2] = 1.5 * english
    agreement = answers_of(bank, trait, rng, bias=bias, missing=0.03)
    agreement[:, 5] *= -1
    return answers(
        agreement,
        {"party": named(right, ["Blue", "Green"]), "language": named(english, ["de", "en"])},
        {"self": 5 + 2 * trait[:, 0] + rng.normal(size=n), "self_social": trait[:, 1]},
    )


@pytest.fixture(scope="module")
def given() -> Answers:
    return people(1000)


@pytest.fixture(scope="module")
def found(given: Answers) -> Validation:
    return validate(BANK, given)


def test_numbers_words_and_nothing_are_read(tmp_path: Path) -> None:
    text = "\ufeffid,e01,e02,party,self\na,0,strongly AGREE,Left,3\n\nb, Disagree ,,,\n"
    found = read(text, tmp_path)
    assert found.agreement == pytest.approx(np.array([[-1, 1], [-1 / 3, np.nan]]), nan_ok=True)
    assert found.groups == {"party": ["Left", ""]}
    assert found.placements["self"] == pytest.approx([3, np.nan], nan_ok=True)


def test_a_banks_own_words_are_read(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text("id,e01,e02\na,Stimme zu,Agree\n")
    options = ["Stimme gar nicht zu", "Stimme nicht zu", "Stimme zu", "Stimme voll zu"]
    assert read_answers(file, TINY, options).agreement == pytest.approx(1 / 3)


def test_a_reversed_statement_turns_the_answer_round(tmp_path: Path) -> None:
    found = read("id,e01~r,e02,e02~r\na,3,3,2\nb,,,0\n", tmp_path).agreement
    assert found == pytest.approx(np.array([[-1, 1 / 3], [np.nan, 1]]), nan_ok=True)


def test_positions_are_the_banks_own() -> None:
    """Weights, keys and what a missing answer counts, by hand."""
    agreement = np.array([[1.0, 1 / 3, np.nan], [np.nan, np.nan, np.nan], [-1, np.nan, 1]])
    items = tuple(
        Item(f"i{n}", "t", "i", "s", "r", {"economic": weight})
        for n, weight in enumerate((2.0, -1.0, 1.0))
    )
    bank = msgspec.structs.replace(TINY, items=items, missing="neutral")
    neutral = [10 * (2 - 1 / 3) / 4, np.nan, 10 * (-2 + 1) / 4]
    assert positions(bank, "economic", agreement) == pytest.approx(neutral, nan_ok=True)
    bank = msgspec.structs.replace(bank, missing="skip")
    skip = [10 * (2 - 1 / 3) / 3, np.nan, 10 * (-2 + 1) / 3]
    assert positions(bank, "economic", agreement) == pytest.approx(skip, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "column 'id' is missing, and 2 more"),
        ("id,e01,e2\n", "column 'e2' is neither an item of small nor known; did you mean 'e02'"),
        ("id,e01,e02,e01\n", "column 'e01' stands there twice"),
        ("id,e01\n", "column 'e02' is missing$"),
        ("id,e01,e02\nsecret,0\n", "line 2: not as many fields as columns"),
        ("id,e01,e02\nsecret,0,opinion\n", r"line 2, column e02: not an answer: 0 to 3, Strong"),
        ("id,e01,e02\nsecret,0,4\n", "line 2, column e02: not an answer"),
        ("id,e01,e02,self\nsecret,0,1,opinion\n", "line 2, column self: not a number, or empty"),
        ("id,e01,e02,self\nsecret,0,1,nan\n", "line 2, column self: not a number"),
        ("id,e01,e02\nsecret,0,1\nb,0,1\nsecret,1,1\n", "line 4: the id of line 2 again"),
        ("id,e01,e02\n,0,1\n", "line 2: id is empty"),
        ('id,e01,e02\n"secret,0,1\n', "after line 1: unexpected end of data"),
    ],
)
def test_bad_files_are_one_line_that_gives_nobody_away(
    text: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        read(text, tmp_path)
    assert not re.search(r"\n|secret|opinion", str(caught.value))


def test_other_columns_are_groups_only_if_named(tmp_path: Path) -> None:
    text = "id,e01,e02,gender\na,0,1,w\n"
    with pytest.raises(DataError, match="--group NAME"):
        read(text, tmp_path)
    assert read(text, tmp_path, TINY, "gender").groups == {"gender": ["w"]}
    with pytest.raises(DataError, match="column 'age' is missing"):
        read(text, tmp_path, TINY, "gender", "age")


def test_what_was_put_in_is_found(found: Validation) -> None:
    assert found.hash == BANK.hash
    assert not found.too_few
    items = found.axes["economic"].items
    assert {item for item, report in items.items() if report.flag} == {"e06"}
    assert items["e06"].flag == "negative"
    assert found.axes["social"].items["s01"].flag is None
    structure = found.structure
    assert structure is not None
    assert structure.factors == 2
    assert structure.misplaced == ["e06"]
    assert structure.placed == 19 / 20
    assert structure.congruence["social"] > 0.97
    assert 0.1 < structure.between["economic"]["social"] < 0.4
    assert [test.item for test in found.dif["language"].items if test.flagged] == ["e03"]
    assert [test.item for test in found.dif["party"].items if test.flagged] == []


def test_omega_and_alpha_come_with_intervals(found: Validation, given: Answers) -> None:
    for axis, items in (("economic", slice(10)), ("social", slice(10, 20))):
        report = found.axes[axis]
        assert report.alpha is not None
        assert report.omega is not None
        for each in (report.alpha, report.omega):
            assert each.low is not None
            assert each.high is not None
            assert 0 < each.high - each.low < 0.06
            assert each.low < each.value < each.high
        missing = np.isnan(given.agreement[:, items]).sum(0)
        assert [item.missing for item in report.items.values()] == missing.tolist()


def test_known_groups_stand_where_they_were_put(found: Validation, given: Answers) -> None:
    stands = found.groups["party"].stands
    assert stands["Blue"]["economic"].mean.value < -1.5
    assert stands["Green"]["economic"].mean.value > 1.5
    economic, social = (found.groups["party"].effects[axis] for axis in ("economic", "social"))
    assert economic.eta2.value > 0.2
    assert economic.d is not None
    assert economic.d.value > 1
    assert social.eta2.low == pytest.approx(0, abs=0.01)
    third = found.groups["self"].stands
    assert list(third) == ["low third", "middle third", "high third"]
    means = [each["economic"].mean.value for each in third.values()]
    assert means == sorted(means)
    r = found.placements["self_social"]["social"].r
    assert r is not None
    assert r.value > 0.8


def test_the_same_answers_say_the_same(found: Validation, given: Answers) -> None:
    assert validate(BANK, given) == found


def test_noise_is_not_praised() -> None:
    rng = np.random.default_rng(1)
    found = validate(BANK, answers(answers_of(BANK, np.zeros((400, 2)), rng)))
    assert found.structure is not None
    assert found.structure.factors <= 1
    for axis in found.axes.values():
        assert axis.alpha is not None
        assert axis.alpha.value < 0.2
        flags = [report.flag for report in axis.items.values()]
        assert flags.count(None) == 0


def test_too_few_persons_are_refused() -> None:
    with pytest.raises(DataError, match="99 persons, 99 with answers on every axis: too few"):
        validate(BANK, people(99))
    some = people(300)
    some.agreement[90:, 10:] = np.nan
    with pytest.raises(DataError, match="300 persons, 90 with"):
        validate(BANK, some)


def test_what_a_hundred_persons_cannot_say_is_left_unsaid() -> None:
    given = people(150)
    given.placements["self"][60:] = np.nan
    found = validate(BANK, given)
    assert found.axes["economic"].omega is not None
    assert found.structure is None
    assert found.dif == {}
    assert found.placements["self"]["economic"].r is None
    assert [line.split(":")[0] for line in found.too_few] == [
        "factors",
        "DIF by party",
        "DIF by language",
        "self, economic",
        "self, social",
    ]
    with pytest.raises(DataError, match="150 persons are too few for norms"):
        norms(found)


def test_two_forms_of_a_questionnaire_have_no_common_persons() -> None:
    """Half of the people answered half of the items each: nothing is filled in."""
    given = people(600)
    given.agreement[:300, ::2] = np.nan
    given.agreement[300:, 1::2] = np.nan
    found = validate(BANK, given)
    axis = found.axes["economic"]
    assert (axis.alpha, axis.omega, found.structure) == (None, None, None)
    assert {report.item_rest for report in axis.items.values()} == {None}
    assert axis.position.persons == 600
    assert found.too_few[0] == "economic: two items have only 0 persons together, not 100"


def test_an_item_that_all_answer_alike_is_flagged() -> None:
    given = people(300)
    given.agreement[:, 3] = 1
    report = validate(BANK, given).axes["economic"].items["e04"]
    assert (report.flag, report.item_rest) == ("constant", None)


def test_a_bank_of_one_short_axis() -> None:
    rng = np.random.default_rng(2)
    found = validate(TINY, answers(answers_of(TINY, traits(300, 1, rng), rng)))
    assert found.axes["economic"].alpha is not None
    assert found.axes["economic"].omega is None
    assert found.structure is None
    assert "no one factor to be had" in found.too_few[0]


def test_norms_hold_figures_and_nobodys_row(found: Validation, tmp_path: Path) -> None:
    made = norms(found)
    file = write_norms(made, tmp_path / "new" / "folder")
    assert msgspec.json.decode(file.read_bytes(), type=Norms) == made
    assert (made.bank, made.hash, made.n) == ("small", BANK.hash, 1000)
    axis = found.axes["economic"]
    assert axis.omega is not None
    assert msgspec.structs.astuple(made.axes["economic"]) == (
        axis.position.mean.value,
        axis.position.sd,
        axis.omega.value,
    )
    persons = [sum(each.n for each in groups.values()) for groups in made.groups.values()]
    assert persons == [1000] * 4
    assert list(made.groups) == ["party", "language", "self", "self_social"]
    assert len(file.read_bytes()) < 3000


def test_the_command(politune: Politune, given: Answers, tmp_path: Path) -> None:
    bank = write_bank(BANK, tmp_path / "bank")
    file = write_answers(BANK, given, tmp_path / "answers.csv")
    done = politune("bank", "validate", file, "--bank", bank)
    assert done.returncode == 0, done.stderr
    assert "1000 persons" in done.stdout
    assert "2 by parallel analysis, 2 axes" in done.stdout
    (line,) = re.findall(r"e03 .*", done.stdout)
    assert "DIF by language: en agrees more" in line
    assert "negative; misplaced" in done.stdout
    assert "secret" not in done.stdout
    assert "…" not in done.stdout


def test_the_command_for_machines(politune: Politune, given: Answers, tmp_path: Path) -> None:
    bank = write_bank(BANK, tmp_path / "bank")
    rare = [*(["[red]"] * 9), *given.groups["party"][9:]]
    party = msgspec.structs.replace(given, groups={"party": rare})
    file = write_answers(BANK, party, tmp_path / "answers.csv")
    command = ("bank", "validate", file, "--bank", bank / "bank.yaml", "--json")
    done = politune(*command, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[red]" not in done.stdout
    assert "secret" not in done.stdout
    told = msgspec.json.decode(done.stdout, type=Validation)
    assert told.persons == 1000
    assert told.groups["party"].masked == 2
    assert json.loads((tmp_path / "norms.json").read_text())["n"] == 1000


@pytest.mark.parametrize("place", ["bank", "answers"])
def test_what_is_not_there_is_one_line(politune: Politune, place: str, tmp_path: Path) -> None:
    bank = tmp_path if place == "bank" else write_bank(BANK, tmp_path / "bank")
    done = politune("bank", "validate", tmp_path / "answers.csv", "--bank", bank)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCS.read_text(), re.DOTALL)


def test_the_page_shows_a_file_that_is_read(tmp_path: Path) -> None:
    (table,) = blocks("csv")
    found = read(table, tmp_path, small_bank(2))
    assert found.persons == 3
    assert set(found.placements) == {"self"}
    assert set(found.groups) == {"party", "language"}


def test_the_pages_command_runs(politune: Politune, given: Answers, tmp_path: Path) -> None:
    write_bank(BANK, tmp_path / "my-bank")
    write_answers(BANK, given, tmp_path / "answers.csv")
    (command,) = blocks("sh")
    program, *words = command.split()
    assert program == "politune"
    places = {"answers.csv", "my-bank", "results"}
    done = politune(*(tmp_path / word if word in places else word for word in words))
    assert done.returncode == 0, done.stderr
    (shown,) = blocks("json")
    example = msgspec.json.decode(shown, type=Norms, strict=True)
    written = (tmp_path / "results" / "norms.json").read_bytes()
    assert json.loads(written).keys() == json.loads(shown).keys()
    assert example.n >= 300
