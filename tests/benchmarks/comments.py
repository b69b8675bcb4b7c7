"""A corpus of made-up comments with the fields and lengths of real ones: the same bytes each time.

Fields and their order are those of a Reddit Politosphere file of 2019; the number of words of a
body is log-normal, with the median and spread of real comments, and words follow Zipf's law.
"""

import bz2
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import IO

import zstandard

SUBREDDITS = 605
"""As many as the Politosphere has; the number of comments in each follows Zipf's law too."""
VOCABULARY = 30_000
BATCH = 10_000
"""How many comments are made at once."""

LINE = (
    '{{"link_id":"t3_{link:06x}","subreddit":"{subreddit}","retrieved_on":{retrieved}.0,'
    '"score":{score}.0,"body":"{body}","gilded":0,"id":"{id}","predicted_community":{community},'
    '"subreddit_id":"t5_{community:05x}","created_utc":{created},"controversiality":0,'
    '"edited":-1.0,"parent_id":"t1_{parent}","language":"en","distinguished":null,'
    '"body_cleaned":"{cleaned}","author":"{author}"}}\n'
)


def comments(size: int, month: int) -> Iterator[bytes]:
    """Yield JSON lines, `BATCH` comments at a time, until there are `size` bytes."""
    draw = random.Random(month)  # noqa: S311
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(VOCABULARY)]
    ranks = list(accumulate(1 / (rank + 3) for rank in range(VOCABULARY)))
    subreddits = list(accumulate(1 / (rank + 3) for rank in range(SUBREDDITS)))
    start, made = 0, 0
    while made < size:
        lengths = [min(int(draw.lognormvariate(2.9, 0.9)) + 1, 1500) for _ in range(BATCH)]
        said = iter(draw.choices(words, cum_weights=ranks, k=sum(lengths)))
        places = draw.choices(range(SUBREDDITS), cum_weights=subreddits, k=BATCH)
        lines = []
        for number, (length, place) in enumerate(zip(lengths, places, strict=True), start):
            body = " ".join(next(said) for _ in range(length))
            lines.append(
                LINE.format(
                    link=number // 40,
                    subreddit=f"subreddit_{place}",
                    retrieved=1579420868 + number,
                    score=draw.randrange(-5, 90),
                    body=body.capitalize() + ".",
                    id=f"{month}{number:07x}",
                    community=place,
                    created=1546300800 + 2678400 * month + number % 2678400,
                    parent=f"{month}{number // 3:07x}",
                    cleaned=f"{body} .",
                    author=f"author_{draw.randrange(200_000)}",
                )
            )
        start += BATCH
        batch = "".join(lines).encode()
        made += len(batch)
        yield batch


def write_zst(path: Path, size: int, window_log: int = 27) -> int:
    """Write a month as one frame with a window of 2**window_log bytes; return its plain size."""
    settings = zstandard.ZstdCompressionParameters.from_level(3, window_log=window_log)
    compressor = zstandard.ZstdCompressor(compression_params=settings)
    with path.open("wb") as file, compressor.stream_writer(file) as out:
        return _write(out, size, month=0)


def write_bz2(path: Path, size: int) -> int:
    """Write a month as bzip2; return its plain size."""
    with bz2.BZ2File(path, "wb") as out:
        return _write(out, size, int(path.name[-6:-4]))


def _write(out: IO[bytes], size: int, month: int) -> int:
    return sum(out.write(batch) and len(batch) for batch in comments(size, month))
