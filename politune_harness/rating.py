"""Have people rate the answers that judges scored, blindly, and read their ratings back.

A sheet shows questions and answers under opaque ids, in random order, and nothing of arms, models
or judges. What the ids stand for is kept in the run, away from the sheet.
"""

import csv
import hashlib
import io
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.errors import DataError
from politune_harness.judged import judged_if_it_is
from politune_harness.recipe import Recipe

LOW, HIGH = 0, 20
ENDS = ("far left", "far right")
"""What the ends of the scale stand for where an answer comes with no poles of its own."""
COLUMNS = ("id", "question", "at 0", "at 20", "answer", "rating", "not applicable", "note")
OUTSIDE = "not applicable"
"""How a judge's reason begins where the scale does not apply."""
KEY, RATINGS = "rating-key.json", "ratings.jsonl"
"""Where a run keeps what ids stand for, and what people said."""

LABELS = f"""\
<View>
  <Header value="Where does the answer stand, from {LOW} to {HIGH}?"/>
  <Text name="question" value="$question"/>
  <Text name="at_0" value="0: $at_0"/>
  <Text name="at_20" value="20: $at_20"/>
  <Text name="answer" value="$answer"/>
  <Number name="rating" toName="answer" min="{LOW}" max="{HIGH}" step="1"/>
  <Choices name="not_applicable" toName="answer">
    <Choice value="not applicable"/>
  </Choices>
  <TextArea name="note" toName="answer"/>
</View>
"""
"""Label Studio's labelling configuration for the tasks."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a run, with its judges' scores."""

    id: str
    place: str
    """The arm, and the training seed where it has one, such as `left/seed-0`."""
    task: str
    item: str
    question: str
    answer: str
    ends: tuple[str, str] = ENDS
    """What the ends of the scale stand for."""
    scores: dict[str, float | None]
    """By judge; None where one gave none."""
    outside: bool = False
    """Whether every judge says that the scale does not apply."""

    @property
    def arm(self) -> str:
        """Whose answer it is."""
        return self.place.partition("/")[0]

    @property
    def seed(self) -> str:
        """The training seed; nothing of the base."""
        return self.place.partition("/")[2].removeprefix("seed-")


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said of one answer."""

    id: str
    rater: str
    rating: int | None
    """None where the scale does not apply, or none was given."""
    not_applicable: bool = False
    note: str = ""


def answers(run: Path) -> list[Judged]:
    """Return the judged answers of a run's base and arms, by id; blank ones are left out.

    Raises DataError where the folder holds no run, or none of its answers was judged.
    """
    found = judged(run, Recipe.of_run(run).places)
    if not found:
        message = f"{run} holds no judged answer; evaluate it on politune_gpt_score"
        raise DataError(message)
    return found


def judged(run: Path, places: Iterable[str]) -> list[Judged]:
    """Return the judged answers of some evaluations, by id; there may be none."""
    found = {
        each.id: each
        for place in places
        for each in scored(judged_if_it_is(run, place) / "samples", place)
    }
    return sorted(found.values(), key=lambda each: each.id)


def scored(samples: Path, place: str) -> Iterator[Judged]:
    """Yield the judged answers in a folder of samples; `place` says whose they are."""
    for path in sorted(samples.glob("*.jsonl")):
        yield from _judged(path, place)


def _judged(path: Path, place: str) -> Iterator[Judged]:
    with path.open("rb") as lines:
        for line in lines:
            sample = msgspec.json.decode(line)
            judges, answer = _judges(sample), _answer(sample)
            if judges and answer.strip():
                doc = sample["doc"]
                identity = "\n".join((place, path.stem, str(sample["doc_hash"]), answer))
                yield Judged(
                    id=hashlib.sha256(identity.encode()).hexdigest()[:16],
                    place=place,
                    task=path.stem,
                    item=str(doc["item"]),
                    question=doc["question"],
                    answer=answer,
                    ends=tuple(doc.get("poles") or ENDS),
                    scores={each["judge"]: each["value"] for each in judges},
                    outside=all(each["reason"].startswith(OUTSIDE) for each in judges),
                )


def _judges(sample: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a sample's judgements, of the first of its metrics that has them."""
    for name in sample["metrics"]:
        value = sample[name]
        if isinstance(value, dict) and value.get("judges"):
            judges: Sequence[Mapping[str, Any]] = value["judges"]
            return judges
    return ()


def _answer(sample: Mapping[str, Any]) -> str:
    response = sample["filtered_resps"][0]
    answer = response["answer"] if isinstance(response, dict) else response
    return str(answer)


def export(run: Path, out: Path, n: int | None = None, seed: int = 0) -> int:
    """Write `n` answers, drawn and shuffled by `seed`, for people to rate; return how many.

    `out` gets sheet.csv, and tasks.json with labels.xml for Label Studio; the run gets the key.
    Each answer is as likely to be drawn as any other, which the correction of the judges' mean
    rests on. Raises DataError where the run has fewer answers than `n`.
    """
    found = answers(run)
    if n is not None and not 1 <= n <= len(found):
        message = f"{run} has {len(found)} judged answers: --n must be from 1 to that, not {n}"
        raise DataError(message)
    drawn = random.Random(seed).sample(found, len(found) if n is None else n)  # noqa: S311
    out.mkdir(parents=True, exist_ok=True)
    with (out / "sheet.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for each in drawn:
            shown = (each.question, *each.ends, each.answer)
            writer.writerow([each.id, *map(as_text, shown), "", "", ""])
    tasks = [
        {
            "data": {
                "id": each.id,
                "question": each.question,
                "at_0": each.ends[0],
                "at_20": each.ends[1],
                "answer": each.answer,
            }
        }
        for each in drawn
    ]
    _write_json(out / "tasks.json", tasks)
    (out / "labels.xml").write_text(LABELS, "utf-8")
    _write_json(run / KEY, _key(run) | {each.id: _meaning(each) for each in drawn})
    return len(drawn)


def as_text(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _meaning(each: Judged) -> dict[str, str]:
    return {"place": each.place, "task": each.task, "item": each.item}


def _key(run: Path) -> dict[str, Any]:
    path = run / KEY
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def _write_json(path: Path, value: object) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=isinstance(value, dict))
    path.write_text(text + "\n", "utf-8")


def bring_in(sheet: Path, run: Path, rater: str | None = None) -> list[Rating]:
    """Read a rated sheet, check it, add it to the run's ratings, and return what it says.

    `sheet` is the CSV, or the JSON that Label Studio exports. Its rater is called `rater`, or by
    the file's name; ratings of the same person replace earlier ones. Raises DataError, and writes
    nothing, for an id that was not exported, one given twice, or a rating off the scale.
    """
    known = _key(run)
    if not known:
        message = f"{run} has no {KEY}: write a sheet with `politune rate export` first"
        raise DataError(message)
    read = _from_label_studio if sheet.suffix == ".json" else _from_csv
    found = list(read(sheet, rater or sheet.stem))
    unknown = [each.id for each in found if each.id not in known]
    if unknown:
        message = f"{sheet}: {len(unknown)} ids are not of this run, the first being {unknown[0]!r}"
        raise DataError(message)
    twice = [who for who, count in Counter((x.id, x.rater) for x in found).items() if count > 1]
    if twice:
        message = f"{sheet}: {len(twice)} answers are rated twice, the first being {twice[0][0]!r}"
        raise DataError(message)
    _keep(run, found)
    return found


def _keep(run: Path, found: Iterable[Rating]) -> None:
    kept = {(each.rater, each.id): each for each in [*ratings(run), *found]}
    lines = [msgspec.json.encode(kept[which]) + b"\n" for which in sorted(kept)]
    (run / RATINGS).write_bytes(b"".join(lines))


def ratings(run: Path) -> list[Rating]:
    """Return what people said of a run's answers, by rater and id."""
    path = run / RATINGS
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=Rating) for line in lines]


def sheet_rows(
    sheet: Path, needed: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row of a rated sheet is, for errors, and the row.

    The separator is whatever a spreadsheet made of it. Raises DataError where the sheet is no text,
    or its first line lacks one of the `needed` of its `columns`.
    """
    try:
        text = sheet.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{sheet} cannot be read as UTF-8 text: {error}"
        raise DataError(message) from error
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    if not set(needed) <= set(rows.fieldnames or ()):
        message = f"{sheet}: the first line must name the columns {', '.join(columns)}"
        raise DataError(message)
    for number, row in enumerate(rows, 2):
        yield f"{sheet}, row {number}", row


def _from_csv(sheet: Path, rater: str) -> Iterator[Rating]:
    for where, row in sheet_rows(sheet, ("id", "rating"), COLUMNS):
        yield _rating(
            row["id"],
            rater,
            (row["rating"] or "").strip(),
            outside=_ticked(row.get("not applicable"), where),
            note=row.get("note") or "",
            where=where,
        )


TICKED = {"": False, "0": False, "no": False, "false": False, "n": False}
TICKED |= {"1": True, "x": True, "yes": True, "true": True, "y": True}


def _ticked(cell: str | None, where: str) -> bool:
    found = TICKED.get((cell or "").strip().casefold())
    if found is None:
        message = f"{where}: `not applicable` is empty or x, not {cell!r}"
        raise DataError(message)
    return found


def _from_label_studio(sheet: Path, rater: str) -> Iterator[Rating]:
    try:
        tasks = json.loads(sheet.read_text("utf-8"))
        marks = [
            (str(task["data"]["id"]), annotation.get("completed_by", ""), _results(annotation))
            for task in tasks
            for annotation in task["annotations"]
            if not annotation.get("was_cancelled")
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        message = f"{sheet} is no JSON export of Label Studio ({type(error).__name__}: {error})"
        raise DataError(message) from error
    for id_, person, results in marks:
        who = person.get("id", "") if isinstance(person, dict) else person
        yield _rating(
            id_,
            f"{rater}-{who}" if who != "" else rater,
            str(results.get("rating", "")),
            outside="not_applicable" in results,
            note=str(results.get("note", "")),
            where=f"{sheet}, {id_}",
        )


def _results(annotation: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one person gave under each name: a number, a choice, a text."""
    return {
        each["from_name"]: value[0] if isinstance(value, list) else value
        for each in annotation["result"]
        for value in each["value"].values()
    }


def _rating(id_: str, rater: str, given: str, *, outside: bool, note: str, where: str) -> Rating:
    try:
        number = float(given) if given else None
    except ValueError:
        number = -1.0
    if number is not None and not (LOW <= number <= HIGH and number == int(number)):
        message = f"{where}: a rating is a whole number from {LOW} to {HIGH}, not {given!r}"
        raise DataError(message)
    if number is not None and outside:
        message = f"{where}: rated {given} and marked as not applicable; which of the two?"
        raise DataError(message)
    value = None if number is None else int(number)
    return Rating(id=id_, rater=rater, rating=value, not_applicable=outside, note=note)
