"""A plugin as somebody else would write it: one source, one hook, one entry point."""

from collections.abc import Iterator, Mapping

from politune_harness import Document, Source, hookimpl


class Motto(Source):
    """The mottos of some unions."""

    mottos: tuple[str, ...] = ("In varietate concordia", "E pluribus unum")
    """One document each."""

    def load(self) -> Iterator[Document]:
        for number, motto in enumerate(self.mottos):
            yield Document(id=f"motto-{number}", text=motto)


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"motto": Motto}
