"""What an evaluation leaves on disk: lm-eval's numbers, and all that they depend on.

No clock time and no machine's path is written: two runs leave equal bytes.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from politune_harness.adapters import base_digest
from politune_harness.measurements import Measurement, plain
from politune_harness.records import JSON

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

KEPT = ("groups", "group_subtasks", "versions", "n-shot", "n-samples")
"""What of lm-eval's results is kept as it is."""
KEPT_OF_TASK = (
    "dataset_path",
    "dataset_name",
    "description",
    "fewshot_delimiter",
    "generation_kwargs",
    "num_fewshot",
    "output_type",
    "repeats",
    "target_delimiter",
    "test_split",
)
"""What of a task's configuration is kept: what its numbers depend on."""


def about_model(model: str, lm: "HFLM", *, chat: bool) -> dict[str, JSON]:
    """Return what numbers depend on, beside the tasks and the backend: the model, its template.

    `stamp` is a note from the model's own politune.json, to be shown with every result.
    """
    local = Path(model)
    notes = local / "politune.json"
    template = str(lm.chat_template(chat)) if chat else None
    return {
        "model": local.name if local.is_dir() else model,
        "base_sha256": base_digest(model),
        "stamp": json.loads(notes.read_text("utf-8")).get("stamp") if notes.is_file() else None,
        "chat_template": template,
        "chat_template_sha256": template and hashlib.sha256(template.encode()).hexdigest(),
        "thinking": lm.enable_thinking,
    }


def remote_code(*loaded: object) -> dict[str, JSON]:
    """Return the SHA-256 of each file of Python code that came with what was loaded, by its name.

    Transformers copies such files into a package of its own, and imports them from there.
    """
    packages = {type(each).__module__.rpartition(".")[0] for each in loaded}
    files = {
        Path(module.__file__)
        for name, module in list(sys.modules.items())
        if name.startswith("transformers_modules.")
        and name.rpartition(".")[0] in packages
        and module.__file__
    }
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(files)}


def kept(found: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, JSON]:
    """Return what is kept of lm-eval's results; `given` is the metadata that was passed in."""
    configs = {
        task: {
            **{key: config[key] for key in KEPT_OF_TASK if config.get(key) is not None},
            "metadata": {
                key: value
                for key, value in (config.get("metadata") or {}).items()
                if key not in {*given, "config_source"}
            },
        }
        for task, config in found["configs"].items()
    }
    numbers = {
        task: {key: value for key, value in values.items() if "_stderr" not in key}
        for task, values in found["results"].items()
    }
    whole = {**{key: found[key] for key in KEPT if key in found}, "results": numbers}
    return {key: plain(value) for key, value in {**whole, "configs": configs}.items()}


def write(
    folder: Path,
    results: Mapping[str, JSON],
    samples: Mapping[str, Sequence[Mapping[str, Any]]],
    rows: Iterable[Measurement],
) -> None:
    """Fill an evaluation's folder; `samples` hold nothing but what JSON can."""
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    encode = msgspec.json.Encoder().encode
    for task, each in samples.items():
        with (folder / "samples" / f"{task.replace('/', '_')}.jsonl").open("wb") as out:
            out.writelines(encode(sample) + b"\n" for sample in each)
    with (folder / "measurements.jsonl").open("wb") as out:
        out.writelines(encode(row) + b"\n" for row in rows)
    text = json.dumps(results, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", "utf-8")
