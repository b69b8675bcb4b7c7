from pathlib import Path

import politune_mixed
import politune_preferences
import politune_tables
import pytest

from politune_harness import Document, RecipeError, Source
from politune_harness.registry import Registry

REGISTRY = Registry({"m": politune_mixed, "t": politune_tables, "p": politune_preferences})


def test_platforms_of_any_format_may_be_in_one_source(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("text\nFares fall.\n")
    (tmp_path / "toots.jsonl").write_text('{"text": "Lower fares!"}\n{"text": ""}\n')
    named = [("csv", "news.csv", "news"), ("jsonl", "toots.jsonl", "mastodon")]
    sources = [{"use": u, "path": p, "platform": platform} for u, p, platform in named]
    source = REGISTRY.build(Source, "mixed", {"sources": sources}, folder=tmp_path)
    rows = list(source.load())
    assert [row.id for row in rows] == ["1/news.csv:1", "2/toots.jsonl:1", "2/toots.jsonl:2"]
    platforms = [row.metadata["platform"] for row in rows if isinstance(row, Document)]
    assert platforms == ["news", "mastodon"]
    assert [row for shard in source.shards() for row in shard()] == rows


def test_pairs_are_not_mixed_in(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="must be of documents, not of pairs"):
        REGISTRY.build(Source, "mixed", {"sources": [{"use": "preferences", "path": tmp_path}]})
