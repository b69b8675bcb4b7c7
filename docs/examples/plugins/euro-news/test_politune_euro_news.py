from pathlib import Path

from politune_euro_news import EuroNews

from politune_harness import Document, Dropped

DATA = Path(__file__).parent / "data"


def test_articles_of_one_side_are_read_and_the_others_counted():
    source = EuroNews(articles=DATA / "articles.jsonl", outlets=DATA / "outlets.csv", side="left")
    rows = list(source.load())
    kept = [row for row in rows if isinstance(row, Document)]
    assert {row.metadata["country"] for row in kept} == {"DE", "FR", "IT"}
    reasons = [row.reason for row in rows if isinstance(row, Dropped)]
    assert [reasons.count(f"outlet: {side}") for side in ("right", "other", "not listed")] == [
        12,
        12,
        1,
    ]
