"""Time the search of posts for evaluation prompts, on one core.

Run from the root of the repository: python -m tests.benchmarks.bench_overlap
"""

import time

from politune_truth_social import TruthSocial

from politune_harness import Document
from politune_harness.overlap import Overlap
from tests.reading_level import TASKS
from tests.test_prompt_sets import COLUMNS, prompts

POSTS = TASKS.parent / "plugins/politune_quickstart/posts/truth_social"
TEXTS = 100_000


def main() -> None:
    """Print how many posts a second are searched for all prompts of the judged tasks."""
    asked = {f"{path.stem}/{name}": text for path in COLUMNS for name, _, text in prompts(path)}
    posts = [row.text for row in TruthSocial(path=POSTS).load() if isinstance(row, Document)]
    texts = (posts * (TEXTS // len(posts) + 1))[:TEXTS]
    overlap = Overlap(asked)
    start = time.process_time()
    found = sum(overlap.find(text) is not None for text in texts)
    took = time.process_time() - start
    length = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts)} posts of {length:.1f} words on average, {len(asked)} prompts")  # noqa: T201
    print(f"{len(texts) / took:,.0f} posts a second, {found} found")  # noqa: T201


if __name__ == "__main__":
    main()
