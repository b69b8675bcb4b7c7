"""What the browser of samples shows: each prompt with the answers of every arm beside each other.

Text from models and posts is data here: signs that no one sees, or that turn the direction of what
follows, are told by their numbers, and the page puts all of it in as text.
"""

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.judged import EVALUATED, judged_if_it_is
from politune_harness.measurements import number
from politune_harness.report.instruments import OTHER_WAYS
from politune_harness.report.rates import QUALITY
from politune_harness.report.reading import Run

MOST_PROMPTS = 300
"""How many prompts of one task are shown; of more, evenly spaced ones."""
MOST_ANSWERS = 3
"""How many answers of one model to one prompt are shown."""
LONGEST = 4000
"""How many characters of one text are shown."""

READINGS = tuple(f"_{way}" for way in OTHER_WAYS)

Sample = Mapping[str, Any]


def samples(folder: Path, run: Run) -> dict[str, Any]:
    """Return the prompts that are shown of each task, with answers by arm, and how many there are.

    An answer is `[seed, text, score, why]`; in place of a text stand the options with their shares
    of the probability, where the model chose between some. `first` is a task to begin with.
    """
    tasks = sorted(path.stem for path in (folder / EVALUATED / "base" / "samples").glob("*.jsonl"))
    held = {task: each for task in tasks if (each := _task(folder, run, task))}
    written = (task for task, each in held.items() if _is_text(each["cards"][0]))
    return {"arms": [*run.arms], "tasks": held, "first": next(written, None)}


def _is_text(card: Mapping[str, Any]) -> bool:
    return all(isinstance(each[1], str) for arm in card["answers"].values() for each in arm)


def _task(folder: Path, run: Run, task: str) -> dict[str, Any] | None:
    prompts: dict[str, dict[str, Any]] = {}
    for arm, seeds in run.arms.items():
        for seed in seeds:
            place = f"{arm}/{_folder(seed)}" if seed else arm
            for sample in _read(folder, place, task):
                prompt = _prompt(sample)
                card = prompts.setdefault(
                    prompt,
                    {
                        "item": _about(sample, "item") or visible(sample["doc_hash"])[:16],
                        "topic": _about(sample, "topic"),
                        "prompt": visible(prompt),
                        "answers": {},
                    },
                )
                mine = card["answers"].setdefault(arm, [])
                if sum(each[0] == seed for each in mine) < MOST_ANSWERS:
                    mine.append([seed, *_answer(sample)])
    step = -(-len(prompts) // MOST_PROMPTS) or 1
    cards = [*prompts.values()][::step]
    return {"of": len(prompts), "cards": cards} if cards else None


def _folder(seed: str) -> str:
    return f"seed-{seed}" if seed.isdigit() else seed


def _read(folder: Path, place: str, task: str) -> Iterator[Sample]:
    """Yield the samples of one model: as they were judged, where any of a task's were."""
    for source in (judged_if_it_is(folder, place), folder / EVALUATED / place):
        path = source / "samples" / f"{task}.jsonl"
        if path.is_file():
            with path.open("rb") as lines:
                yield from map(msgspec.json.decode, lines)
            return


def _about(sample: Sample, name: str) -> str:
    doc = sample["doc"]
    return visible(doc.get(name) or "") if isinstance(doc, dict) else ""


def _prompt(sample: Sample) -> str:
    """Return what was asked, without the marks of the chat template where the document has it."""
    doc = sample["doc"]
    asked = doc.get("question") or doc.get("prompt") if isinstance(doc, dict) else None
    return str(asked or (sample.get("arguments") or [[""]])[0][0])


def _answer(sample: Sample) -> list[Any]:
    """Return what was answered, its score, and the reasons for that."""
    said = sample["filtered_resps"]
    first = said[0] if said else ""
    text: Any
    if isinstance(first, list):
        text = _options(sample)
    else:
        text = visible(first["answer"] if isinstance(first, dict) else first)
    return [text, _scores(sample), _reasons(sample)]


def _options(sample: Sample) -> list[list[Any]]:
    """Return each option with its share of the probability of all of them."""
    likely = [each[0] for each in sample["filtered_resps"]]
    top = max(likely)
    shares = [math.exp(each - top) for each in likely]
    said = [each[1] for each in sample["arguments"]]
    return [
        [visible(option).strip(), round(share / sum(shares), 3)]
        for option, share in zip(said, shares, strict=False)
    ]


def _scores(sample: Sample) -> dict[str, float | None]:
    """Return the value of each metric of one sample, where it is one number.

    That an answer is not empty, not refused and so on goes without saying, and another reading of
    the same answer is left out.
    """
    found = {}
    for name in sample["metrics"]:
        value = sample[name]
        if isinstance(value, dict):
            value = value.get("value", [])  # none at all: the metric is of other items
        told = value is None or isinstance(value, (int, float))
        if told and (value or name not in QUALITY) and not name.endswith(READINGS):
            found[visible(name)] = _rounded(value)
    return found


def _rounded(value: float | None) -> float | None:
    told = number(value)
    return told if told is None else round(told, 2)


def _reasons(sample: Sample) -> list[list[Any]]:
    """Return what each judge said: its name, value and reason."""
    return [
        [visible(each["judge"]), _rounded(each["value"]), visible(each["reason"] or "")]
        for judges in _judgements(sample)
        for each in judges
    ]


def _judgements(sample: Sample) -> Iterator[Sequence[Mapping[str, Any]]]:
    for name in sample["metrics"]:
        value = sample[name]
        if isinstance(value, dict) and value.get("judges"):
            yield value["judges"]


def visible(text: object) -> str:
    r"""Return text in which nothing is hidden, on as many lines as it has, and not too long.

    >>> visible("a\u202eb\n\x00")
    'a⟨U+202E⟩b\n⟨U+0000⟩'
    """
    whole = str(text)
    kept = "".join(c if _plain(c) else f"⟨U+{ord(c):04X}⟩" for c in whole[:LONGEST])
    cut = len(whole) - LONGEST
    return kept if cut <= 0 else f"{kept} … ({cut:,} characters more)"


def _plain(sign: str) -> bool:
    return sign in "\n\t" or unicodedata.category(sign)[0] != "C"
