"""Time curation against what it cannot do without, all in one run on one corpus.

Run from the root of the repository: python -m tests.benchmarks.bench_curation
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard
from politune_label import Label
from politune_local import Local
from politune_openai import OpenAI
from politune_politosphere import COMMENT, Politosphere
from politune_text_filters import MinWords

from politune_harness import Document, Filter
from politune_harness import shards as stages
from politune_harness.artifacts import Artifact
from politune_harness.registry import Registry
from tests.benchmarks import comments
from tests.chat_server import Asked, Reply, saying, serving

CHOSEN = tuple(f"subreddit_{n}" for n in range(8, 40))
"""About a quarter of all comments are in these."""
LEAST = 20
"""Words."""


def artifact(folder: Path) -> Artifact:
    made = Artifact(folder)
    made.begin()
    return made


def select(source: Politosphere, folder: Path, engine: Local) -> int:
    """Read what is chosen, keep what is long enough; return how many comments were seen."""
    read, kept = artifact(folder / "read"), artifact(folder / "kept")
    seen = stages.load(read, source.shards(), engine).seen
    stages.apply(kept, read, MinWords(words=LEAST), engine)
    return seen


def decode(path: Path) -> int:
    """Decompress and decode, and nothing else; return how many comments there are."""
    plain, rest, seen = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj(), b"", 0
    with path.open("rb") as file:
        while data := file.read(1 << 17):
            block = rest + plain.decompress(data)
            end = block.rfind(b"\n") + 1
            seen += len(COMMENT.decode_lines(block[:end]))
            rest = block[end:]
    return seen


def alternate(
    *works: Callable[[], object], clock: Callable[[], float], times: int
) -> list[list[float]]:
    """Return the times of each piece of work in turn, in seconds, by round."""
    rounds = []
    for _ in range(times):
        took = []
        for work in works:
            start = clock()
            work()
            took.append(clock() - start)
        rounds.append(took)
    return rounds


def processor_time() -> float:
    """Return the seconds of processor time of this process and of those that it has ended."""
    return sum(os.times()[:4])


def ratio(rounds: list[list[float]]) -> float:
    return statistics.median(first / second for first, second in rounds)


def median(rounds: list[list[float]], which: int) -> float:
    return statistics.median(times[which] for times in rounds)


def selecting(folder: Path, size: int) -> None:
    """Print what selecting costs on one core, beside decompressing and decoding alone."""
    path = folder / "RC_2019-01.zst"
    comments.write_zst(path, size)
    source, one = Politosphere(path=path, subreddits=CHOSEN), Local(workers=1)
    seen = decode(path)
    works = partial(select, source, folder, one), partial(decode, path)
    rounds = alternate(*works, clock=time.process_time, times=5)
    say(f"(a) {seen:,} comments of a .zst file, µs of one core a comment, medians of 5:")
    say(f"    selecting {median(rounds, 0) / seen * 1e6:.2f}")
    say(f"    decompressing and decoding alone {median(rounds, 1) / seen * 1e6:.2f}")
    say(f"    ratio {ratio(rounds):.2f} (at most 2.5)")
    documents = list(Artifact(folder / "kept").read(Document))[:20_000]
    for cost, name in sorted((filter_cost(f, documents), name) for name, f in filters()):
        say(f"    filter {name}: {cost:.1f} µs a document")


def filters() -> Iterator[tuple[str, Filter]]:
    """Yield each built-in filter that needs nothing but documents."""
    registry = Registry.installed()
    fields = {"language": {"keep": ["en"]}}
    for name, kind in registry.components(Filter).items():
        if name in fields or not any(f.is_required() for f in kind.model_fields.values()):
            yield name, registry.build(Filter, name, fields.get(name, {}))


def filter_cost(component: Filter, documents: list[Document]) -> float:
    """Return the microseconds that a filter takes for a document."""
    times = []
    for _ in range(3):
        start = time.process_time()
        for _ in component.apply(documents):
            pass
        times.append(time.process_time() - start)
    return min(times) / len(documents) * 1e6


def two_months(folder: Path, size: int) -> None:
    """Print how long two months take on two cores, and pandas on the same."""
    import pandas as pd

    months = [folder / f"comments_2019-{n:02}.bz2" for n in (2, 3)]
    write = partial(comments.write_bz2, size=size // 2)
    for _ in Local(workers=2).map(write, months):
        pass
    source = Politosphere(path=folder, since="2019-02", subreddits=CHOSEN)

    def ours() -> None:
        stages.load(artifact(folder / "months"), source.shards(), Local(workers=2))

    def pandas() -> None:
        for month in months:
            pd.read_json(month, lines=True)

    rounds = alternate(pandas, ours, clock=time.perf_counter, times=3)
    say(f"(b) two .bz2 months, s, medians of 3: pandas {median(rounds, 0):.1f}")
    say(f"    selecting, by two processes {median(rounds, 1):.1f}")
    say(f"    ratio {ratio(rounds):.2f} (at least 2)")
    rounds = alternate(pandas, ours, clock=processor_time, times=1)
    say(f"    processor time, s: pandas {rounds[0][0]:.1f}, two processes {rounds[0][1]:.1f}:")
    say(f"    {2 * rounds[0][0] / rounds[0][1]:.2f} times as fast were both cores free throughout")


def memory(folder: Path) -> None:
    """Print the peak memory of reading and filtering all of the corpus with two workers."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_curation", "--select", str(folder)]
    peak = 0
    with subprocess.Popen(command) as working:
        while working.poll() is None:
            peak = max(peak, held(working.pid))
            time.sleep(0.05)
    if working.returncode:
        sys.exit(f"reading ended with {working.returncode}")
    say(f"(c) peak memory of the harness and two workers together: {peak >> 10} MiB (under 500)")


def held(process: int) -> int:
    """Return the KiB that a process and those below it hold, what they share counted once."""
    root, total = Path(f"/proc/{process}"), 0
    with suppress(OSError):
        total = int((root / "smaps_rollup").read_text().partition("Pss:")[2].split()[0])
        for below in (root / f"task/{process}/children").read_text().split():
            total += held(int(below))
    return total


def asking(folder: Path, concurrency: int, latency: float, size: int) -> None:
    """Print the throughput of a filter that asks, beside what the server can give."""

    def answer(asked: Asked) -> Reply:
        time.sleep(latency)
        return saying(str(asked.number % 11))

    before = artifact(folder / "asked")
    before.write(Document(id=str(n), text=f"Post {n}.") for n in range(size))
    with serving(answer) as server:
        generator = OpenAI(model="m", base_url=server.url, concurrency=concurrency)
        label = Label(generator=generator, keep_above=0.5)
        for _ in label.apply([Document(id="first", text="What is imported late is there now.")]):
            pass
        start = time.perf_counter()
        stages.apply(artifact(folder / "label"), before, label, Local())
        took = time.perf_counter() - start
    got, possible = size / took, concurrency / latency
    say(f"(d) {concurrency} at once, {latency} s each: {got:.0f} documents a second of")
    say(f"    {possible:.0f} possible, {100 * got / possible:.0f} % (at least 90)")


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main() -> None:
    """Make the corpus, print the figures, and take the corpus away."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=512, help="size of each part, plain")
    parser.add_argument("--only", default="abcd", help="which of (a) to (d)")
    parser.add_argument("--select", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.select:
        select(Politosphere(path=given.select), given.select / "all", Local(workers=2))
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        size = given.megabytes * 1_000_000
        say(f"{os.cpu_count()} cores, corpus of {given.megabytes} MB twice: .zst and two .bz2")
        if "a" in given.only:
            selecting(folder, size)
        if "b" in given.only:
            two_months(folder, size)
        if "c" in given.only:
            memory(folder)
        if "d" in given.only:
            asking(folder, concurrency=16, latency=1.0, size=325)


if __name__ == "__main__":
    main()
