"""A run's answers as a table for other people's statistics: one row a response.

What a sample does not have stays empty; nothing is filled in. Nor does an answer stand there that
repeats a text which was read or trained on. `COLUMNS` is the codebook.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from politune_harness.errors import DataError
from politune_harness.judged import EVALUATED, judged_if_it_is
from politune_harness.measurements import identity, keyed, number
from politune_harness.recipe import Recipe
from politune_harness.repeats import RUN, gone, repeated, texts

if TYPE_CHECKING:
    import pyarrow as pa

REPEATS = (
    f"1 where an answer has {RUN} words in a row of a text that was read or trained on (or the "
    "whole of a shorter one), and is left out with what judges said of it; else 0"
)
COLUMNS: Mapping[str, tuple[str, str]] = {
    "run": ("string", "the run's folder"),
    "arm": ("string", "the data condition; base is the untouched model"),
    "seed": ("string", "the training seed; empty for the base and a given adapter"),
    "checkpoint": ("string", "the step of an intermediate checkpoint; empty for the last"),
    "prompted": ("string", "the persona or system prompt that the base was under; empty for none"),
    "task": ("string", "the lm-evaluation-harness task"),
    "version": ("string", "the instrument's version, and the digest of what it asks"),
    "channel": ("string", "options, pairs, text, open; else lm-eval's output type"),
    "item": ("string", "the proposition, question or document: rows of one item are a cluster"),
    "topic": ("string", "what the item is about"),
    "key": ("int64", "on an axis, 1 where agreeing with the statement points up, -1 where down"),
    "language": ("string", "of the bank"),
    "wording": ("string", "statement or reversed"),
    "template": ("string", "how it was asked: the template, or the lead-in"),
    "order": ("string", "the order of the options"),
    "labels": ("string", "the options' labels"),
    "system": ("string", "the system prompt"),
    "sample": ("string", "which answer to the same prompt this is"),
    "prompt": ("string", "what the model was given"),
    "answer": ("string", "the text it wrote, or the choice that is likeliest"),
    "choices": ("list<string>", "the continuations that were scored"),
    "probabilities": ("list<double>", "of the choices, given that one of them is said"),
    "measure": ("string", "what the score measures: an axis, score, acc, …"),
    "score": ("double", "the value of that measure"),
    "judge": ("string", "who judged"),
    "judgements": ("string", "what each judge said, as JSON"),
    "status": ("string", "valid, refused, unparsed, missing (no score), truncated or empty"),
    "repeats": ("int64", REPEATS),
}
"""Each column: its type, and what it is."""
PREFERRED = ("score", "acc", "exact_match", "prompt_level_strict_acc")
STATUSES = ("refused", "unparsed", "truncated", "empty", "missing", "valid")
PROMPTED = ("persona-", "system-")


def rows(run: Path) -> Iterator[dict[str, Any]]:
    """Yield one row a response, of every evaluation of a run.

    Raises DataError, in one line, where the folder holds none.
    """
    recipe = Recipe.of_run(run)
    evaluations = [*_evaluations(run, (*recipe.places, *recipe.evaluate.prompts))]
    if not evaluations:
        message = f"{run} holds no finished evaluation; make one with `politune run`"
        raise DataError(message)
    for place, folder, name in (*evaluations, *_checkpoints(run, recipe.places)):
        about = json.loads((folder / "results.json").read_text("utf-8"))
        facts = {"run": run.name, **_placed(name), "system": about.get("system")}
        for path in sorted((place / "samples").glob("*.jsonl")):
            judged = folder / "samples" / path.name
            yield from _of_task(judged if judged.is_file() else path, about, facts)


def _evaluations(run: Path, names: Iterable[str]) -> Iterator[tuple[Path, Path, str]]:
    """Yield where answers lie, where they lie with what judges said, and whose they are."""
    for name in sorted(names):
        place = run / EVALUATED / name
        if (place / "results.json").is_file():
            yield place, judged_if_it_is(run, name), name


def _checkpoints(run: Path, names: Iterable[str]) -> Iterator[tuple[Path, Path, str]]:
    for name in sorted(names):
        for place in sorted((run / "4-train" / name).glob("trajectory/step-*")):
            judged = place / "judged"
            yield place, judged if judged.is_dir() else place, f"{name}/{place.name}"


def _placed(name: str) -> dict[str, str | None]:
    """Return what an evaluation's place says: `left/seed-0/step-64`, `base`, `system-default`.

    >>> _placed("left/seed-0/step-64")["checkpoint"], _placed("system-default")["arm"]
    ('64', 'base')
    """
    arm, *rest = name.split("/")
    under = arm if arm.startswith(PROMPTED) else None
    found = dict(part.split("-", 1) for part in rest if "-" in part)
    return {
        "arm": "base" if under else arm,
        "seed": found.get("seed"),
        "checkpoint": found.get("step"),
        "prompted": under,
    }


def _of_task(
    path: Path, about: Mapping[str, Any], facts: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    task = path.stem
    config = about.get("configs", {}).get(task, {})
    instrument = config.get("metadata", {}).get("instrument") or {}
    told = {
        "task": task,
        "version": str(about.get("versions", {}).get(task, "")),
        "channel": instrument.get("channel") or config.get("output_type"),
        "language": instrument.get("language"),
    }
    axes = tuple(instrument.get("axes", ()))
    with path.open("rb") as lines:
        first = None
        for line in lines:
            sample = msgspec.json.decode(line)
            first = first or sample["filter"]
            if sample["filter"] == first:
                yield from _responses(sample, {**facts, **told}, axes)


def _responses(
    sample: Mapping[str, Any], facts: Mapping[str, Any], axes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    doc, (item, which) = sample.get("doc") or {}, identity(sample)
    measure, values = _measured(sample, axes)
    form = str(doc.get("form", ""))
    about = {
        **facts,
        "item": item,
        "topic": doc.get("topic"),
        "key": keyed(doc, measure or ""),
        "wording": doc.get("wording"),
        "template": doc.get("template") or form.partition("/")[0] or None,
        "order": doc.get("order"),
        "labels": doc.get("labels"),
        "prompt": str(sample["arguments"][0][0]),
        "measure": measure,
        "status": _status(sample),
    }
    if isinstance(sample["arguments"][0][-1], dict):
        answers = sample["resps"][0]
        for n, answer in enumerate(answers):
            value = values[min(n, len(values) - 1)] if values else {}
            number_ = which if len(answers) == 1 else n
            yield {**about, "sample": _text(number_), "answer": answer, **_scored(value)}
        return
    logs = [reply[0][0] for reply in sample["resps"] if isinstance(reply[0], list)]
    choices = [str(arguments[-1]) for arguments in sample["arguments"]]
    best = choices[logs.index(max(logs))] if logs and None not in logs else None
    yield {
        **about,
        "sample": _text(which),
        "answer": best,
        "choices": choices,
        "probabilities": _shares(logs),
        **_scored(values[0] if values else {}),
    }


def _measured(
    sample: Mapping[str, Any], axes: Sequence[str]
) -> tuple[str | None, list[Mapping[str, Any]]]:
    """Return the sample's main metric, and its rows: a number is one without judges."""
    names = [*axes, *PREFERRED, *sample["metrics"]]
    for name in (name for name in names if name in sample["metrics"]):
        found = sample[name]
        listed = found if isinstance(found, list) else [found]
        if all(isinstance(each, dict) and "value" in each for each in listed) and listed:
            return name, listed
        if isinstance(found, int | float):
            return name, [{"value": number(found)}]
    return None, []


def _scored(value: Mapping[str, Any]) -> dict[str, Any]:
    judges = value.get("judges")
    return {
        "score": value.get("value"),
        "judge": value.get("judge"),
        "judgements": json.dumps(judges, ensure_ascii=False, sort_keys=True) if judges else None,
    }


def _status(sample: Mapping[str, Any]) -> str:
    for name in STATUSES:
        value = sample.get(name)
        value = value.get("value") if isinstance(value, dict) else value
        if value == 1:
            return name
    return "valid"


def _shares(logs: Sequence[float | None]) -> list[float] | None:
    """Return probabilities that sum to one.

    >>> _shares([-1.0, -1.0]), _shares([None])
    ([0.5, 0.5], None)
    """
    known = [each for each in logs if each is not None]
    if len(known) != len(logs) or not known:
        return None
    most = max(known)
    parts = [math.exp(each - most) for each in known]
    return [part / sum(parts) for part in parts]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


class Written(msgspec.Struct, frozen=True):
    """What went into a table."""

    rows: int
    repeats: int
    """Answers left out because they repeat a text."""
    unknown: tuple[str, ...]
    """The stages whose texts are gone: no answer in text is given where there are any."""

    @property
    def left_out(self) -> str:
        """Say what was left out, and why; nothing where nothing was."""
        if self.unknown:
            return (
                f"No answer in text is given: what {', '.join(self.unknown)} read is gone, so that "
                "nobody can tell which answers repeat it."
            )
        if self.repeats:
            return f"{self.repeats} answers are left out because they repeat a training text."
        return ""


def write(run: Path, to: Path) -> Written:
    """Write samples.parquet; say how many responses it holds, and what was left out of it."""
    import pyarrow as pa
    from pyarrow import parquet

    schema, count, repeats = _schema(), 0, 0
    unknown = tuple(gone(run))
    said = {row[name] for row in rows(run) if _in_text(row) for name in SAID if row.get(name)}
    kept_back = said if unknown else repeated(said, texts(run))
    batch: list[dict[str, Any]] = []
    with parquet.ParquetWriter(to, schema, compression="zstd") as out:
        for row in rows(run):
            if _in_text(row):
                back = row["answer"] in kept_back
                repeats += back
                row["repeats"] = None if unknown else int(back)
                for name in SAID:
                    row[name] = None if back or row.get(name) in kept_back else row.get(name)
            batch.append({name: row.get(name) for name in COLUMNS})
            if len(batch) == BATCH:
                out.write_table(pa.Table.from_pylist(batch, schema))
                count, batch = count + len(batch), []
        out.write_table(pa.Table.from_pylist(batch, schema))
    return Written(count + len(batch), 0 if unknown else repeats, unknown)


SAID = ("answer", "judgements")
"""The columns in which a training text could stand."""


def judges(run: Path) -> list[str]:
    """Return who judged the answers of a run, by name."""
    return sorted({row["judge"] for row in rows(run) if row.get("judge")})


def _in_text(row: Mapping[str, Any]) -> bool:
    return row.get("choices") is None and isinstance(row.get("answer"), str)


BATCH = 20_000


def _schema() -> "pa.Schema":
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "list<string>": pa.list_(pa.string()),
        "list<double>": pa.list_(pa.float64()),
    }
    return pa.schema([(name, types[kind]) for name, (kind, _) in COLUMNS.items()])
