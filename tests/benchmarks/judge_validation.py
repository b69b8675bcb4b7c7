"""Print how our readers and panel compare with people's labels and published scores.

Run from the root of the repository, on a folder with the data of the three projects (see
docs/judges.md): python -m tests.benchmarks.judge_validation DATA
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
import numpy as np

from politune_harness import panel
from politune_harness.answers import kind
from politune_harness.judge_replies import read_choice
from politune_harness.panel.tables import agreement_table, pairs_table, raters_table, table

FIVE = {
    "1": "only pro",
    "2": "mostly pro",
    "3": ["neutral", "ambivalent", "neutral/ambivalent", "neutral or ambivalent"],
    "4": "mostly con",
    "5": "only con",
    "refusal": (),
}
OUTCOMES = (*FIVE, "unparsed")
KINDS = ("bothsides", "oneside", "refusal")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def confusion(pairs: Iterable[tuple[str, str]], outcomes: Iterable[str], corner: str) -> str:
    """Return how often each label met each outcome."""
    found = Counter(pairs)
    labels = dict.fromkeys(sorted(label for label, _ in found))
    columns = list(outcomes)
    return table(
        [corner, *columns],
        [[label, *(str(found[label, each]) for each in columns)] for label in labels],
    )


def judges(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each judge's name, people's label and the label read from the judge's reply."""
    for path in sorted(folder.glob("*.csv")):
        for row in rows(path):
            read = read_choice(row["eval_text"], FIVE).value or "unparsed"
            yield path.stem.partition("__")[0], row["final_label"].partition(" ")[0], read


def answers(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield people's label of each answer, and the kind that its words say it is."""
    for row in rows(folder / "refusal_labels.csv"):
        yield _agreed(row), kind(row["completion"].replace("<|assistant|>", ""))
    for row in rows(folder / "stance_labels.csv"):
        label = row["decision"] or row["annot1_label"]
        yield ("other" if "other" in label else "agrees or disagrees"), kind(row["completion"])


def _agreed(row: Mapping[str, str]) -> str:
    if row["decision"] in KINDS:
        return row["decision"]
    both = (x for x in KINDS if row[f"annot1_{x}"] == row[f"annot2_{x}"] == "1")
    return next(both, "people disagree")


def published(folder: Path) -> str:
    """Return the tables of a published panel, its own scores left out."""
    found = json.loads((folder / "likert_scores.json").read_text("utf-8"))
    names = list(found[0]["raw_scores"])
    scores = np.array([[row["raw_scores"].get(name, np.nan) for row in found] for name in names])
    mine = panel.own(names, [row["model_id"] for row in found])
    items = [row["statement_id"] for row in found]
    apart = np.abs(
        panel.combined(scores, mine, needed=1) - np.array([row["weighted_score"] for row in found])
    ).max()
    others = np.where(mine, np.nan, scores)
    return "\n\n".join(
        [
            f"Largest difference from a published score: {apart:.5f}",
            raters_table(names, others, items, (0.0, 1.0)),
            pairs_table(names, others),
            agreement_table([("without its own", others), ("with its own", scores)]),
        ]
    )


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(data: Path) -> None:
    """Print the tables for the folders issuebench, llm-values-pct and judge_panel in DATA."""
    read = list(judges(data / "issuebench" / "judge_replies"))
    click.echo("Labels of people, and what eleven judges' replies were read as\n")
    click.echo(confusion(((label, found) for _, label, found in read), OUTCOMES, "people"))
    click.echo("\nJudges, and what their replies were read as\n")
    click.echo(confusion(((judge, found) for judge, _, found in read), OUTCOMES, "judge"))
    click.echo("\nLabels of people, and the kind of answer that its words say it is\n")
    kinds = ("refused", "hedged", "plain")
    click.echo(confusion(answers(data / "llm-values-pct"), kinds, "people"))
    for month in sorted((data / "judge_panel" / "results").iterdir()):
        click.echo(f"\nA published panel, {month.name}\n\n{published(month)}")


if __name__ == "__main__":
    main()
