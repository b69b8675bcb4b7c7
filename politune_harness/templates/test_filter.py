from politune_harness import Document, Dropped
from politune_harness.templates.filter import Example


def test_each_document_is_kept_or_dropped_in_order() -> None:
    said = [Document(id="a", text="no no no"), Document(id="b", text="we want trains")]
    assert list(Example(at_least=3).apply(said)) == [
        Dropped(id="a", reason="too few different words"),
        said[1],
    ]
