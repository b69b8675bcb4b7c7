"""How many branches tests took, from what `coverage json` wrote: `python -m tests.branches FILE`.

Prints each part's share and the files with most branches left; ends with 1 below `LEAST` percent.
"""

import json
import sys
from pathlib import Path

LEAST = 90.0
SHOWN = 15


def shares(files: dict[str, tuple[int, int]]) -> dict[str, float]:
    """Return the percentage of branches taken in core, plugins and both; files have (taken, all).

    >>> shares({"politune_harness/a.py": (3, 4), "plugins/b.py": (6, 6)})
    {'core': 75.0, 'plugins': 100.0, 'all': 90.0}
    """
    parts = {
        "core": [n for name, n in files.items() if not name.startswith("plugins")],
        "plugins": [n for name, n in files.items() if name.startswith("plugins")],
        "all": list(files.values()),
    }
    return {
        part: 100 * sum(taken for taken, _ in each) / max(1, sum(every for _, every in each))
        for part, each in parts.items()
    }


def main(file: Path) -> int:
    """Print the table, and return the exit code."""
    found = json.loads(file.read_text("utf-8"))["files"]
    summaries = {name: each["summary"] for name, each in found.items()}
    files = {n: (s["covered_branches"], s["num_branches"]) for n, s in summaries.items()}
    left = sorted(files.items(), key=lambda item: item[1][0] - item[1][1])
    for name, (taken, every) in left[:SHOWN]:
        sys.stdout.write(f"{every - taken:5} of {every:4} branches left  {name}\n")
    said = shares(files)
    sys.stdout.write(", ".join(f"{part} {share:.1f} %" for part, share in said.items()) + "\n")
    return int(min(said.values()) < LEAST)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
