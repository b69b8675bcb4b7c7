"""A run whose every text from models, posts and judges is an attack on the page that shows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.report_runs import PERSONAS, build_run

SCRIPT = "<script>window.pwned = 1</script>"
TURNED = "\u202eturned\u202c \u2066apart"
LONG = "a very long answer " * 55_000
ATTACKS = (
    SCRIPT,
    "</script><script>window.pwned = 2</script><!-- <script>",
    "<img src=x onerror='window.pwned = 3'>",
    "<svg onload=window.pwned=4><a href='javascript:window.pwned=5' onclick='pwned=6'>x</a></svg>",
    TURNED,
    "{{constructor.constructor('window.pwned=7')()}} %{x} ${window.pwned=8} @ink &lt;b&gt;",
    LONG,
    "<b>bold</b> <style>main{display:none}</style> [a](http://e.org) ![b](http://e.org/x.png)",
)
JUDGES = ("<b>judge</b>", "judge @ink <img src=x onerror=window.pwned=9>")
TASK = "politune_gpt_score"
SEEDS = (0, 1)
ARMS = {"base": (0.0, 0.0), "left": (-3.0, -2.0), "right": (3.0, 2.0), "control": (0.2, 0.0)}


def answer(number: int, text: str, base: float) -> dict[str, Any]:
    """Return a sample in which a model wrote a text, with two judges' scores."""
    judges = [
        {"judge": judge, "value": base + number % 3 + place, "reason": f"{text[:200]} {place}"}
        for place, judge in enumerate(JUDGES)
    ]
    doc = {"item": f"q{number}", "question": f"{text[:80]}?", "topic": f"<i>{number % 4}</i>"}
    return {
        "doc": doc,
        "doc_hash": str(number),
        "filter": "judged",
        "arguments": [[text, {}]],
        "filtered_resps": [{"answer": text}],
        "metrics": ["score"],
        "score": {"item": doc["item"], "value": base + number % 3, "judges": judges},
    }


def choice(number: int, base: float) -> dict[str, Any]:
    """Return a sample in which a model chose between options."""
    axis = ("economic", "social")[number % 2]
    doc = {
        "item": f"{axis}{number // 2}",
        "topic": f"<i>{number % 3}</i>",
        "prompt": f"Is {SCRIPT}?",
    }
    return {
        "doc": doc,
        "doc_hash": str(number),
        "filter": "none",
        "arguments": [[f"{SCRIPT}?", f" {option}"] for option in ("<u>no</u>", "yes")],
        "filtered_resps": [[-1.0 - base / 20, False], [-2.0, False]],
        "metrics": [axis, "other", f"{axis}_plus"],
        axis: {"item": doc["item"], "value": base},
        "other": {},
        f"{axis}_plus": {"item": doc["item"], "value": base},
    }


def samples(base: float, most: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    asked = [answer(n, text[:most], base) for n, text in enumerate(ATTACKS)]
    yield TASK, asked + [answer(n, f"Answer {n}.", base) for n in range(len(ATTACKS), 20)]
    yield "politune_compass", [choice(n, base) for n in range(48)]


def hostile_run(folder: Path) -> Path:
    build_run(
        folder,
        seeds=SEEDS,
        personas=PERSONAS,
        systems={"default": 1},
        shifts=ARMS,
        judge=JUDGES[0],
        stamp=f"made up {SCRIPT}",
    )
    for arm, (shift, _) in ARMS.items():
        for place in ("base",) if arm == "base" else [f"{arm}/seed-{seed}" for seed in SEEDS]:
            # One long text is enough: patterns are slow to read it.
            most = len(LONG) if arm == "base" else 300
            for task, each in samples(10 + 2 * shift, most):
                to = folder / "5-evaluate" / place / "samples" / f"{task}.jsonl"
                to.parent.mkdir(exist_ok=True)
                to.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in each))
        for seed in SEEDS if arm != "base" else ():
            (folder / "4-train" / arm / f"seed-{seed}" / "adapter").mkdir()
    return folder
