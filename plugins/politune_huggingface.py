"""Documents from datasets on the Hugging Face Hub, or in a folder of that layout.

Rows are streamed: nothing is downloaded that is not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self

from politune_tables import Columns, Row, require
from pydantic import model_validator

from politune_harness import DataError, Document, Dropped, InputPath, Shard, Source, hookimpl
from politune_harness.errors import one_line


class HuggingFace(Columns):
    """Documents from one split of a dataset.

    Rows are numbered from 1, within each of its files where it has several. With HF_HUB_OFFLINE=1
    in the environment, the Hub is not asked.
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
        number = self._dataset().num_shards
        for n in range(number):
            yield from self.read(n, number)

    def shards(self) -> Sequence[Shard]:
        number = self._dataset().num_shards
        return [partial(self.read, n, number) for n in range(number)]

    def read(self, shard: int, of: int) -> Iterator[Document | Dropped]:
        """Yield the rows of one file of a dataset that has `of` files."""
        return self.documents(self._rows(shard, of))

    @property
    def _where(self) -> str:
        return self.name or str(self.path)

    def _rows(self, shard: int, of: int) -> Iterator[Row]:
        place = f"{self.split}:{shard + 1}" if of > 1 else self.split
        dataset = self._dataset()
        try:
            for number, row in enumerate(dataset.shard(of, shard) if of > 1 else dataset, 1):
                if number == 1:
                    require(self._where, self.columns, list(row))
                yield f"{place}:{number}", row
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def _dataset(self) -> Any:  # noqa: ANN401
        from datasets import load_dataset

        chosen = {"split": self.split, "revision": self.revision}
        try:
            return load_dataset(self._where, self.config, streaming=True, **chosen)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> DataError:
        return DataError(f"{self._where}: {one_line(error)}")


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"huggingface": HuggingFace}
