"""An instruction writer for PoliTune Harness."""

from collections.abc import Iterable, Iterator, Mapping

from politune_harness import (
    Document,
    Dropped,
    Generator,
    InstructionWriter,
    Preference,
    Prompt,
    hookimpl,
)

REQUEST = "Write one neutral question that this text answers, and nothing else.\n\n{text}"


class Example(InstructionWriter):
    """Ask a generator for a question, to which the document is the answer: rows for SFT."""

    generator: Generator
    """What is asked."""

    def write(self, documents: Iterable[Document]) -> Iterator[Preference | Dropped]:
        rows = list(documents)
        prompts = [Prompt(id=row.id, prompt=REQUEST.format(text=row.text)) for row in rows]
        with self.generator.session() as answer:
            for row, said in zip(rows, answer(prompts), strict=True):
                question = said.completion.strip()
                if question.endswith("?"):
                    yield Preference(id=row.id, prompt=question, chosen=row.text, rejected="")
                else:
                    yield Dropped(id=row.id, reason="no question", detail=said.completion)


@hookimpl
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    return {"example": Example}
