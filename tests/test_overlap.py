"""Training text that holds an evaluation prompt is found; text that only sounds like one is not."""

import random
import re

import pytest

from politune_harness import DataError
from politune_harness.overlap import LEAST, Match, Overlap, words

FOOD = "How should the price of food be decided?"
NEWS = "What, if anything, should be done about false news?"
TEN = "one two three four five six seven eight nine ten"
LETTER = "Write a letter to a newspaper to persuade its readers that "
ASKED = {"food": FOOD, "news": NEWS, "ten": TEN, "short": "Divorce?", "two": "Gun laws."}
OVERLAP = Overlap(ASKED)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FOOD, "food"),
        ("how should the price of food be decided", "food"),
        ("Q: HOW SHOULD THE PRICE OF FOOD BE DECIDED?!\nA: By farmers.", "food"),
        ("> **How should the price of _food_ be decided?**", "food"),
        ("How should the price\n\tof food, be -- decided", "food"),
        ("Somebody asked: how should the price of food be decided? I do not know.", "food"),
        ("What if anything should be done about false news", "news"),
        ("divorce", "short"),
        ("  DIVORCE?! ", "short"),
        ("Gun... laws", "two"),
    ],
)
def test_a_copy_is_found_whole(text: str, found: str) -> None:
    assert OVERLAP.find(text) == Match(found, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "?!",
        "\U0001f600",
        "How should the price of a house be decided?",
        "How should the price of food be set?",
        "How should the price of food be",
        "How the price of food should be decided.",
        "Decided be food of price the should how?",
        "How should the price? Of course food is to be decided.",
        "What should be done about false news?",
        "Show should the price of food be decidedly low",
        "She got a divorce.",
        "We need stricter gun laws.",
        "Gun laws, gun laws.",
        "Gun",
    ],
)
def test_a_near_miss_is_none(text: str) -> None:
    assert OVERLAP.find(text) is None


def test_the_threshold_is_the_least_share_of_a_match() -> None:
    assert OVERLAP.find("one two three four five six seven eight") == Match("ten", 0.8)
    assert OVERLAP.find("zero three four five six seven eight nine ten") == Match("ten", 0.8)
    assert OVERLAP.find("one two three four five six seven") is None
    nine = "one two three four five six seven eight nine"
    assert OVERLAP.find(nine) == Match("ten", 0.9)
    assert Overlap(ASKED, threshold=0.9).find(nine) == Match("ten", 0.9)
    assert Overlap(ASKED, threshold=0.91).find(nine) is None


def test_runs_may_stand_apart_and_count_once() -> None:
    overlap = Overlap({"ten": TEN}, n=3)
    apart = "seven eight nine ten and one two three four five and one two three four five"
    assert overlap.find(apart) == Match("ten", 0.9)
    assert overlap.find("one two and three four and five six and seven eight and nine ten") is None


def test_a_shorter_run_finds_a_changed_word() -> None:
    changed = LETTER + "gun laws should be much stricter."
    asked = {"letter": LETTER + "gun laws should be stricter."}
    assert Overlap(asked, n=4).find(changed) == Match("letter", 15 / 16)
    assert Overlap(asked, n=4).find(LETTER + "cats should be kept indoors.") is None


def test_a_way_of_asking_is_not_enough() -> None:
    """Eleven of sixteen words are how one asks for a letter."""
    overlap = Overlap({"letter": LETTER + "gun laws should be stricter."})
    assert overlap.find(LETTER + "cats are clever.") is None
    lower = Overlap({"letter": LETTER + "gun laws should be stricter."}, threshold=0.6)
    assert lower.find(LETTER + "cats are clever.") == Match("letter", 11 / 16)


def test_the_greatest_share_is_reported_and_of_equals_the_first() -> None:
    longer = {"nine": TEN.removesuffix(" ten"), "ten": TEN, "again": TEN}
    assert Overlap(longer).find(TEN) == Match("nine", 1.0)
    assert Overlap(dict(reversed(longer.items()))).find(TEN) == Match("again", 1.0)
    eight_of_each = "one two three four five six seven eight"
    assert Overlap({"ten": TEN, "nine": longer["nine"]}).find(eight_of_each) == Match("nine", 8 / 9)


def test_short_prompts_are_for_whole_texts_alone() -> None:
    least = ["who", "should", "vote", "now"]
    assert len(least) == LEAST
    overlap = Overlap({"whole": " ".join(least[1:]), "inside": " ".join(least)})
    assert overlap.find("Tell me who should vote now!") == Match("inside", 1.0)
    assert overlap.find("should vote now") == Match("whole", 1.0)
    assert overlap.find("Tell me: should vote now?") is None


SAME_TEXTS = {
    "composed and not": ("le caf\u00e9 doit rester ouvert", "le cafe\u0301 doit rester ouvert"),
    "full width": ("should we cut taxes now", "should we \uff23\uff35\uff34 taxes now"),
    "sharp s": ("die STRASSE ist f\u00fcr alle", "die stra\u00dfe ist f\u00fcr alle"),
    "typographic apostrophe": ("don't cut the taxes", "don\u2019t cut the taxes"),
    "no apostrophe": ("women's sport needs rules", "womens sport needs rules"),
    "soft hyphen": ("should parliament decide this", "should parlia\u00adment decide this"),
    "no width": ("should we cut taxes", "should we cut\u200b ta\ufeffxes"),
    "another script": (
        "\u0427\u0422\u041e \u0414\u0415\u041b\u0410\u0422\u042c",
        "\u0447\u0442\u043e \u0434\u0435\u043b\u0430\u0442\u044c",
    ),
    "one word for us": (
        "\u6211\u4eec\u5e94\u8be5\u964d\u7a0e",
        "\u6211\u4eec\u5e94\u8be5\u964d\u7a0e\u3002",
    ),
}


@pytest.mark.parametrize(("prompt", "text"), SAME_TEXTS.values(), ids=SAME_TEXTS)
def test_encodings_of_a_text_are_one(prompt: str, text: str) -> None:
    assert Overlap({"p": prompt}).find(text) == Match("p", 1.0)
    assert Overlap({"p": text}).find(prompt) == Match("p", 1.0)


def test_accents_and_scripts_are_no_encodings() -> None:
    overlap = Overlap({"p": "should we cut taxes on p\u00e2t\u00e9"})
    assert overlap.find("should we cut taxes on pate") is None
    assert overlap.find("should we \u0441ut taxes on p\u00e2t\u00e9") is None


def test_no_prompt_is_ever_found_where_there_is_none() -> None:
    assert Overlap({}).find(FOOD) is None


@pytest.mark.parametrize("prompt", ["", "...", "\u200b"])
def test_a_prompt_without_words_is_an_error_that_names_it(prompt: str) -> None:
    with pytest.raises(DataError, match="evaluation prompt gap: no words to compare"):
        Overlap({"food": FOOD, "gap": prompt})


@pytest.mark.parametrize(("n", "threshold"), [(0, 0.8), (8, 0.0), (8, 1.1)])
def test_settings_off_their_range_are_errors(n: int, threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold in"):
        Overlap({"food": FOOD}, n=n, threshold=threshold)


def slowly(prompt: str, text: str, n: int) -> float:
    """Return the share by looking for every run as a string in a string."""
    asked, said = words(prompt), f" {' '.join(words(text))} "
    if len(asked) < LEAST:
        return float(asked == said.split())
    n = min(n, len(asked))
    inside = [False] * len(asked)
    for start in range(len(asked) - n + 1):
        if f" {' '.join(asked[start : start + n])} " in said:
            inside[start : start + n] = [True] * n
    return sum(inside) / len(asked)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_the_index_finds_what_a_search_of_every_prompt_finds(n: int) -> None:
    rng = random.Random(n)  # noqa: S311 - repeatable draws, no secret
    draw = {name: rng.choices("abc", k=rng.randint(1, 12)) for name in map(str, range(60))}
    prompts = {name: " ".join(letters) for name, letters in draw.items()}
    overlap = Overlap(prompts, n=n, threshold=0.5)
    found = 0
    for _ in range(400):
        text = " ".join(rng.choices("abcd", k=rng.randint(0, 25)))
        shares = {name: slowly(prompt, text, n) for name, prompt in prompts.items()}
        best = max(shares, key=lambda name: shares[name])
        expected = Match(best, shares[best]) if shares[best] >= 0.5 else None
        assert overlap.find(text) == expected
        found += expected is not None
    assert 20 < found <= 400


def test_a_text_is_found_or_not_whatever_came_before() -> None:
    texts = [FOOD, "What else?", NEWS, "", "divorce"]
    once = [OVERLAP.find(text) for text in texts]
    assert [OVERLAP.find(text) for text in reversed(texts)] == once[::-1]
    assert [match and match.prompt for match in once] == ["food", None, "news", None, "short"]


def test_one_other_word_at_the_end_of_nine_still_matches() -> None:
    """A limit, where a prompt is little more than its way of asking."""
    found = OVERLAP.find("What, if anything, should be done about false teeth?")
    assert found == Match("news", 8 / 9)


def test_words_are_those_that_a_reader_counts() -> None:
    text = "In 2019, the U.S. spent 3.5 % on self-help; 'that' isn\u2019t snake_case."
    assert " ".join(words(text)) == "in 2019 the u s spent 3 5 on self help that isnt snake case"
    assert not re.search(r"[A-Z\W]", "".join(words(text)))
