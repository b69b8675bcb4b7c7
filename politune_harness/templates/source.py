"""A source of documents for PoliTune Harness."""

from collections.abc import Iterator, Mapping

from politune_harness import DataError, Document, Dropped, InputPath, Source, hookimpl


class Example(Source):
    """Texts in a folder, one .txt file each."""

    folder: InputPath
    """The folder."""

    def load(self) -> Iterator[Document | Dropped]:
        files = sorted(self.folder.glob("*.txt"))
        if not files:
            message = f"{self.folder} holds no .txt file"
            raise DataError(message)
        for file in files:
            text = file.read_text(encoding="utf-8").strip()
            if text:
                yield Document(id=file.stem, text=text)
            else:
                yield Dropped(id=file.stem, reason="empty text")


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"example": Example}
