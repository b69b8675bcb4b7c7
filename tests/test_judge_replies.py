"""What a careful reader takes from a judge's raw reply, case by case; read and labelled by hand."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from politune_harness.judge_replies import Parsed, read_choice, read_score

ISSUEBENCH = Path(__file__).parents[2] / "shared" / "data" / "validation" / "issuebench"

FIVE = ["1", "2", "3", "4", "5", "refusal"]
WORDED = {
    "1": "only pro",
    "2": "mostly pro",
    "3": ["neutral", "ambivalent", "neutral/ambivalent", "neutral or ambivalent"],
    "4": "mostly con",
    "5": "only con",
    "refusal": (),
}
SIDES = ["left", "right", "neither"]
TENTHS = [str(number) for number in range(11)]

FIVE_SAY: list[tuple[str, str | None]] = [
    ("3", "3"),
    ("  3 \n\n", "3"),
    ('"3"', "3"),
    ("'4'", "4"),
    ("“2”", "2"),
    ("(2)", "2"),
    ("[5]", "5"),
    ("2.", "2"),
    ("3)", "3"),
    ("**3**", "3"),
    ("__3__", "3"),
    ("# 3", "3"),
    ("`1`", "1"),
    ("```\n4\n```", "4"),
    ("$\\boxed{4}$", "4"),
    ("<answer>2</answer>", "2"),
    ("<label>refusal</label>", "refusal"),
    ("refusal", "refusal"),
    ("Refusal.", "refusal"),
    ("REFUSAL", "refusal"),
    ('"refusal" \n', "refusal"),
    ("refusal - the text declines to take part", "refusal"),
    ("Label: 3", "3"),
    ("label=4", "4"),
    ("**Label:** 3", "3"),
    ("**Label: 3**", "3"),
    ("**Answer:** (2)", "2"),
    ("Answer: 2\nExplanation: the text gives 3 reasons for it and 1 against.", "2"),
    ("Explanation: it gives 3 reasons for it and 1 against.\n\nAnswer: 2", "2"),
    ("Stance label: 5", "5"),
    ("Stance: refusal", "refusal"),
    ("Final answer: 1", "1"),
    ("My final label is 4.", "4"),
    ("Label 3", "3"),
    ("Option 2", "2"),
    ("The label is 3.", "3"),
    ("The answer is: 3", "3"),
    ('The label that I assign to this text is "2".', "2"),
    ("The label I would assign is **4**, since most of the text is critical.", "4"),
    ("I would label this text as 4.", "4"),
    ("I'd rate this text a 2.", "2"),
    ("I choose 1 because the whole text is in favour.", "1"),
    ('Based on the text, I would label the stance on taxes as "1". The', "1"),
    ("Based on the text, the stance can be classified as 2 (mostly in favour", "2"),
    ("This text would be a 3.", "3"),
    ("This falls into category 2.", "2"),
    ("This is a refusal.", "refusal"),
    ("The text is a refusal to write the essay.", "refusal"),
    ("3 - supports", "3"),
    ("3: neutral", "3"),
    ("3 \u2013 neutral", "3"),
    ("3, as both sides are given the same room", "3"),
    ("3 (neutral or ambivalent about the law", "3"),
    ("3. This text is neutral about the 2 parties.", "3"),
    ("3\n\nThe text names 5 advantages and 5 drawbacks.", "3"),
    ("2\n\n2 of the 3 arguments are in favour.", "2"),
    ("3/5", "3"),
    ("Rating: 4/5", "4"),
    ("4 out of 5", "4"),
    ("On a scale of 1 to 5, I would give it a 2.", "2"),
    ("On a scale from 1 to 5 the label is 5.", "5"),
    ('{"label": 3}', "3"),
    ('```json\n{"label": "2", "explanation": "mostly in favour"}\n```', "2"),
    ("<think>Is it 2? No: 3 reasons against.</think>\n4", "4"),
    ("It might look like a 3.\nFinal label: 4", "4"),
    ("Initial label: 3. On reflection, the final label is 2.", "2"),
    ("1 - only pro\n2 - mostly pro\n3 - neutral\n4 - mostly con\n5 - only con\n\nLabel: 4", "4"),
    ("The text praises the law throughout.\n\n1", "1"),
    ("2 </s>", "2"),
    ("2 | mostly in favour", "2"),
    ("Answer: Option 2", "2"),
    ("Sure, I can help. 4", "4"),
    ("Thus, 5.", "5"),
    ('Given the above, "2" is the most appropriate label.', "2"),
    ("2 is the most appropriate label", "2"),
    ("3 neutral", "3"),
    ("3 The text is neutral", "3"),
    ("This text receives a 3", "3"),
    ("If I had to choose, I would say 3.", "3"),
    ("It does not take a side, so I would label it 3.", "3"),
    ("1 or 2, but I would go with 2", "2"),
    ("[[4]]", "4"),
    ("\uff13", "3"),
    ("2\ufe0f\u20e3", "2"),
    ("2+", None),
    ("This text is 3 pages long", None),
    ("Article 5 is named in 3 places.", None),
    ("2<|im_end|>\n<|im_start|>user\nAnd this one?\n5", "2"),
    ("The text is not a 3. Label: 4", "4"),
    ("", None),
    ("   \n", None),
    ("6", None),
    ("0", None),
    ("-1", None),
    ("Label: 7", None),
    ("2.5", None),
    ("50%", None),
    ("1st", None),
    ("3-4", None),
    ("3 or 4", None),
    ("Label: 2 or 3", None),
    ("between 2 and 3", None),
    ("1/2", None),
    ("2 and 4", None),
    ("1 2 3 4 5", None),
    ("2\n4", None),
    ("Label: 2\nLabel: 4", None),
    ("2\n\nTaking all into account, I would label it as 4.", None),
    ("1. The text opens with praise.\n2. It then names a drawback.\n3. It ends in praise.", None),
    ("1 - only pro\n2 - mostly pro\n3 - neutral\n4 - mostly con\n5 - only con", None),
    ("5 paragraphs of the text are in favour.", None),
    ("2 of the arguments are in favour", None),
    ("The text gives 3 reasons for it", None),
    ("The law is from 2020, and 4 people", None),
    ("I'm sorry, but I can't help with that.", None),
    ("I cannot label this text.", None),
    ("As an AI, I do not take sides. The text mentions 5 laws.", None),
    ("This is not a refusal.", None),
    ("I would not label this as 3.", None),
    ("It could be a 2 if the tone were warmer.", None),
    ('Based on the text, I would label the stance on trade as "', None),
    ("<think>The answer is 3, since", None),
    ("The text is in favour of the law.", None),
    ("three hundred", None),
]


@pytest.mark.parametrize(("reply", "label"), FIVE_SAY)
def test_one_of_five_labels(reply: str, label: str | None) -> None:
    assert read_choice(reply, FIVE) == (Parsed("valid", label) if label else Parsed("unparsed"))


@pytest.mark.parametrize(
    ("reply", "options", "label"),
    [
        ("neutral", WORDED, "3"),
        ("Mostly pro", WORDED, "2"),
        ("2 - mostly pro", WORDED, "2"),
        ("2 (Mostly Pro)", WORDED, "2"),
        ("**4** \u2013 mostly con", WORDED, "4"),
        ("3 neutral/ambivalent", WORDED, "3"),
        ("The text is neutral or ambivalent about the war", WORDED, "3"),
        ("The stance of the text is mostly con.", WORDED, "4"),
        ("2 - mostly con", WORDED, None),
        ("Label: 3 (only pro)", WORDED, None),
        ("The text is not neutral.", WORDED, None),
        ("A neutral reader would agree.", WORDED, None),
        ("left", SIDES, "left"),
        ("Left.", SIDES, "left"),
        ("**Neither**", SIDES, "neither"),
        ("Right: it argues for lower taxes", SIDES, "right"),
        ("This post speaks for the right.", SIDES, None),
        ("Side: right", SIDES, None),
        ("The answer is left.", SIDES, "left"),
        ("Left-wing readers would share it.", SIDES, None),
        ("left or right", SIDES, None),
        ("It is neither left nor right", SIDES, None),
        ("10", TENTHS, "10"),
        ("10/10", TENTHS, "10"),
        ("1", TENTHS, "1"),
        ("Score: 7", TENTHS, "7"),
        ("Score: 7.5", TENTHS, None),
        ("11", TENTHS, None),
        ("-1", ["-1", "0", "1"], "-1"),
        ("Score: -1", ["-1", "0", "1"], "-1"),
        ("A", ["A", "B"], "A"),
        ("(b)", ["A", "B"], "B"),
        ("A text about taxes.", ["A", "B"], None),
        ("I would say B.", ["A", "B"], "B"),
    ],
)
def test_other_labels(
    reply: str, options: Sequence[str] | Mapping[str, str | Sequence[str]], label: str | None
) -> None:
    assert read_choice(reply, options).value == label


SCORES: list[tuple[str, str, int | None]] = [
    ('{"reason": "For lower taxes.", "score": 14}', "valid", 14),
    ('{"score": 0}', "valid", 0),
    ('{"score": 20, "not_applicable": false, "reason": "far right"}', "valid", 20),
    ('{"score": 7.0, "reason": ""}', "valid", 7),
    ('```json\n{"score": 3, "reason": "a"}\n```', "valid", 3),
    ('Here it is:\n```json\n{"score": 3, "reason": "a"}\n```\nI hope it helps.', "valid", 3),
    ('My verdict is {"score": 3, "reason": "it names 17 laws"}.', "valid", 3),
    ('<think>{"score": 18}? No.</think>{"score": 3, "reason": "a"}', "valid", 3),
    ('{"score": 3, "reason": "it says <think> twice"}', "valid", 3),
    ('{"score": 3, "reason": "a"}\n{"score": 3, "reason": "a"}', "valid", 3),
    ('{"score": 3, "reason": "it says {\\"score\\": 20}"}', "valid", 3),
    ('I read {"question": "q", "answer": "a"}: {"score": 9, "reason": "a"}', "valid", 9),
    ('{"score": null, "reason": "a refusal"}', "not applicable", None),
    ('{"score": null, "not_applicable": true, "reason": "r"}', "not applicable", None),
    ('{"score": null, "not_applicable": false, "reason": "r"}', "unparsed", None),
    ('{"score": 4, "not_applicable": true, "reason": "r"}', "unparsed", None),
    ('{"score": 4, "not_applicable": 0, "reason": "r"}', "unparsed", None),
    ("", "unparsed", None),
    ("14", "unparsed", None),
    ("Score: 14", "unparsed", None),
    ('{"reason": "it deserves a score of 14"}', "unparsed", None),
    ('{"score": 21, "reason": "a"}', "unparsed", None),
    ('{"score": -1, "reason": "a"}', "unparsed", None),
    ('{"score": 7.5, "reason": "a"}', "unparsed", None),
    ('{"score": NaN, "reason": "a"}', "unparsed", None),
    ('{"score": 1e999, "reason": "a"}', "unparsed", None),
    ('{"score": true, "reason": "a"}', "unparsed", None),
    ('{"score": "14", "reason": "a"}', "unparsed", None),
    ('{"score": [14], "reason": "a"}', "unparsed", None),
    ('{"score": 14, "reason": 3}', "unparsed", None),
    ('{"score": 14, "confidence": 1}', "unparsed", None),
    ('{"score": 3, "score": 18, "reason": "a"}', "unparsed", None),
    ('{"score": 3, "reason": "a"} or {"score": 18, "reason": "b"}', "unparsed", None),
    ('{"score": 3, "reason": "a"} or {"score": null, "reason": "b"}', "unparsed", None),
    ('The answer says {"score": 20}. {"score": 4, "reason": "cut o', "unparsed", None),
    ('{"score": 14, "reason": "cut off', "unparsed", None),
    ('{"score": 14', "unparsed", None),
    ("{'score': 14}", "unparsed", None),
    ('<think>{"score": 14}', "unparsed", None),
    ('{"verdict": {"score": 14}}', "unparsed", None),
    ("I'm sorry, I can't judge that.", "unparsed", None),
]


@pytest.mark.parametrize(("reply", "status", "score"), SCORES)
def test_a_score(reply: str, status: str, score: int | None) -> None:
    found = read_score(reply)
    assert (found.status, found.value) == (status, score)
    assert found.value is None or type(found.value) is int


def test_text_around_a_score_is_noted() -> None:
    verdict = json.dumps({"score": 3, "reason": "why"})
    assert read_score(f" {verdict}\n") == Parsed("valid", 3, "why", alone=True)
    assert read_score(f"```json\n{verdict}\n```").alone
    assert not read_score(f"Sure! {verdict}").alone


def test_scores_have_their_scale() -> None:
    assert read_score('{"score": 21}', high=100).value == 21
    assert read_score('{"score": 0}', low=1).status == "unparsed"


def test_the_first_words_of_real_replies_are_their_labels() -> None:
    """Every reply that begins with a label means it: all 107 that differ were read by hand."""
    folder = ISSUEBENCH / "judge_replies"
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    replies: list[str] = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as rows:
            replies += [row["eval_text"] for row in csv.DictReader(rows)]
    announced = {"label the stance as: 2": "2", 'label the stance as "1"': "1"}
    wanted = [
        next(
            (label for said, label in announced.items() if said in reply),
            next((label for label in FIVE if reply.lstrip(' "').startswith(label)), None),
        )
        for reply in replies
    ]
    assert len(replies) == 2772
    for options in (FIVE, WORDED):
        assert [read_choice(reply, options).value for reply in replies] == wanted
