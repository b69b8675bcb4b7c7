from politune_harness import Document, Dropped, Preference
from politune_harness.templates.instructions import Example
from politune_harness.testing import Scripted


def test_a_reply_becomes_the_prompt_or_drops_the_document() -> None:
    generator = Scripted(replies={"trains": "What should be built? ", "roads": "I cannot say."})
    said = [Document(id="a", text="Build trains."), Document(id="b", text="Build roads.")]
    assert list(Example(generator=generator).write(said)) == [
        Preference(id="a", prompt="What should be built?", chosen="Build trains.", rejected=""),
        Dropped(id="b", reason="no question", detail="I cannot say."),
    ]
    assert generator.sessions == ["open", "closed"]
