"""Time what a user waits for before anything happens, in ratio to a bare interpreter.

Run from the root of the repository: python -m tests.benchmarks.bench_startup
"""

import os
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


def seconds(arguments: tuple[str, ...]) -> float:
    """Return how long one start takes."""
    start = time.perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    return time.perf_counter() - start


def main() -> None:
    """Print the median of alternating starts, and its ratio to that of the interpreter."""
    for arguments in STARTS.values():
        seconds(arguments)
    times: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in range(ROUNDS):
        for name, arguments in STARTS.items():
            times[name].append(seconds(arguments))
    bare = statistics.median(times["a bare interpreter"])
    for name, each in times.items():
        middle = statistics.median(each)
        print(f"{name:24} {1000 * middle:6.0f} ms  {middle / bare:5.1f} x")  # noqa: T201


if __name__ == "__main__":
    main()
