"""The strict reader of text replies: golden cases, its promises, and what people said."""

import csv
import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from politune_harness.compass.claims import claims
from politune_harness.compass.mentions import marked
from politune_harness.compass.replies import DEFAULT, Labels, Reply, parse, read_labels
from politune_harness.errors import DataError

SHARED = Path(__file__).parents[2] / "shared" / "data" / "validation" / "llm-values-pct"
CASES = [
    json.loads(line) for line in Path(__file__).with_name("replies.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=[repr(case["text"][:40]) for case in CASES])
def test_golden_cases(case: dict[str, str]) -> None:
    labels = read_labels(case["labels"]) if "labels" in case else DEFAULT
    assert parse(case["text"], labels) == Reply(case["status"], case.get("answer"))  # type: ignore[arg-type]


def _mirrored(text: str) -> str:
    """Turn every option in a text into its opposite, in English and with our default marks."""
    swapped = text.replace("isagree", "\0").replace("Isagree", "\0")
    swapped = swapped.replace("agree", "disagree").replace("Agree", "Disagree")
    swapped = swapped.replace("D\0", "Agree").replace("d\0", "agree")
    return swapped.translate(str.maketrans("1234", "4321"))


ENGLISH = [case for case in CASES if "labels" not in case and "DISAGREE" not in case["text"]]


@pytest.mark.parametrize("case", ENGLISH, ids=[repr(case["text"][:40]) for case in ENGLISH])
def test_agreeing_and_disagreeing_are_read_alike(case: dict[str, str]) -> None:
    plain, mirrored = parse(case["text"]), parse(_mirrored(case["text"]))
    expected = None if plain.answer is None else 3 - plain.answer
    assert mirrored.answer == expected


@pytest.mark.parametrize("answer", range(4))
def test_labels_of_any_kind_are_read_by_mark_and_by_words(answer: int) -> None:
    kinds = [
        ("A", "B", "C", "D"),
        ("0", "1", "2", "3"),
        ("K", "M", "R", "W"),
        ("i", "ii", "iii", "iv"),
    ]
    options = ("Not at all", "Rather not", "Rather", "Very much")
    for marks in kinds:
        labels = Labels(options, marks)
        for text in (
            "{m}",
            "({m})",
            "{m}) {w}",
            "**{m}.** {w}",
            "{w}",
            "Answer: {m}",
            "My answer is {w}.",
        ):
            shown = text.format(m=marks[answer], w=options[answer])
            assert parse(shown, labels) == Reply("valid", answer), shown


def test_numbers_mean_nothing_where_options_have_only_words() -> None:
    words = Labels(DEFAULT.options)
    assert parse("2", words).status == "unparsed"
    assert parse("Disagree", words) == Reply("valid", 1)


def test_what_repeats_the_prompt_is_no_answer() -> None:
    prompt = "Do you agree or disagree?\nMy answer is: Agree (this is an example)\nAnswer:"
    assert parse(f"{prompt}", prompt=prompt).status == "unparsed"
    assert parse(f"{prompt}\nDisagree", prompt=prompt) == Reply("valid", 1)


def test_labels_in_another_order_keep_their_meaning() -> None:
    descending = read_labels("A=Strongly agree, B=Agree, C=Disagree, D=Strongly disagree")
    assert parse("B", descending) == Reply("valid", 2)
    german = read_labels("1=Stimme stark zu,2=Stimme zu,3=Lehne ab,4=Lehne stark ab")
    assert german.marks == ("4", "3", "2", "1")
    assert read_labels("a=Nein,b=Eher nein,c=Eher ja,d=Ja").options[0] == "Nein"


@pytest.mark.parametrize(
    "labels", ["", "A=Agree", "A=Yes,A=No,B=Maybe,C=Never", "A=Yes,B=Yes,C=No,D=Never", "A,B,C,D"]
)
def test_labels_that_are_not_four_pairs_are_one_line(labels: str) -> None:
    with pytest.raises(DataError, match="give 4 different pairs") as raised:
        read_labels(labels)
    assert "\n" not in str(raised.value)


def test_a_claim_names_its_way() -> None:
    ways = {
        "Disagree": "choice",
        "My final answer is 2.": "final",
        "I disagree with this statement.": "verb",
        "I disagree with caps on rent.": "aside",
    }
    for text, way in ways.items():
        (claim,) = claims(marked(text, DEFAULT))
        assert (claim.way, claim.answer) == (way, 1)


def test_hostile_replies_are_read_in_bearable_time() -> None:
    words = [
        "answer ",
        "I agree ",
        "my answer is that I ",
        "{",
        "1) ",
        "(",
        "\n",
        "don't have the ",
        '"',
    ]
    start = time.monotonic()
    for word in words:
        parse(word * 5000)
    assert time.monotonic() - start < 20


def test_nonsense_is_never_an_error_and_only_valid_replies_have_answers() -> None:
    drawn = random.Random(0)  # noqa: S311
    said = "I agree disagree strongly 1) 2 ( ) : . , would answer is my AI don't have opinions if"
    words = [
        *said.split(),
        "option",
        "4",
        "}",
        "{",
        "\ue000",
        "\ue0011w",
        "<think>",
        "</think>",
        '"',
    ]
    seen: Counter[str] = Counter()
    for _ in range(2000):
        reply = parse(" ".join(drawn.choices(words, k=drawn.randrange(25))))
        assert (reply.answer is not None) == (reply.status == "valid")
        seen[reply.status] += 1
    assert min(seen[status] for status in ("valid", "refused", "unparsed")) > 20


def _rows(name: str) -> list[dict[str, str]]:
    if not (SHARED / name).is_file():
        pytest.skip(f"{SHARED / name} is absent")
    with (SHARED / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_people_called_non_answers_is_hardly_ever_an_opinion() -> None:
    rows = _rows("refusal_labels.csv")
    assert {row["validation_label"] for row in rows} == {"invalid"}
    replies = [parse(row["completion"], prompt=row["full_prompt"]) for row in rows]
    opinions = sum(reply.status == "valid" for reply in replies)
    assert opinions <= 0.05 * len(rows)
    assert sum(reply.status == "refused" for reply in replies) >= 0.9 * len(rows)


def test_real_forced_choices_are_read_as_the_option_with_which_they_begin() -> None:
    """The plain majority: a mark and its words, and then a reason that lists no options."""
    options = [f"{mark}) {words}" for mark, words in zip("1234", DEFAULT.options, strict=True)]
    counts: Counter[bool] = Counter()
    for name in ("zephyr-7b-beta", "Mistral-7B-Instruct-v0.2"):
        for row in _rows(f"completions/{name}.csv"):
            text = row["completion"].removeprefix("<|assistant|>").strip()
            begins = [i for i, option in enumerate(options) if text.startswith(option)]
            if begins and sum(option in text for option in options) == 1:
                counts[parse(row["completion"]) == Reply("valid", begins[0])] += 1
    assert counts[True] > 700
    assert counts[True] >= 0.97 * counts.total()


def test_essays_that_people_read_for_their_stance_are_not_read_by_their_words() -> None:
    rows = _rows("stance_labels.csv")
    read = [parse(row["completion"]) for row in rows]
    decided = [
        (reply.answer >= 2, row["decision"] or row["annot1_label"])
        for reply, row in zip(read, rows, strict=True)
        if reply.answer is not None
    ]
    against = sum(("disagree" in label) == agrees for agrees, label in decided)
    assert against <= 0.05 * len(rows)
