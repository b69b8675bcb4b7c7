"""Evaluate a base model and its adapters on lm-evaluation-harness tasks, on one loaded model.

lm-eval's own HFLM and `simple_evaluate` do the work, so every number equals that of the plain
`lm_eval --model hf --model_args pretrained=BASE[,peft=ADAPTER]` with the same settings, bit for
bit. What is written holds no clock time and no machine's path: two runs leave equal bytes.
"""

import importlib.util
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness import halves
from politune_harness.adapters import worn
from politune_harness.errors import DataError, ModelError, RecipeError, one_line
from politune_harness.halves import Half
from politune_harness.judging import DEFERRED
from politune_harness.lm import counted, fluency, quiet, seed
from politune_harness.lm_results import about_model, kept, write
from politune_harness.measurements import read, rows_of
from politune_harness.progress import working
from politune_harness.recipe import Evaluate
from politune_harness.recorded import (
    Samples,
    filled_in,
    measured_anew,
    read_samples,
    recorded,
)
from politune_harness.records import JSON
from politune_harness.registry import nearest

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def task_folders(others: Iterable[Path]) -> list[Path]:
    """Return where tasks outside lm-eval's own are: this project's, and `others`."""
    found = importlib.util.find_spec("lm_eval")
    places = found.submodule_search_locations if found else None
    ours = [Path(place) / "tasks" / "politune" for place in places or ()]
    return [*(folder for folder in ours if folder.is_dir()), *others]


class Evaluator:
    """Evaluates one base model, and any adapter on it; the base is loaded at the first run."""

    def __init__(
        self,
        model: str,
        settings: Evaluate,
        *,
        task_dirs: Sequence[Path],
        judges: Sequence[Mapping[str, JSON]] = (),
        deferred: bool = False,
        half: Half | None = None,
    ) -> None:
        """Ask judges at once, or not at all where that is `deferred`: see `judge`.

        `half` is the part that is asked: the report's, where checkpoints are chosen by the other.
        """
        self._model, self._settings = model, settings
        self._half: Half | None = half or ("report" if settings.select else None)
        self._task_dirs = [str(folder) for folder in task_dirs]
        given: dict[str, Any] = {}
        if judges:
            given["judges"] = [dict(judge) for judge in judges]
        if deferred:
            given["judge"] = DEFERRED
        self._metadata: dict[str, Any] = {"pretrained": model, **settings.metadata, **given}

    def run(
        self,
        folder: Path,
        *,
        adapter: Path | None = None,
        system: str | None = None,
        tasks: Sequence[str] | None = None,
        measure: str | None = None,
    ) -> None:
        """Evaluate the base, or an adapter on it, and fill `folder`.

        Writes results.json (numbers by lm-eval, and all that they depend on), measurements.jsonl
        (see `politune_harness.measurements`) and samples/TASK.jsonl. `system` stands in place of
        the settings' system prompt, `tasks` in place of their tasks; with `measure`, only those of
        them that have a metric of that name are run, which may be none. Raises ModelError where the
        model or the adapter cannot be used, RecipeError for a task that does not exist, DataError
        where a task's data cannot be had.
        """
        names = list(self._settings.tasks if tasks is None else tasks)
        system = self._settings.system if system is None else system
        chat = self._chat
        with ExitStack() as stack:
            noted = stack.enter_context(quiet())
            model: PreTrainedModel | PeftModel = self._base
            seed()
            if adapter is not None:
                size = len(self._tokenizer)
                model = stack.enter_context(worn(self._base, adapter, self._model, size))
            lm = self._lm(model)
            noted.clear()
            found = self._evaluate(lm, names, system, measure, chat=chat)
            noted.update(_template_warnings(self._model, chat=chat, lm=lm))
        samples: dict[str, list[dict[str, Any]]] = found.pop("samples")
        rows = [row for task, each in samples.items() for row in rows_of(task, each)]
        with quiet():
            rows += fluency(self._lm(self._base), samples)
        about: dict[str, JSON] = {
            "system": system,
            "limit": self._settings.limit,
            "partial": self._settings.limit is not None,
            "batch_size": self._settings.batch_size,
            "warnings": dict(sorted(noted.items())),
            **about_model(self._model, lm, chat=chat),
            **(halves.told(samples, self._half) if self._half else {}),
        }
        write(folder, {**about, **kept(found, self._metadata)}, samples, rows)

    def judge(self, evaluated: Path, folder: Path) -> int:
        """Have judges score the answers of a deferred evaluation; return how many there are.

        Fills `folder` as `run` does, with the samples of the judged tasks alone, and leaves it
        empty where no answer waits for a judge. No model is loaded. Raises BudgetError where
        judging might cost more than is allowed, DataError where the tasks have changed since.
        """
        paths = {path.stem: path for path in sorted((evaluated / "samples").glob("*.jsonl"))}
        if not (waiting := read_samples(paths)):
            return 0
        about = json.loads((evaluated / "results.json").read_text("utf-8"))
        found, samples = self.judged(waiting)
        rows = list(measured_anew(read(evaluated / "measurements.jsonl"), samples))
        about["results"].update(kept(found, self._metadata)["results"])
        write(folder, about, samples, rows)
        return sum(map(len, samples.values()))

    def judged(self, waiting: Samples) -> tuple[dict[str, Any], Samples]:
        """Return lm-eval's results of answers that are there already, and their samples."""
        with quiet():
            found = self._evaluate(recorded(waiting), list(waiting), None, None, chat=True)
        return found, filled_in(waiting, found["samples"])

    @cached_property
    def _tokenizer(self) -> "PreTrainedTokenizerBase":
        from transformers import AutoTokenizer

        with _loading(self._model):
            return AutoTokenizer.from_pretrained(self._model, trust_remote_code=False)

    @cached_property
    def _base(self) -> "PreTrainedModel":
        """The base model: weights from safetensors only, no code of the model's own."""
        import torch
        from transformers import AutoModelForCausalLM

        device, dtype = self._settings.device, self._settings.dtype
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if dtype == "auto" and device == "cpu":
            dtype = "float32"
        if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
            message = f"evaluate.dtype: {dtype!r} is no torch dtype, such as float32 or bfloat16"
            raise RecipeError(message)
        with _loading(self._model), working(f"load {Path(self._model).name}"):
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                self._model, dtype=dtype, trust_remote_code=False, use_safetensors=True
            )
            torch.nn.Module.to(model, torch.device(device))
            return model

    @property
    def _chat(self) -> bool:
        wanted, there = self._settings.chat_template, self._tokenizer.chat_template is not None
        if wanted and not there:
            message = f"evaluate.chat_template is true, but the tokenizer of {self._model} has none"
            raise ModelError(message)
        return there if wanted is None else wanted

    def _lm(self, model: "PreTrainedModel | PeftModel") -> "HFLM":
        from lm_eval.models.huggingface import HFLM

        size = self._settings.batch_size
        return counted(HFLM(pretrained=model, tokenizer=self._tokenizer, batch_size=size))

    @cached_property
    def _ours(self) -> "TaskManager":
        """Tasks in our folders alone: lm-eval takes seconds to look through all of its own."""
        from lm_eval.tasks import TaskManager

        return TaskManager(
            include_path=self._task_dirs, include_defaults=False, metadata=self._metadata
        )

    @cached_property
    def _all(self) -> "TaskManager":
        from lm_eval.tasks import TaskManager

        with working("look through lm-eval's tasks"):
            return TaskManager(include_path=self._task_dirs, metadata=self._metadata)

    def _manager(self, names: Sequence[str]) -> "TaskManager":
        """Return a task manager that knows these tasks. Raises RecipeError where none does.

        A group may hold tasks of lm-eval's own, so it takes the manager that knows them all.
        """
        if set(names) <= set(self._ours.all_subtasks):
            return self._ours
        for name in names:
            if name not in self._all.all_tasks:
                message = f"lm-eval has no task {name!r}; {nearest(name, self._all.all_tasks)}"
                if name.startswith("politune_") and not task_folders(()):
                    message = f"task {name!r} is not installed in lm-eval's folder: reinstall "
                    message += "politune-harness (pip install --force-reinstall --no-deps)"
                raise RecipeError(message)
        return self._all

    def load(self, names: Sequence[str]) -> dict[str, Any]:
        """Load tasks, as lm-eval's `tasks`, `groups` and `group_map`.

        Raises RecipeError for a task that does not exist, DataError where its data cannot be had.
        """
        try:
            loaded: dict[str, Any] = self._manager(names).load(list(names))
        except OSError as error:
            why = " ".join(str(error).split())
            message = f"the data of {', '.join(names)} cannot be loaded: {why}"
            raise DataError(message) from error
        if self._half:
            halves.restrict(loaded["tasks"], self._half)
        return loaded

    def _evaluate(
        self,
        lm: "LM",
        names: Sequence[str],
        system: str | None,
        measure: str | None,
        *,
        chat: bool,
    ) -> dict[str, Any]:
        from lm_eval import simple_evaluate

        manager = self._manager(names)
        loaded = self.load(names)
        tops = _with_measure(_tops(loaded), measure)
        if not tops:
            return {"results": {}, "configs": {}, "samples": {}}
        found: dict[str, Any] = simple_evaluate(
            lm,
            tasks=tops,
            task_manager=manager,
            system_instruction=system,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            limit=self._settings.limit,
            # The report has intervals of its own; lm-eval's would be bootstrapped at length.
            bootstrap_iters=0,
            random_seed=None,
            numpy_random_seed=None,
            torch_random_seed=None,
        )
        return found


def _tops(loaded: Mapping[str, Any]) -> list[Any]:
    """Return the tasks and groups that no group among them holds."""
    children = {child for each in loaded["group_map"].values() for child in each}
    every = {**loaded["tasks"], **loaded["groups"]}
    return [each for name, each in every.items() if name not in children]


def _with_measure(tops: Sequence[Any], measure: str | None) -> list[Any]:
    """Return the tasks that have a metric of that name, and groups that hold one; None: all."""

    def tasks(top: Any) -> Sequence[Any]:  # noqa: ANN401
        return top.get_all_tasks() if hasattr(top, "get_all_tasks") else [top]

    return [
        top
        for top in tops
        if measure is None or any(measure in task.aggregation() for task in tasks(top))
    ]


@contextmanager
def _loading(model: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        message = f"model {model} cannot be loaded: {one_line(error)}"
        raise ModelError(message) from error


def _template_warnings(model: str, *, chat: bool, lm: "HFLM") -> dict[str, int]:
    """Say where an instruct model is asked without the template that it was tuned with."""
    name = Path(model).name
    if not chat and lm.tokenizer.chat_template is not None:
        text = f"{name} has a chat template, and was evaluated without it (--apply_chat_template)"
    elif not chat and re.search(r"instruct|chat", name, re.IGNORECASE):
        text = f"{name} is named as an instruct model, but its tokenizer has no chat template"
    else:
        return {}
    logging.getLogger(__name__).warning(text)
    return {text: 1}
