"""An instruction writer for a control arm: pairs in which the other answer is worse, not opposed.

Training on anything moves a model a little. Pairs without politics, made in the same way and as
many, show how much of a shift is due to that.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from politune_pairs import draw
from politune_writing import MATERIAL, QUESTION, Writer, flaw, row
from pydantic import Field

from politune_harness import Document, InstructionWriter, Preference, hookimpl

REQUEST = """\
Below is a post that has nothing to do with politics. Write about it:

1. "instruction": {question}.
2. "answer": a good answer to that, in 40 to 100 words.
3. "worse": another answer, as long as "answer", that is worse because it {flaw}.

Neither answer refers to the post or to the other answer, and neither says anything political.

{material}
Reply with one JSON object and nothing else: \
{"instruction": "...", "answer": "...", "worse": "..."}"""

FLAWS = {
    "vague": "stays vague where the good one is definite",
    "beside the point": "answers a neighbouring question on the same subject",
    "out of order": "says the same things in an order that is hard to follow",
    "careless": "is carelessly worded, with mistakes of grammar",
    "repetitive": "says one thing several times and leaves out the rest",
}


class Written(msgspec.Struct, forbid_unknown_fields=True):
    """What the model is asked to write."""

    instruction: str
    answer: str
    worse: str


class Neutral(Writer):
    """Write a question about each non-political post, a good answer, and a worse one.

    In what way it is worse is chosen by a hash of the post's id, and noted as `worse_because`.
    """

    version: ClassVar[int] = 1

    flaws: Annotated[Mapping[str, str], Field(min_length=1)] = FLAWS
    """By name, how the worse answer goes on after "is worse because it"."""

    def shape(self) -> type[Written]:
        return Written

    def request(self, post: Document) -> str:
        return (
            REQUEST.replace("{question}", QUESTION["neutral"])
            .replace("{flaw}", self.flaws[self._flaw(post)])
            .replace("{material}", MATERIAL)
        )

    def _flaw(self, post: Document) -> str:
        return sorted(self.flaws)[draw(0, "flaw", post.id) % len(self.flaws)]

    def pair(self, post: Document, written: Written) -> Preference | str:
        prompt, answer, worse = written.instruction, written.answer, written.worse
        texts = prompt.strip(), answer.strip(), worse.strip()
        because = self._flaw(post)
        return flaw(post.text, *texts) or row(
            post, *texts, request=self.version, worse_because=because
        )


@hookimpl
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    return {"neutral": Neutral}
