"""Documents from datasets on the Hugging Face Hub, or in a folder of that layout.

Rows are streamed: nothing is downloaded that is not read.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from politune_tables import Columns, require
from pydantic import model_validator

from politune_harness import DataError, Document, Dropped, InputPath, Source, hookimpl


class HuggingFace(Columns):
    """Documents from one split of a dataset. Rows are numbered from 1.

    With HF_HUB_OFFLINE=1 in the environment, the Hub is not asked.
    """

    name: str | None = None
    """A dataset's id on the Hub, as in `openai/gsm8k`."""
    path: InputPath | None = None
    """Instead of `name`: a folder that holds a dataset."""
    config: str | None = None
    """The configuration ("subset"), where the dataset has several."""
    split: str = "train"
    """Which of the dataset's splits is read."""
    revision: str | None = None
    """A branch, tag or commit on the Hub; only a commit says exactly what was read."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.name is None) == (self.path is None):
            message = "give either `name`, a dataset on the Hub, or `path`, a folder"
            raise ValueError(message)
        return self

    def load(self) -> Iterator[Document | Dropped]:
        where = self.name or str(self.path)
        for number, row in enumerate(self._rows(where), 1):
            if number == 1:
                require(where, self.columns, list(row))
            yield self.document(f"{self.split}:{number}", row)

    def _rows(self, where: str) -> Iterator[Mapping[str, Any]]:
        from datasets import load_dataset

        chosen = {"split": self.split, "revision": self.revision}
        try:
            yield from load_dataset(where, self.config, streaming=True, **chosen)
        except (OSError, ValueError) as error:
            message = f"{where}: {' '.join(str(error).split())}"
            raise DataError(message) from error


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"huggingface": HuggingFace}
