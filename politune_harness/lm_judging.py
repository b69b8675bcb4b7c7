"""Have judges score what plain `lm_eval` left for them: its results and logged samples.

    lm_eval ... --log_samples --output_path OUT --metadata '{"judge": "deferred", "judges": [...]}'

Both files of a task are written again, with scores, as they would have been written at once.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from politune_harness.artifacts import write_whole
from politune_harness.errors import DataError, one_line
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.recipe import Evaluate
from politune_harness.recorded import read_samples
from politune_harness.registry import Registry


def results_in(folder: Path) -> list[Path]:
    """Return the files of results that `lm_eval` wrote below a folder."""
    return sorted(folder.rglob("results_*.json"))


def judge_results(path: Path, registry: Registry) -> list[str]:
    """Judge the answers logged beside a file of results; return the tasks that had waited.

    Raises BudgetError where judging might cost more than is allowed, DataError where the tasks
    ask something else by now.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        logs = dict(_logs(path, found["configs"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path} holds no results of lm_eval: {one_line(error) or type(error).__name__}"
        raise DataError(message) from error
    waiting = read_samples(logs)
    for task, rows in waiting.items():
        lines = [
            json.dumps(row, ensure_ascii=False) for row in _judged(task, rows, found, registry)
        ]
        write_whole(logs[task], "".join(f"{line}\n" for line in lines))
    if waiting:
        write_whole(path, json.dumps(found, indent=2, ensure_ascii=False))
    return list(waiting)


def _logs(path: Path, tasks: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    date = path.stem.removeprefix("results_")
    for task in tasks:
        name = f"samples_{task}_{date}.jsonl"
        if "/" not in name and (log := path.with_name(name)).is_file():
            yield task, log


def _judged(
    task: str, rows: list[dict[str, Any]], found: dict[str, Any], registry: Registry
) -> list[dict[str, Any]]:
    """Return a task's samples with what judges say, and put that into its results."""
    from lm_eval.utils import hash_string, sanitize_list

    known = found["configs"][task]["metadata"]
    del known["judge"]
    given = {name: value for name, value in known.items() if name not in {"judges", "pretrained"}}
    evaluator = Evaluator(
        str(known.get("pretrained", "")),
        Evaluate(metadata=given, limit=len(rows)),
        task_dirs=task_folders(registry.task_dirs()),
        judges=known["judges"],
    )
    results, samples = evaluator.judged({task: rows})
    judged = samples[task]
    for row in judged:
        row["filtered_resps"] = sanitize_list(row["filtered_resps"])
    found["results"][task] = results["results"][task]
    hashes = [row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in judged]
    found["task_hashes"][task] = hash_string("".join(hashes))
    return judged
