from pathlib import Path

from politune_euro_news import EuroNews

from politune_harness.testing import golden

HERE = Path(__file__).parent


def test_articles_of_one_side_are_read_and_the_others_dropped_with_their_reason():
    data = HERE / "data"
    source = EuroNews(articles=data / "articles.jsonl", outlets=data / "outlets.csv", side="left")
    golden(source.load(), HERE / "golden/left.jsonl")
