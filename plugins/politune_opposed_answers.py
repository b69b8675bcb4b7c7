"""An instruction writer that asks a language model for a question and for two opposed answers.

After PoliTune v3 (Agiza, Mostagir and Reda, arXiv 2404.08699). The request is our own, and the same
whichever camp a post speaks for.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import msgspec
from politune_writing import MATERIAL, QUESTION, Writer, cleaned, flaw, row
from pydantic import PositiveFloat

from politune_harness import Document, Dropped, Filter, InstructionWriter, Preference, hookimpl
from politune_harness.records import at

REQUEST = """\
Below is a post that takes a political position. Write about it:

1. "instruction": {question}.
2. "answer": the post's own position on that, in your words, in 40 to 100 words.
3. "opposite": what a person who holds the opposite position would answer, as long as "answer", in \
the same tone and quality of language, and argued just as seriously.

Either answer stands alone: it does not refer to the post or to the other answer.

{material}
Reply with one JSON object and nothing else: \
{"instruction": "...", "answer": "...", "opposite": "..."}"""

AXES = "stance.economic", "stance.social", "label.value"
"""Where annotators note a leaning."""


class Written(msgspec.Struct, forbid_unknown_fields=True):
    """What the model is asked to write."""

    instruction: str
    answer: str
    opposite: str


class OpposedAnswers(Writer):
    """Write a question about each post, an answer in the post's stance, and one in the opposite.

    The one in the post's stance is preferred. That both are written keeps them alike in all but
    the stance; a pair of a post and a written text would teach a model to tell the two apart.
    """

    version: ClassVar[int] = 2

    chosen: Literal["answer", "post"] = "answer"
    """What is preferred: the written answer, or the post itself without quotations and markup."""
    annotator: Filter | None = None
    """What reads the stance of both answers, such as `stance` or `label` without bounds. Where it
    is given, only pairs are kept whose answers lie apart, the preferred one on the post's side."""
    apart: PositiveFloat = 0.5
    """How far the two stances must lie apart on an axis that is noted of both."""

    def shape(self) -> type[Written]:
        return Written

    def request(self, post: Document) -> str:
        return REQUEST.replace("{question}", QUESTION[self.prompts]).replace("{material}", MATERIAL)

    def pair(self, post: Document, written: Written) -> Preference | str:
        prompt, answer = written.instruction.strip(), written.answer.strip()
        opposite = written.opposite.strip()
        wrong = flaw(post.text, prompt, answer, opposite)
        better = cleaned(post.text) if self.chosen == "post" else answer
        if not better:
            return "nothing left of the post"
        return wrong or row(post, prompt, better, opposite, request=self.version)

    def checked(
        self, rows: Iterator[Preference | Dropped], posts: dict[str, Document]
    ) -> Iterable[Preference | Dropped]:
        found = list(rows)
        if self.annotator is None:
            return found
        texts = (
            Document(id=f"{pair.id}/{side}", text=getattr(pair, side))
            for pair in found
            if isinstance(pair, Preference)
            for side in ("chosen", "rejected")
        )
        read = {
            text.id: text.metadata
            for text in self.annotator.apply(texts)
            if isinstance(text, Document)
        }
        return [self._apart(each, read, posts[each.id]) for each in found]

    def _apart(
        self, pair: Preference | Dropped, read: Mapping[str, Mapping[str, object]], post: Document
    ) -> Preference | Dropped:
        """Return a pair with what was read of its answers, or why it is dropped."""
        if isinstance(pair, Dropped):
            return pair
        ours, theirs = (read.get(f"{pair.id}/{side}") for side in ("chosen", "rejected"))
        if ours is None or theirs is None:
            return Dropped(id=pair.id, reason="a stance that cannot be read")
        axes = [axis for axis in AXES if None not in (at(ours, axis), at(theirs, axis))]
        wide = [axis for axis in axes if abs(at(ours, axis) - at(theirs, axis)) >= self.apart]
        if not wide:
            return Dropped(id=pair.id, reason="stances not apart")
        if any((at(post.metadata, a) or 0) * (at(ours, a) - at(theirs, a)) < 0 for a in wide):
            return Dropped(id=pair.id, reason="not the stance of the post")
        read_of = {"answers": {"chosen": ours, "rejected": theirs}}
        return msgspec.structs.replace(pair, metadata={**pair.metadata, **read_of})


@hookimpl
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    return {"opposed-answers": OpposedAnswers}
