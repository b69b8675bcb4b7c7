"""Time 1,000 judgements by an endpoint that answers in 50 ms, and often does not.

Of its replies 10 % are 429, 5 % are 500, 2 % never come and 3 % are malformed, half of those as
HTTP and half as a judgement. The ideal is every request that was sent, at the time that it must
take (50 ms, or the client's timeout where nothing comes), spread evenly over the connections: the
machine itself, pauses and the last stragglers come on top of it; importing the client does not.

Run from the root of the repository: python -m tests.benchmarks.bench_judging
"""

import json
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from politune_gpt_score import GPTScore
from politune_openai import OpenAI

from politune_harness import Completion, Score
from tests.chat_server import Asked, Reply, failing, saying, serving

JUDGEMENTS, CONCURRENCY = 1000, 8
TAKES, TIMEOUT = 0.05, 0.5
"""Seconds that the endpoint takes, and that the client waits."""
FAULTS = {"429": 0.10, "500": 0.05, "nothing": 0.02, "broken": 0.015, "off schema": 0.015}
MOST = 1.5


def serve(pipe: Connection) -> None:
    """Answer in a process of its own, whose work costs the client nothing."""
    chance, lock = random.Random(0), threading.Lock()  # noqa: S311
    kinds: Counter[str] = Counter()
    well: Counter[str] = Counter()

    def rule(asked: Asked) -> Reply:
        text = json.loads(asked.prompt.partition("\n")[0])["answer"]
        with lock:
            (kind,) = chance.choices(
                [*FAULTS, "well"], [*FAULTS.values(), 1 - sum(FAULTS.values())]
            )
            kinds[kind] += 1
            well[text] += kind == "well"
        time.sleep(2 * TIMEOUT if kind == "nothing" else TAKES)
        verdict = json.dumps({"reason": "by rule", "score": len(text) % 21})
        return {
            "429": failing(429),
            "500": failing(500),
            "nothing": Reply(None),
            "broken": Reply(body=b'{"choices": [{"mess'),
            "off schema": saying("I would say about 12."),
            "well": saying(verdict),
        }[kind]

    with serving(rule) as server:
        pipe.send(server.url)
        pipe.recv()
        pipe.send((kinds, well))


def judged(url: str) -> tuple[list[Score], float]:
    """Judge, and say how long it took in seconds."""
    judge = OpenAI(model="m", base_url=url, concurrency=CONCURRENCY, timeout=TIMEOUT, retries=8)
    rows = [
        Completion(
            id=str(n), prompt="What about taxes?", completion=f"Answer {n}: " + "so " * (n % 9)
        )
        for n in range(JUDGEMENTS)
    ]
    import_module("openai")
    start = time.perf_counter()
    scores = list(GPTScore(generator=judge, retries=5).score(rows))
    taken = time.perf_counter() - start
    assert [score.id for score in scores] == [row.id for row in rows]
    for row, score in zip(rows, scores, strict=True):
        assert score.value == len(row.completion) % 21 or score.value is None
    return scores, taken


def main() -> None:
    """Print what became of the judgements, and how long they took beside the ideal."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    url = pipe.recv()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["POLITUNE_CACHE"] = str(Path(folder) / "replies.sqlite")
        scores, taken = judged(url)
        _, again = judged(url)
    pipe.send("done")
    kinds, well = pipe.recv()
    server.join()

    missing = Counter(score.reason for score in scores if score.value is None)
    requests = kinds.total()
    ideal = ((requests - kinds["nothing"]) * TAKES + kinds["nothing"] * TIMEOUT) / CONCURRENCY
    scored = len(scores) - missing.total()
    lines = (
        f"{len(scores)} judgements: {scored} scored, missing {dict(missing)}",
        f"{requests} requests: {dict(kinds)}",
        f"answered well more than once: {sum(count > 1 for count in well.values())}",
        f"{taken:.2f} s, ideal {ideal:.2f} s at {CONCURRENCY} at once: {taken / ideal:.2f} x",
        f"the same once more, from the cache: {again:.2f} s, no request",
    )
    sys.stdout.write("\n".join((*lines, "")))
    assert max(well.values()) == 1
    assert len(scores) == JUDGEMENTS
    assert taken <= MOST * ideal


if __name__ == "__main__":
    main()
