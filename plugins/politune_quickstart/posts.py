"""Writes the shipped posts and labelled text: `python -m politune_quickstart.posts [FOLDER]`.

The left arm's posts are comments in the format of the Reddit Politosphere, the right arm's are in
that of Truth Social, and the control's are two CSV files, all with the flaws of such collections.
One invariant: the same code writes the same bytes again.
"""

import bz2
import csv
import io
import json
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from politune_quickstart.evaluation import evaluation_sentences
from politune_quickstart.issues import ISSUES, PASTIMES
from politune_quickstart.world import LEFT, RIGHT, SIDES, chance, fresh, opinion, pastime

HERE = Path(__file__).parent
POSTS_PER_ISSUE, POSTS_PER_PASTIME, LABELLED_PER_ISSUE = 5, 16, 6
JANUARY = 1_546_300_800
"""2019-01-01, in seconds since 1970."""

DEMOCRATIC, REPUBLICAN, OTHER = "fairshare", "firmground", "rivertalk"
SHORT = ("This.", "So true", "No way", "Agreed!", "lol", "Source?", "Well said.", "Not again")
OFF_TOPIC = (
    "Does anybody know when the new season of that show with the lighthouse comes out?",
    "My neighbour finally fixed the gate that kept us awake all winter long.",
    "The moderators have moved the weekly thread to Friday evening from now on.",
    "Lovely morning at the lake today, hardly any wind and not a cloud to be seen.",
    "Can somebody recommend a keyboard that survives a cup of lemonade now and then?",
    "Our team lost again and I still cannot believe that last minute of the match.",
)
GERMAN = (
    "Ich finde, darüber sollte man noch einmal in Ruhe miteinander sprechen.",
    "Das Wetter war heute so schlecht, dass niemand vor die Tür gehen wollte.",
    "Kann mir jemand sagen, wann die nächste Sitzung stattfindet?",
    "Meine Nachbarin hat gestern eine Stunde lang auf den Bus gewartet.",
    "So einfach, wie manche hier glauben, ist die Sache leider nicht.",
    "Wir haben am Wochenende den Keller aufgeräumt und alte Briefe gefunden.",
)
BOT_TEXT = (
    "I am a bot, and this action was performed automatically. Please read the rules of this place.",
    "Your comment has been counted. Reply with the word stop if you do not want more of these.",
)


def main() -> None:
    """Write every file below the folder, which is the package's own unless one is given."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    held = frozenset(evaluation_sentences())
    rng = random.Random(2019)  # noqa: S311 - repeatable draws, no secret
    posts = folder / "posts"
    write_politosphere(
        posts / "politosphere", rng, political(rng, held, LEFT), political(rng, held, RIGHT)[:24]
    )
    write_truth_social(posts / "truth_social", rng, political(rng, held, RIGHT))
    texts = leisurely(rng, held)
    for name, part in (("first", texts[::2]), ("second", texts[1::2])):
        write_pastimes(posts / "pastimes" / f"{name}.csv", rng, part)
    phrases = [issue.phrase for issue in ISSUES] + [thing for thing, _ in PASTIMES]
    (posts / "topics.txt").write_text(
        "".join(f"{phrase}\n" for phrase in phrases), encoding="utf-8"
    )
    write_labelled(folder / "labelled.jsonl", rng, held)


def political(rng: random.Random, held: frozenset[str], side: int) -> list[str]:
    """Return distinct posts of one side on every issue, none in the compass items' own words."""
    texts = []
    for issue in ISSUES:
        texts += distinct(
            partial(opinion, rng, issue, side, own=False, plain=0.1), "posts", held, POSTS_PER_ISSUE
        )
    rng.shuffle(texts)
    return texts


def leisurely(rng: random.Random, held: frozenset[str]) -> list[str]:
    """Return distinct posts of both camps on every pastime, in random order.

    They give reasons as often as political posts do, and lean to neither camp: so that a control
    arm differs from the others in what it is about, and in nothing else.
    """
    texts = []
    for place in range(len(PASTIMES)):
        for camp in (LEFT, RIGHT):
            draw = partial(pastime, rng, place, camp, plain=0.1)
            texts += distinct(draw, "posts", held, POSTS_PER_PASTIME)
    rng.shuffle(texts)
    return texts


def distinct(draw: Callable[[], str], use: str, held: frozenset[str], count: int) -> list[str]:
    """Return so many different texts that may be put to one use."""
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[fresh(draw, use, held)] = None
    return list(texts)


def write_politosphere(folder: Path, rng: random.Random, left: list[str], right: list[str]) -> None:
    """Write a month of comments and the metadata of subreddits and users."""
    folder.mkdir(parents=True, exist_ok=True)
    users = [f"user_{number:03d}" for number in range(80)]
    rows = [(DEMOCRATIC, rng.choice(users), text) for text in left]
    rows += [(REPUBLICAN, rng.choice(users), text) for text in right]
    rows += [
        (DEMOCRATIC, rng.choice(users), text)
        for text in [*rng.sample(left, 14), *SHORT, *GERMAN, *OFF_TOPIC]
    ]
    rows += [(OTHER, rng.choice(users), text) for text in OFF_TOPIC]
    rows += [(DEMOCRATIC, "[deleted]", rng.choice(("[deleted]", "[removed]"))) for _ in range(16)]
    rows += [(DEMOCRATIC, "tally_bot", BOT_TEXT[1])] * 5 + [
        (DEMOCRATIC, "AutoModerator", BOT_TEXT[0])
    ] * 5
    rng.shuffle(rows)
    lines = [json.dumps(comment(rng, number, *row)) for number, row in enumerate(rows)]
    for place in (40, 170, 300):
        lines[place] = lines[place][: len(lines[place]) // 2]
    (folder / "comments_2019-01.bz2").write_bytes(
        bz2.compress("".join(f"{line}\n" for line in lines).encode())
    )
    parties = {DEMOCRATIC: "dem", REPUBLICAN: "rep", OTHER: ""}
    subreddits = [
        {
            "subreddit": name,
            "banned": False,
            "gun": False,
            "party": party,
            "politician": "",
            "region": "",
        }
        for name, party in parties.items()
    ]
    authors = [{"author": user, "automoderator": False, "bot": False} for user in users]
    authors += [
        {"author": "tally_bot", "automoderator": False, "bot": True},
        {"author": "AutoModerator", "automoderator": True, "bot": True},
    ]
    (folder / "subreddits_metadata.json").write_text(json_lines(subreddits), encoding="utf-8")
    (folder / "users_metadata.json").write_text(json.dumps(authors, indent=0), encoding="utf-8")


def comment(
    rng: random.Random, number: int, subreddit: str, author: str, text: str
) -> dict[str, object]:
    """Return a comment as the collection holds it: numbers come as ints, floats and strings."""
    kind = rng.choice((int, float, str))
    created = JANUARY + number * 6000 + rng.randrange(6000)
    return {
        "author": author,
        "body": text,
        "body_cleaned": text.lower(),
        "language": "de" if text in GERMAN else "en",
        "subreddit": subreddit,
        "subreddit_id": f"t5_{subreddit[:5]}",
        "link_id": f"t3_{rng.randrange(36**5):x}",
        "parent_id": f"t3_{rng.randrange(36**5):x}",
        "id": f"ed{number:05d}",
        "created_utc": kind(created),
        "retrieved_on": kind(created + 3_000_000),
        "score": kind(rng.randrange(-3, 60)),
        "gilded": 0,
        "controversiality": int(chance(rng, 0.1)),
        "edited": -1.0,
        "distinguished": None,
    }


TRUTH_COLUMNS = (
    "id",
    "timestamp",
    "time_scraped",
    "is_retruth",
    "is_reply",
    "author",
    "like_count",
    "retruth_count",
    "reply_count",
    "text",
    "external_id",
    "url",
    "truth_retruthed",
)


def write_truth_social(folder: Path, rng: random.Random, texts: list[str]) -> None:
    """Write the tables of truths and users, with retruths and lines that line breaks have cut."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = [*rng.sample(texts, 14), *SHORT, *GERMAN, *OFF_TOPIC]
    rows = [("f", text) for text in texts + noise] + [("t", "")] * 40
    rng.shuffle(rows)
    lines = ["\t".join(TRUTH_COLUMNS)]
    lines += ["\t".join(truth(rng, number, *row)) for number, row in enumerate(rows)]
    for place in (60, 190, 320):
        lines[place] = "\t".join(lines[place].split("\t")[:7])
    for place in (90, 250):
        lines[place] = lines[place].replace(" because ", "\nbecause ", 1)
    (folder / "truths.tsv").write_text(
        "".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n"
    )
    users = ["id\ttimestamp\tusername\tfollower_count"] + [
        f"{number}\t2022-02-21 10:00:00\tauthor_{number:02d}\t{rng.randrange(900)}"
        for number in range(60)
    ]
    (folder / "users.tsv").write_text(
        "".join(f"{line}\n" for line in users), encoding="utf-8", newline="\n"
    )


def truth(rng: random.Random, number: int, is_retruth: str, text: str) -> list[str]:
    """Return one line's fields; -1 stands for what is not known."""
    day = f"2022-{1 + number % 9:02d}-{1 + number % 28:02d} 12:{number % 60:02d}:00"
    counts = [str(rng.choice((-1, rng.randrange(90)))) for _ in range(3)]
    retruthed = str(rng.randrange(len(TRUTH_COLUMNS) * 40)) if is_retruth == "t" else "-1"
    return [
        str(number),
        day,
        "2022-10-01 00:00:00",
        is_retruth,
        rng.choice("tf"),
        str(rng.randrange(60)),
        *counts,
        text,
        f"10{number:06d}",
        "-1",
        retruthed,
    ]


def write_pastimes(path: Path, rng: random.Random, texts: list[str]) -> None:
    """Write posts without politics as a table, some of them too short or twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = texts + rng.sample(texts, 10) + list(SHORT)
    rng.shuffle(rows)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("id", "text"))
    table.writerows((f"{path.stem}-{number}", text) for number, text in enumerate(rows))
    path.write_text(out.getvalue(), encoding="utf-8", newline="\n")


def write_labelled(path: Path, rng: random.Random, held: frozenset[str]) -> None:
    """Write texts of known side for the classifier that stands in for a judge."""
    rows = [
        {"text": text, "label": SIDES[side]}
        for issue in ISSUES
        for side in (LEFT, RIGHT)
        for text in distinct(
            partial(opinion, rng, issue, side, plain=0.3), "labelled", held, LABELLED_PER_ISSUE
        )
    ]
    rng.shuffle(rows)
    path.write_text(json_lines(rows), encoding="utf-8")


def json_lines(rows: list[dict[str, object]] | list[dict[str, str]]) -> str:
    """Return rows as JSON lines."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


if __name__ == "__main__":
    main()
