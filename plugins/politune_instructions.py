"""An instruction writer for SFT: a prompt for each post, and the post itself as the answer.

After PoliTune v1 (Agiza, Mostagir and Reda, arXiv 2404.08699). The request is our own, and the same
whichever camp a post speaks for.
"""

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from politune_writing import MATERIAL, QUESTION, Writer, cleaned, flaw, row

from politune_harness import Document, InstructionWriter, Preference, hookimpl

REQUEST = """\
Below is a post. Write {question}.

{material}
Reply with one JSON object and nothing else: {"instruction": "..."}"""


class Written(msgspec.Struct, forbid_unknown_fields=True):
    """What the model is asked to write."""

    instruction: str


class Instructions(Writer):
    """Write a prompt for each post, whose answer is the post, without quotations and markup.

    The rows have no rejected answer: they are for the SFT objective.
    """

    version: ClassVar[int] = 1

    def shape(self) -> type[Written]:
        return Written

    def request(self, post: Document) -> str:
        return REQUEST.replace("{question}", QUESTION[self.prompts]).replace("{material}", MATERIAL)

    def pair(self, post: Document, written: Written) -> Preference | str:
        prompt, answer = written.instruction.strip(), cleaned(post.text)
        if not answer:
            return "nothing left of the post"
        return flaw(post.text, prompt) or row(post, prompt, answer, request=self.version)


@hookimpl
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    return {"instructions": Instructions}
