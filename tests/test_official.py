"""The official 62: exact scores, bounds, and the files of users."""

import csv
import itertools
import json
import math
import random
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from politune_harness.compass.official import AXES, items, rounded, score
from politune_harness.compass.official_files import (
    by_name,
    fingerprint,
    read_answer,
    read_answers,
    read_propositions,
)
from politune_harness.errors import DataError

SHARED = Path(__file__).parents[2] / "shared" / "data" / "compass"
DRAWN = random.Random(62)  # noqa: S311


def _answers(share: float = 1.0) -> list[int | None]:
    return [DRAWN.randrange(4) if DRAWN.random() < share else None for _ in range(62)]


def _decimal(total: int, divisor: str) -> float:
    """Return a score by decimal arithmetic, which rounds exactly at these sizes."""
    exact = Decimal(total) / Decimal(divisor)
    return float(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)) + 0.0


def _sums(answers: Sequence[int | None]) -> tuple[int, int]:
    chosen = [(item, a) for item, a in zip(items(), answers, strict=True) if a is not None]
    return sum(i.economic[a] for i, a in chosen), sum(i.social[a] for i, a in chosen)


def test_the_weights_have_the_known_shape() -> None:
    economic = [item for item in items() if any(item.economic)]
    social = [item for item in items() if any(item.social)]
    assert (len(items()), len(economic), len(social)) == (62, 18, 43)
    assert sum(item.economic[3] > item.economic[0] for item in economic) == 9
    assert sum(item.social[3] > item.social[0] for item in social) == 31
    assert not any([*items()[20].economic, *items()[20].social])
    assert len({item.id for item in items()}) == len({item.text for item in items()}) == 62


@pytest.mark.parametrize(
    ("answer", "economic", "social"),
    [(0, 0, -4.36), (1, -0.25, -2.41), (2, 0.38, 2.41), (3, 0, 4.36)],
)
def test_responders_who_always_answer_the_same(answer: int, economic: float, social: float) -> None:
    place = score([answer] * 62)
    assert (place.economic, place.social, place.coverage) == (economic, social, 1)
    assert (place.economic_min, place.economic_max) == (economic, economic)
    assert (place.social_min, place.social_max) == (social, social)


def test_the_ends_of_both_axes_are_ten() -> None:
    for axis in AXES:
        points = [getattr(item, axis.name) for item in items()]
        for best, end in ((max, 10), (min, -10)):
            place = score([each.index(best(each)) for each in points])
            assert getattr(place, axis.name) == end


def test_scores_are_exact_on_random_answers() -> None:
    for _ in range(300):
        answers = _answers(DRAWN.random())
        economic, social = _sums(answers)
        place = score(answers)
        assert place.economic == _decimal(economic, "8")
        assert place.social == _decimal(social, "19.5")
        assert place.coverage == sum(a is not None for a in answers) / 62


def test_halves_go_away_from_zero_at_every_sum() -> None:
    for total in range(-200, 201):
        assert rounded(Fraction(total, 8)) == _decimal(total, "8")
        assert rounded(Fraction(2 * total, 39)) == _decimal(total, "19.5")
        assert math.copysign(1, rounded(Fraction(total, 10**6))) == 1


def test_bounds_are_those_of_every_completion() -> None:
    for _ in range(5):
        answers = _answers()
        gaps = DRAWN.sample(range(62), 4)
        for gap in gaps:
            answers[gap] = None
        places = []
        for filling in itertools.product(range(4), repeat=len(gaps)):
            for gap, answer in zip(gaps, filling, strict=True):
                answers[gap] = answer
            places.append(score(answers))
        for gap in gaps:
            answers[gap] = None
        for axis in AXES:
            found = [getattr(place, axis.name) for place in places]
            bounds = score(answers, "bounds")
            assert getattr(bounds, f"{axis.name}_min") == min(found)
            assert getattr(bounds, f"{axis.name}_max") == max(found)
            assert getattr(bounds, axis.name) == (found[0] if len(set(found)) == 1 else None)


def test_what_is_missing_counts_as_asked() -> None:
    nothing: list[int | None] = [None] * 62
    assert (score(nothing).economic, score(nothing).social) == (0, 0)
    assert (score(nothing, "agree").economic, score(nothing, "agree").social) == (0.38, 2.41)
    assert (score(nothing, "bounds").economic, score(nothing, "bounds").social) == (None, None)
    assert score(nothing).economic_min == score(nothing).social_min == -10


def test_agree_repeats_what_others_publish_offsets_and_all() -> None:
    """The same sums written as their calculator writes them, from tables in which Agree is 0."""
    for _ in range(300):
        answers = _answers(DRAWN.random())
        place = score(answers, "agree")
        filled = [2 if answer is None else answer for answer in answers]
        for axis, offset, divisor in (("economic", 0.38, 8.0), ("social", 2.41, 19.5)):
            shifted = [[p - getattr(i, axis)[2] for p in getattr(i, axis)] for i in items()]
            total = sum(of[a] for of, a in zip(shifted, answers, strict=True) if a is not None)
            value = (total / divisor + offset + 2.220446049250313e-16) * 100
            assert getattr(place, axis) == math.floor(value + 0.5) / 100
            assert abs(getattr(place, axis) - getattr(score(filled), axis)) < 0.011


@pytest.mark.parametrize("answers", [[0] * 61, [4] * 62, [-1] * 62])
def test_other_answers_are_a_bug_of_the_caller(answers: list[int | None]) -> None:
    with pytest.raises(ValueError, match="62 answers"):
        score(answers)


def test_the_weights_are_those_that_others_probed() -> None:
    file = SHARED / "official_62_weights.json"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    for ours, theirs in zip(items(), json.loads(file.read_text())["items"], strict=True):
        assert ours.id == theirs["id"]
        assert list(ours.economic) == theirs["economic_raw"]
        assert list(ours.social) == theirs["social_raw"]


TEXTS = [
    f"Proposition number {number} of a user, in a wording of its own." for number in range(1, 63)
]


def test_propositions_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    file.write_text("\ufeff" + "\n\n".join(TEXTS) + "\n", encoding="utf-8")
    plain = read_propositions(file)
    assert plain.texts == tuple(TEXTS)
    assert (plain.former, plain.recognised) == ((), 0)
    file.write_text("\n".join(f"{n}. {text}" for n, text in enumerate(TEXTS, 1)))
    assert read_propositions(file) == plain


@pytest.mark.parametrize("form", ["{id}", "{n}", "pc-{n:02}", "PC-{n}"])
def test_propositions_as_a_table_with_names(tmp_path: Path, form: str) -> None:
    file = tmp_path / "p.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["note", "ID", "Proposition"])
        for n, (item, text) in enumerate(zip(items(), TEXTS, strict=True), 1):
            writer.writerow(["a, b", form.format(id=item.id, n=n), text])
    assert read_propositions(file).texts == tuple(TEXTS)
    file.write_text(file.read_text().replace(form.format(id=items()[6].id, n=7), "elsewhere"))
    with pytest.raises(DataError, match=r"line 8: elsewhere is not item 7 \(fusioninfotainment\)"):
        read_propositions(file)


@pytest.mark.parametrize("count", [0, 61, 63])
def test_another_number_of_propositions_is_refused(tmp_path: Path, count: int) -> None:
    file = tmp_path / "p.txt"
    file.write_text("\n".join([*TEXTS, "One more."][:count]))
    with pytest.raises(DataError, match=f"has {count} propositions, not 62"):
        read_propositions(file)


def test_propositions_in_another_order_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    numbered = [f"{n}. {text}" for n, text in enumerate(TEXTS, 1)]
    numbered[3], numbered[4] = numbered[4], numbered[3]
    file.write_text("\n".join(numbered))
    with pytest.raises(DataError, match=r"line 4: 5 is not item 4 \(racequalities\)"):
        read_propositions(file)


def test_the_former_text_of_item_50_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    texts = list(TEXTS)
    texts[49] = "Companies take plants' genes, that is the plant resources, of poor countries."
    file.write_text("\n".join(texts))
    assert read_propositions(file).former == ("plantresources",)


def test_the_sites_own_text_is_recognised_and_its_order_checked(tmp_path: Path) -> None:
    known = SHARED / "propositions_62.csv"
    if not known.is_file():
        pytest.skip(f"{known} is absent")
    found = read_propositions(known)
    assert (len(found.texts), found.former, found.recognised) == (62, (), 62)
    shouted = tmp_path / "p.txt"
    texts = [text.upper().rstrip(".") for text in found.texts]
    shouted.write_text("\n".join(texts), encoding="utf-8")
    assert read_propositions(shouted).recognised == 62
    assert read_propositions(shouted).hash != found.hash
    shouted.write_text("\n".join([texts[1], texts[0], *texts[2:]]), encoding="utf-8")
    with pytest.raises(DataError, match="line 1: this text is not item 1"):
        read_propositions(shouted)


def test_fingerprints_pass_over_what_copying_changes() -> None:
    assert (
        fingerprint("It\u2019s \u201cgood\u201d.")
        == fingerprint("Its  good")
        == fingerprint("IT'S GOOD")
    )
    assert fingerprint("It is good") != fingerprint("It is not good")


def test_every_name_of_an_item_leads_to_its_place() -> None:
    assert by_name()["landcommodity"] == by_name()["14"] == by_name()["pc-14"] == 13
    assert set(by_name().values()) == set(range(62))


def test_tables_and_json_lines_say_the_same(tmp_path: Path) -> None:
    answers = _answers(0.8)
    words = [None, "Strongly disagree", "DISAGREE", "agree ", "Strongly_Agree"]
    shown = [None if a is None else words[a + 1] for a in answers]
    order = DRAWN.sample(range(62), 62)
    table, lines = tmp_path / "a.csv", tmp_path / "a.jsonl"
    names = [(items()[i].id, str(i + 1), f"pc-{i + 1:02}")[i % 3] for i in order]
    with table.open("w", newline="", encoding="utf-8-sig") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow([*names, "model", "id"])
        writer.writerow([*(answers[i] if i % 2 else shown[i] for i in order), "x;y", "one"])
    lines.write_text(json.dumps({"id": "one", "answers": shown, "more": 1}) + "\n\n")
    (by_table,), (by_line,) = read_answers(table), read_answers(lines)
    assert by_table == by_line
    assert by_line.answers == tuple(answers)


def test_ids_that_are_numbers_stay_numbers_in_json(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"id": 7, "answers": [2.0] * 62}))
    assert read_answers(file)[0].id == 7


@pytest.mark.parametrize("value", ["4", "-1", "2.5", "yes", "1 2", "agree!", True, "22", 3.5])
def test_other_values_are_no_answers(value: str | float | bool) -> None:  # noqa: FBT001
    with pytest.raises(ValueError, match=r".*"):
        read_answer(value)


HEADER = ",".join(["id", *(item.id for item in items())])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "has no column id"),
        (HEADER, "holds no answers"),
        (f"{HEADER}\nme,{',' * 61}5", "line 2, column opennessaboutsex: '5' is no answer"),
        (f"{HEADER}\nme,1,2", "line 2: not as many fields"),
        (HEADER.replace("richtaxed", "rich"), "has no column richtaxed (or 18)"),
        (
            f"{HEADER},pc-01\nme{',' * 63}",
            "columns 'globalisationinevitable' and 'pc-01' are the same",
        ),
        ('{"id": "me"}', "line 1: Object missing required field `answers`"),
        ('{"id": "me", "answers": [1, 2]}', "line 1: 2 answers, not 62"),
        ('{"id": "me", "answers"', "line 1: "),
        (
            json.dumps({"id": 1, "answers": [None] * 61 + ["so so"]}),
            "line 1, column 62: 'so so' is no",
        ),
        (json.dumps({"id": 1, "answers": [[]] * 62}), "line 1: Expected"),
    ],
)
def test_what_is_wrong_with_answers_is_one_line(tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "answers"
    file.write_text(text)
    with pytest.raises(DataError) as raised:
        read_answers(file)
    assert error in str(raised.value)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_answers(tmp_path / "none.csv")
