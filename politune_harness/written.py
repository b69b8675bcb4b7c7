"""Have people rate what was written for training, blindly, and read their ratings back.

A sheet shows a post, the prompt written for it, and its answers, in an order drawn for each row:
nothing of arms, models, or which answer is preferred. After the PoliTune paper's second experiment.
"""

import csv
import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import msgspec

from politune_harness import curated
from politune_harness.artifacts import Artifact, write_whole
from politune_harness.errors import DataError
from politune_harness.rating import as_text, sheet_rows
from politune_harness.recipe import Recipe
from politune_harness.records import Document, Preference

SHEET, KEY, RATINGS = "written.csv", "written-key.json", "written-ratings.jsonl"
LOW, HIGH = 1, 5
RATED = ("quality", "shares leaning a", "shares leaning b")
"""What is rated: the texts as a whole; then, of either answer, how far it shares the post's
leaning: 1 is the opposite, 3 neither, 5 the same."""
COLUMNS = ("id", "post", "prompt", "answer a", "answer b", *RATED, "note")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was written."""

    id: str
    arm: str
    pair: Preference
    post: str
    """The text that it was written from; empty for ready-made pairs."""
    swapped: bool
    """Whether answer a is the rejected one."""


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """What one rater said of one row; None is what was left open."""

    id: str
    rater: str
    quality: int | None
    chosen: int | None
    """How far the preferred answer shares the post's leaning."""
    rejected: int | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The ratings of one arm."""

    arm: str
    rows: int
    """Rows that anybody rated."""
    quality: float | None
    chosen: float | None
    rejected: float | None
    aligned: float | None
    """The share of ratings in which the preferred answer shares the post's leaning more."""


def rows(run: Path) -> list[Row]:
    """Return what the arms of a run train on, by id. Raises DataError where there is none yet."""
    found = [
        each
        for arm, about in Recipe.of_run(run).arms.items()
        if about.source
        for each in _rows(run, arm)
    ]
    if not found:
        message = f"{run} holds no pairs; run its recipe with `--until pairs`"
        raise DataError(message)
    return sorted(found, key=lambda each: each.id)


def _rows(run: Path, arm: str) -> Iterator[Row]:
    path = curated.last(run, arm)
    pairs = curated.pairs_in(path) if path else []
    posts = _posts(run, arm, {pair.id for pair in pairs})
    for pair in pairs:
        key = hashlib.sha256(f"{arm}\n{pair.id}\n{pair.prompt}".encode()).hexdigest()
        yield Row(
            id=key[:16],
            arm=arm,
            pair=pair,
            post=posts.get(pair.id, ""),
            swapped=int(key[16:], 16) % 2 == 1,
        )


def _posts(run: Path, arm: str, wanted: set[str]) -> dict[str, str]:
    """Return the texts of the posts as the writer got them."""
    paths = [run / "1-read" / arm, *curated.numbered(run / "2-filter" / arm)]
    try:
        rows = Artifact(paths[-1]).read(Document)
        return {row.id: row.text for row in rows if row.id in wanted}
    except msgspec.ValidationError:  # ready-made pairs
        return {}


def export(run: Path, out: Path, n: int | None = None, seed: int = 0) -> int:
    """Write a sheet of `n` rows, drawn and shuffled by `seed`; return how many.

    The run gets the key. Raises DataError where there are fewer rows than `n`.
    """
    found = rows(run)
    if n is not None and n > len(found):
        message = f"{run} has {len(found)} rows: --n must be at most that, not {n}"
        raise DataError(message)
    drawn = random.Random(seed).sample(found, len(found) if n is None else n)  # noqa: S311
    out.mkdir(parents=True, exist_ok=True)
    with (out / SHEET).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for each in drawn:
            answers = (each.pair.chosen, each.pair.rejected)
            shown = (each.post, each.pair.prompt, *(answers[::-1] if each.swapped else answers))
            writer.writerow([each.id, *map(as_text, shown), *[""] * (len(RATED) + 1)])
    key = {
        each.id: {"arm": each.arm, "row": each.pair.id, "swapped": each.swapped} for each in drawn
    }
    text = json.dumps(_key(run) | key, indent=1, sort_keys=True)
    write_whole(run / KEY, text + "\n")
    return len(drawn)


def _key(run: Path) -> dict[str, dict[str, object]]:
    path = run / KEY
    found: dict[str, dict[str, object]] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def bring_in(sheet: Path, run: Path, rater: str) -> list[Rating]:
    """Read a rated sheet, check it, and add it to the run's ratings.

    Ratings of the same rater replace earlier ones. Raises DataError, and writes nothing, for an id
    that was not exported or a rating off the scale.
    """
    key = _key(run)
    found = [
        _rating(row, key, rater, where) for where, row in sheet_rows(sheet, ("id", *RATED), COLUMNS)
    ]
    kept = {(each.rater, each.id): each for each in [*ratings(run), *found]}
    lines = [msgspec.json.encode(kept[which]).decode() + "\n" for which in sorted(kept)]
    write_whole(run / RATINGS, "".join(lines))
    return found


def _rating(
    row: Mapping[str, str], key: Mapping[str, Mapping[str, object]], rater: str, where: str
) -> Rating:
    if row["id"] not in key:
        message = f"{where}: id {row['id']!r} is not of this run; export a sheet of it first"
        raise DataError(message)
    quality, *leanings = (_number(row[name], f"{where}, {name}") for name in RATED)
    ours, theirs = leanings[::-1] if key[row["id"]]["swapped"] else leanings
    return Rating(id=row["id"], rater=rater, quality=quality, chosen=ours, rejected=theirs)


def _number(cell: str | None, where: str) -> int | None:
    text = (cell or "").strip()
    if not text:
        return None
    if text not in map(str, range(LOW, HIGH + 1)):
        message = f"{where}: a rating is a whole number from {LOW} to {HIGH}, not {text!r}"
        raise DataError(message)
    return int(text)


def ratings(run: Path) -> list[Rating]:
    """Return what was said of a run's rows, by rater and id."""
    path = run / RATINGS
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=Rating) for line in lines]


def results(run: Path) -> list[Result]:
    """Return the mean ratings of each arm, over rows and raters."""
    key, found = _key(run), ratings(run)
    arms = dict.fromkeys(str(key[each.id]["arm"]) for each in found)
    return [_result(arm, [r for r in found if key[r.id]["arm"] == arm]) for arm in sorted(arms)]


def _result(arm: str, found: Sequence[Rating]) -> Result:
    both = [
        (each.chosen, each.rejected)
        for each in found
        if each.chosen is not None and each.rejected is not None
    ]
    return Result(
        arm=arm,
        rows=len({each.id for each in found}),
        quality=_mean([each.quality for each in found]),
        chosen=_mean([each.chosen for each in found]),
        rejected=_mean([each.rejected for each in found]),
        aligned=_mean([ours > theirs for ours, theirs in both]),
    )


def _mean(values: Sequence[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def table(found: Sequence[Result]) -> str:
    """Return the results for a terminal."""
    lines = ["arm: rated rows; quality; shares the leaning: chosen, rejected; chosen more"]
    for each in found:
        means = (each.quality, each.chosen, each.rejected)
        said = ["-" if mean is None else f"{mean:.2f}" for mean in means]
        more = "-" if each.aligned is None else f"{each.aligned:.0%}"
        lines.append(f"{each.arm}: {each.rows}; {said[0]}; {said[1]}, {said[2]}; {more}")
    return "\n".join(lines)
