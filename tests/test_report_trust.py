"""What the report says of how far to trust its numbers: prompts, channels, banks, languages."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from politune_harness import report
from politune_harness.measurements import Measurement
from politune_harness.report import compass_figure
from politune_harness.report.findings import Findings
from politune_harness.report.numbers import MINUS
from politune_harness.report.text import report as written
from politune_harness.report.told import tell
from tests.report_runs import CONFIGS, PERSONAS, Rows, bank, build_run

BOTH = {"economic": (-3.0, 3.0), "social": (-3.0, 3.0)}
SMALL = {"base": (0.0, 0.0), "left": (-3.0, -3.0)}


def found(folder: Path) -> tuple[Findings, str]:
    """Return a run's findings and its report, without drawing figures."""
    told = tell(folder)
    return told.findings, written(told, set()).replace(MINUS, "-")


def part(text: str, title: str) -> str:
    """Return one section of a report."""
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def asked(*tasks: str) -> dict[str, list[str]]:
    return {"bias": ["politune_compass", "politune_compass_pairs", *tasks]}


def channel(task: str, slope: float, items: int = 24) -> Rows:
    """Make the rows of one more channel, which moves `slope` times as far."""

    def rows(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        for axis, moved in zip(("economic", "social"), shift, strict=True):
            for item in range(items):
                value = slope * moved + rng.normal(0, 0.3)
                yield Measurement(task=task, metric=axis, item=f"{axis}{item}", value=value)

    return rows


def unruly(task: str, slope: float) -> Rows:
    """Make a channel that obeys personas, which move 3 either way, and moves arms `slope` times."""

    def rows(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        obeys = abs(slope) if shift in ((3.0, 3.0), (-3.0, -3.0)) else slope
        yield from channel(task, obeys)(rng, shift)

    return rows


def test_a_shift_is_also_a_share_of_the_persona_range(tmp_path: Path) -> None:
    findings, text = found(build_run(tmp_path / "run", personas=PERSONAS))
    wide = findings.results["personas"]["politune_compass"]["economic"]
    assert wide["value"] == pytest.approx(wide["high_persona"] - wide["low_persona"])
    moved = findings.between("left", "base")["politune_compass", "economic"]
    share = findings.share("left", "politune_compass", "economic")
    assert share is not None
    for end in ("value", "low", "high"):
        assert share[end] == pytest.approx(moved[end] / wide["value"])
    assert findings.share("left", "politune_compass", "social") is None
    assert f"{abs(share['value']):.0%}".replace("%", " % of the persona range") in text


def test_a_persona_is_for_its_own_measure_alone(tmp_path: Path) -> None:
    findings, text = found(build_run(tmp_path / "run", personas={"economic": (-3, 3)}))
    assert set(findings.results["personas"]) == {"politune_compass", "politune_compass_pairs"}
    assert findings.results["insensitive"] == []
    assert findings.results["untested"] == [
        "politune_compass social",
        "politune_compass_pairs social",
        "politune_gpt_score score",
    ]
    assert r"No personas were put to politune_compass social" in text


def test_system_prompts_are_told_beside_none(tmp_path: Path) -> None:
    systems = {"default": 0.0, "deployment": 2.0}
    findings, text = found(build_run(tmp_path / "run", personas=BOTH, systems=systems))
    rows = {(r["system"], r["task"], r["metric"]): r for r in findings.results["systems"]}
    moved = rows["deployment", "politune_compass_pairs", "economic"]
    assert moved["low"] > 0
    assert moved["share"]["value"] == pytest.approx(2 / 6, abs=0.1)
    still = rows["default", "politune_compass_pairs", "economic"]
    assert abs(still["value"]) < moved["value"] / 2
    shown = part(text, "What system prompts do to the base")
    assert "| `politune_compass` | economic | deployment |" in shown
    assert "No other system prompts" not in text
    assert "| system-deployment | Be deployment. |" in part(text, "How it was measured")


@pytest.mark.parametrize(
    ("slope", "how"),
    [(-1.0, "opposite sides"), (1.0, None), (0.0, "insensitive")],
    ids=["against the others", "with the others", "dead"],
)
def test_channels_that_disagree_are_named(tmp_path: Path, slope: float, how: str | None) -> None:
    folder = build_run(
        tmp_path / "run",
        personas=BOTH,
        shifts={"base": (0, 0), "left": (-2, -2)},
        evaluate=asked("other"),
        also=unruly("other", slope),
        configs={**CONFIGS, "other": {"metadata": bank("text")}},
    )
    findings, text = found(folder)
    both = {c["metric"]: c for c in findings.results["channels"] if c["arm"] == "left"}
    verdicts = {d["how"] for d in both["economic"]["disagree"] if "other" in d["tasks"]}
    if how == "insensitive":
        assert "other economic" in findings.results["insensitive"]
        assert "other" not in both["economic"]["tasks"]
    else:
        assert verdicts == ({how} if how else set())
    assert ("Channels disagree about left on economic" in text) is (how == "opposite sides")


def test_channels_of_other_banks_are_not_compared(tmp_path: Path) -> None:
    folder = build_run(
        tmp_path / "run",
        personas=BOTH,
        shifts={"base": (0, 0), "left": (-2, -2)},
        evaluate=asked("other"),
        also=unruly("other", -1),
        configs={**CONFIGS, "other": {"metadata": bank("options", bank="another")}},
    )
    findings, text = found(folder)
    assert all("other" not in each["tasks"] for each in findings.results["channels"])
    assert "moved right on economic by `other` (" in text
    assert "moved left on economic by `politune_compass` (" in text


def test_a_position_without_its_options_is_unusable(tmp_path: Path) -> None:
    def elsewhere(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        mass = 0.2 if shift[0] < -1 else 0.9
        yield from channel("other", 1)(rng, shift)
        yield Measurement(task="other", metric="option_mass", item="economic0", value=mass)

    folder = build_run(
        tmp_path / "run",
        shifts={"base": (0, 0), "left": (-3, -3), "right": (3, 3)},
        evaluate={"bias": ["other"]},
        also=elsewhere,
        configs={"other": {"metadata": bank("options")}},
    )
    findings, text = found(folder)
    assert findings.results["unusable"] == [["left", "other"]]
    assert "moved left on economic ‡ (" in text
    assert "moved right on economic (" in text
    positions = {line.split(" | ")[0]: line for line in part(text, "Positions").splitlines()}
    assert "‡" in positions["| left"]
    assert "‡" not in positions["| right"] + positions["| base"]
    row = next(r for r in part(text, "Differences").splitlines() if "economic |" in r)
    assert [("‡" in cell) for cell in row.split(" | ")[2:]] == [True, False, True]
    assert "the position is unusable" in text.partition("## Positions")[0]


def test_half_of_the_mass_is_enough(tmp_path: Path) -> None:
    def half(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        yield Measurement(task="politune_compass_pairs", metric="option_mass", item="a", value=0.5)

    findings, _ = found(build_run(tmp_path / "run", shifts=SMALL, also=half))
    assert findings.results["unusable"] == []


def test_habits_and_other_readings_have_their_tables(tmp_path: Path) -> None:
    told = {
        "economic_spread,none": 0.4,
        "economic_argmax,none": -7.125,
        "asymmetry,none": 0.25,
        "order_effect,none": -0.5,
        "economic_low,none": -9.9,
        "sample_len": 7,
    }
    folder = build_run(tmp_path / "run", shifts=SMALL, results={"politune_compass": told})
    findings, text = found(folder)
    kept = {"asymmetry", "economic_argmax", "economic_spread", "order_effect"}
    assert findings.results["aggregates"]["left"]["politune_compass"].keys() == kept
    habits = part(text, "Coverage and consistency")
    assert "| `politune_compass` | asymmetry | 25.0 | 25.0 |" in habits
    assert "| `politune_compass` | order_effect | -0.50 | -0.50 |" in habits
    readings = part(text, "The same positions, read in other ways")
    assert "| `politune_compass` | economic | left | -7.1 | - | - | - |" in readings


def test_what_is_missing_has_the_bounds_that_the_task_gives(tmp_path: Path) -> None:
    def unanswered(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        for item in range(24):
            yield Measurement(task="politune_compass", metric="economic", item=f"economic{item}")

    told = {"economic_if_low,none": -4.5, "economic_if_high,none": 3.25}
    folder = build_run(
        tmp_path / "run",
        shifts=SMALL,
        also=unanswered,
        results={"politune_compass": told},
    )
    findings, text = found(folder)
    assert findings.results["bounds"]["left"]["politune_compass"]["economic"] == [-4.5, 3.25]
    shown = part(text, "Positions")
    assert "if all missing were left … right" in shown
    assert "| -4.5 … 3.2 |" in shown
    assert "if all missing were libertarian … authoritarian" in shown


@pytest.mark.parametrize("count", [1, 2, 3])
def test_axes_are_those_of_the_bank(tmp_path: Path, count: int) -> None:
    names = ("galtan", "economic", "integration")[:count]
    ends = {"galtan": ("GAL", "TAN"), "economic": ("left", "right"), "integration": ("pro", "anti")}
    axes = {name: dict(zip(("low", "high"), ends[name], strict=True)) for name in names}

    def rows(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        for axis in names:
            for item in range(12):
                value = 2 * shift[0] + rng.normal(0, 0.5)
                yield Measurement(task="eu", metric=axis, item=f"{axis}{item}", value=value)

    folder = build_run(
        tmp_path / "run",
        shifts={"base": (0, 0), "left": (-2, 0)},
        personas={"galtan": (-2, 2)},
        evaluate={"bias": ["eu"]},
        also=rows,
        configs={"eu": {"metadata": bank("options", bank="eu", axes=axes)}},
    )
    findings, text = found(folder)
    assert findings.axes("eu") == list(names)
    assert findings.headline == [("eu", axis) for axis in names]
    assert findings.results["insensitive"] == []
    assert "moved GAL on galtan (-" in text
    assert "galtan (- GAL, + TAN)" in text
    assert len(compass_figure.panels(findings)) == (3 if count == 3 else 1)
    report.write(folder)
    assert (folder / "figures" / "compass.png").stat().st_size > 10_000


def people(**about: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401
    facts = {"bank": "politune", "version": 2, "hash": "ab12cd", "n": 420, "groups": {}}
    axes = {"economic": {"mean": -1.25, "sd": 3.0, "omega": 0.9}}
    return [{**facts, "axes": axes, **about}]


def test_every_report_says_that_nobody_was_asked(tmp_path: Path) -> None:
    folder = build_run(tmp_path / "run", shifts=SMALL)
    assert "**No human norms**" in part(found(folder)[1], "What happened")
    (folder / "norms.json").write_text(json.dumps(people(hash="another")))
    assert "**No human norms**" in part(found(folder)[1], "What happened")
    (folder / "norms.json").write_text(json.dumps(people()))
    findings, text = found(folder)
    assert "No human norms" not in text
    assert findings.results["norms"]["politune_compass"]["n"] == 420
    assert "| politune | economic | all | 420 | -1.2 | 3.0 |" in part(text, "Human norms")


def german(*, reviewed: bool) -> dict[str, Any]:
    about = {"bank": "politune-de", "language": "de", "translation_of": "politune"}
    return {**CONFIGS, "de": {"metadata": bank("options", reviewed=reviewed, **about)}}


def translated(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
    """Answer the German items as the English ones, but for one, and leave out another."""
    for item in range(23):
        value = 9.5 if item == 7 else float(np.random.default_rng(item).normal(0, 2))
        yield Measurement(task="de", metric="economic", item=f"economic{item}", value=value)


@pytest.mark.parametrize("compare", [False, True])
def test_items_are_told_by_language_and_means_only_when_asked(
    tmp_path: Path, *, compare: bool
) -> None:
    folder = build_run(
        tmp_path / "run",
        shifts=SMALL,
        evaluate={**asked("de"), "compare_languages": compare},
        also=translated,
        configs=german(reviewed=compare),
    )
    findings, text = found(folder)
    (table,) = findings.results["languages"]
    assert (table["tasks"], table["languages"]) == (["politune_compass", "de"], ["en", "de"])
    assert table["items"][0]["item"] == "economic7"
    assert len(table["items"]) == 23
    sizes = [abs(row["difference"]) for row in table["items"]]
    assert sizes == sorted(sizes, reverse=True)
    shown = part(text, "Item by item in two languages")
    assert ("The two means are not compared" in shown) is not compare
    assert ("All items, de - en: " in shown) is compare
    assert (table["mean"] is not None) is compare
    assert ("**unreviewed translation**" in shown) is not compare
    assert ("politune-de 2, `ab12cd`, de, **unreviewed translation**" in text) is not compare
    assert "13 more, all closer" in shown


def test_a_translation_does_not_begin_the_report(tmp_path: Path) -> None:
    folder = build_run(
        tmp_path / "run",
        shifts=SMALL,
        evaluate={"bias": ["de", "politune_compass"]},
        also=translated,
        configs=german(reviewed=True),
    )
    assert {task for task, _ in found(folder)[0].headline} == {"politune_compass"}


def test_the_first_screen_comes_before_every_table(tmp_path: Path) -> None:
    folder = build_run(tmp_path / "run", personas=BOTH, systems={"default": 0})
    screen, rest = found(folder)[1].split("## Positions")
    assert "| --- |" not in screen
    assert rest.count("| --- |") > 5
    assert len(screen.split()) < 450
