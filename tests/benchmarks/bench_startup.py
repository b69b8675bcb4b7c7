"""Time what a user waits for before anything happens, in ratio to a bare interpreter.

Run from the root of the repository: python -m tests.benchmarks.bench_startup
"""

import os
import resource
import statistics
import subprocess
import sys
import time

STARTS = {
    "a bare interpreter": ("-c", "pass"),
    "import politune_harness": ("-c", "import politune_harness"),
    "politune --help": ("-m", "politune_harness.cli", "--help"),
    "politune plugins": ("-m", "politune_harness.cli", "plugins"),
}
ROUNDS = 15
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""With bytecode on disk, as pip leaves it."""


def took(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Return how long one start takes on the clock, and on the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print medians of alternating starts, and their ratios to those of the interpreter."""
    for arguments in STARTS.values():
        took(arguments)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in STARTS}
    for _ in range(ROUNDS):
        for name, arguments in STARTS.items():
            times[name].append(took(arguments))
    middle = {
        n: [statistics.median(each) for each in zip(*t, strict=True)] for n, t in times.items()
    }
    bare = middle["a bare interpreter"]
    print(f"{'':24} {'clock':>18} {'processor':>18}")  # noqa: T201
    for name, both in middle.items():
        cells = (f"{1000 * x:6.0f} ms {x / y:6.1f} x" for x, y in zip(both, bare, strict=True))
        print(f"{name:24} {'   '.join(cells)}")  # noqa: T201


if __name__ == "__main__":
    main()
