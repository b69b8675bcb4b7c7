"""What `politune check` advises, and what it sees in the first rows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from politune_harness.advice import advice
from politune_harness.errors import DataError
from politune_harness.first_rows import look
from politune_harness.plan import Plan, plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry

LABEL = {"use": "label", "generator": {"use": "transformers", "model": "quickstart"}}


CSV = {"use": "csv", "path": "posts.csv"}


def planned(folder: Path, *filters: dict[str, Any], source: dict[str, Any] = CSV) -> Plan:
    arm = {"source": source, "filters": filters}
    recipe = {
        "model": "quickstart",
        "arms": {"left": arm},
        "instructions": {"use": "plain-text"},
        "trainer": {"use": "lora", "objective": "clm"},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return plan(Recipe.load(path), folder, Registry.installed())


def advised(folder: Path, *filters: dict[str, Any]) -> list[str]:
    return [*advice(planned(folder, *filters))]


def test_a_cheap_filter_belongs_before_one_that_asks_a_model(tmp_path: Path) -> None:
    (line,) = advised(tmp_path, LABEL, {"use": "min-words"}, {"use": "unique"})
    assert line.startswith("arms.left: `label` runs a model on every document, and `min-words` ")


def test_what_is_in_order_needs_no_advice(tmp_path: Path) -> None:
    assert not advised(tmp_path, {"use": "min-words"}, LABEL, {"use": "sample", "n": 1}, LABEL)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"", "posts.csv: the file is empty"),
        (b"text\n", "it holds no rows that can be read; dropped: none"),
        (b"body\nHello.\n", "no column 'text' among body"),
        (b"id;text\n1;Hello.\n", "is the delimiter ';'"),
        (b"text\ncaf\xe9\n", "dropped: 1 invalid UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_is_known_from_its_first_rows(
    tmp_path: Path, table: bytes, message: str
) -> None:
    (tmp_path / "posts.csv").write_bytes(table)
    with pytest.raises(DataError, match=rf"^arms\.left\.source: .*{message}"):
        list(look(planned(tmp_path)))


def test_the_sources_of_a_mixed_one_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_bytes(b"body\nHello.\n")
    with pytest.raises(DataError, match=r"^arms\.left\.source: .*no column 'text'"):
        list(look(planned(tmp_path, source={"use": "mixed", "sources": [CSV]})))


def test_broken_first_rows_are_told(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_bytes(b"text\nHello.\ncaf\xe9\n")
    (line,) = look(planned(tmp_path))
    assert line == (
        "arms.left.source: 1 of the first 2 rows are malformed; dropped: 1 invalid UTF-8"
    )
