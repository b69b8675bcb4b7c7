"""Evaluate a base model and its adapters on lm-evaluation-harness tasks, on one loaded model.

lm-eval's own models and `simple_evaluate` do the work, so every number equals that of the plain
`lm_eval --model hf --model_args pretrained=BASE[,peft=ADAPTER]` with the same settings, bit for
bit. What is written holds no clock time and no machine's path: two runs leave equal bytes.
"""

import importlib.util
import json
import logging
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from politune_harness import halves
from politune_harness.errors import DataError, ModelError, RecipeError
from politune_harness.halves import Half
from politune_harness.judging import DEFERRED, FLAG, IN_RECIPE, UNJUDGED
from politune_harness.lm import FLUENCY, drawn, fluency, quiet
from politune_harness.lm_backends import Backend, Transformers, loading
from politune_harness.lm_parts import Part, Parts, joined
from politune_harness.lm_prefixes import Shared
from politune_harness.lm_requests import CUT, KEPT, built_once, cut, kept_format
from politune_harness.lm_results import about_model, kept, write
from politune_harness.measurements import Measurement, plain, read, rows_of
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
    from transformers import PreTrainedTokenizerBase

    from politune_harness.plan import Plan


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
        trusted: bool = False,
    ) -> None:
        """Ask judges at once, or not at all where that is `deferred`: see `judge`.

        `half` is the part that is asked: the report's, where checkpoints are chosen by the other.
        Python code that comes with the model is run where it is `trusted`.
        """
        self._model, self._settings, self._trusted = model, settings, trusted
        self._half: Half | None = half or ("report" if settings.select else None)
        self._task_dirs = [str(folder) for folder in task_dirs]
        given: dict[str, Any] = {}
        if judges:
            given["judges"] = [dict(judge) for judge in judges]
        if deferred:
            given["judge"] = DEFERRED
        self._metadata: dict[str, Any] = {"pretrained": model, **settings.metadata, **given}
        self._loaded: dict[tuple[str, ...], dict[str, Any]] = {}
        self._shared = Shared()

    @classmethod
    def of(
        cls,
        plan: "Plan",
        settings: Evaluate | None = None,
        *,
        judging: Literal["now", "later", "never"] = "now",
        half: Half | None = None,
    ) -> "Evaluator":
        """Return what evaluates a plan's model as its recipe says, or as `settings` do instead.

        Where `judging` is never, its tasks need no judge, and what they ask stays unjudged.
        """
        told = settings or plan.recipe.evaluate
        never = judging == "never"
        if never:
            told = told.model_copy(update={"metadata": {**told.metadata, UNJUDGED: True}})
        return cls(
            plan.model,
            told,
            task_dirs=task_folders(plan.registry.task_dirs()),
            judges=[] if never else [plan.registry.describe(judge) for judge in plan.judges],
            deferred=judging == "later",
            half=half,
            trusted=plan.recipe.trust_remote_code,
        )

    def run(
        self,
        folder: Path,
        *,
        adapter: Path | None = None,
        system: str | None = None,
        tasks: Sequence[str] | None = None,
        measure: str | None = None,
        work: str = "",
    ) -> None:
        """Evaluate the base, or an adapter on it, and fill `folder`.

        Writes results.json (numbers by lm-eval, and all that they depend on), measurements.jsonl
        (see `politune_harness.measurements`) and samples/TASK.jsonl. `system` stands in place of
        the settings' system prompt, `tasks` in place of their tasks; with `measure`, only those of
        them that have a metric of that name are run, which may be none. Each task is on disk once
        it is done: what a killed run with the same `work` left there is not done again. Raises
        ModelError where the model or the adapter cannot be used, RecipeError for a task that does
        not exist, DataError where a task's data cannot be had.
        """
        names = list(self._settings.tasks if tasks is None else tasks)
        system = self._settings.system if system is None else system
        chat = self._chat
        parts: list[Part] = []
        with ExitStack() as stack:
            noted = stack.enter_context(quiet())
            remember = system == self._settings.system
            lm = stack.enter_context(self._backend.asked(adapter, remember=remember))
            state = drawn()
            tops = with_measure(tops_of(self.load(names)), measure)
            done = Parts(folder, work)
            for top in tops:
                noted.clear()
                name = _name(top)
                state.restore()
                parts.append(
                    done.get(name) or done.put(name, self._part(lm, top, system, noted, chat=chat))
                )
            warned = _template_warnings(self._model, chat=chat, lm=lm)
        samples = {task: each for part in parts for task, each in part.samples.items()}
        rows = [row for task, each in samples.items() for row in rows_of(task, each)]
        rows += [msgspec.convert(row, Measurement) for part in parts for row in part.rows]
        with quiet(), self.lm() as untouched:
            rows += fluency(untouched, samples)
        warnings = sum((Counter(part.warnings) for part in parts), Counter(warned))
        about: dict[str, JSON] = {
            "system": system,
            "limit": self._settings.limit,
            "partial": self._settings.limit is not None,
            "batch_size": self._settings.batch_size,
            "warnings": dict(sorted(warnings.items())),
            "tokens": dict(sum((Counter(part.tokens) for part in parts), Counter[str]())),
            **about_model(self._model, lm, chat=chat),
            **self._backend.about(lm),
            **(halves.told(samples, self._half) if self._half else {}),
        }
        write(folder, {**about, **joined(parts)}, samples, rows)
        done.clear()

    def _part(
        self,
        lm: "HFLM",
        top: Any,  # noqa: ANN401
        system: str | None,
        noted: Mapping[str, int],
        *,
        chat: bool,
    ) -> Part:
        """Evaluate one task, or group of tasks."""
        self._shared.tokens.clear()
        found = self._evaluate(lm, [top], system, chat=chat)
        samples = _plain(found.pop("samples"))
        return Part(
            found=kept(found, self._metadata),
            samples=samples,
            warnings=dict(noted),
            tokens=dict(self._shared.tokens),
            rows=[msgspec.to_builtins(r) for r in (*cut(lm, samples), *kept_format(samples))],
        )

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
        found, judged = self.judged(waiting)
        samples = _plain(judged)
        rows = list(measured_anew(read(evaluated / "measurements.jsonl"), samples))
        about["results"].update(kept(found, self._metadata)["results"])
        write(folder, about, samples, rows)
        return sum(map(len, samples.values()))

    def judged(self, waiting: Samples) -> tuple[dict[str, Any], Samples]:
        """Return lm-eval's results of answers that are there already, and their samples."""
        with quiet():
            tops = tops_of(self.load(list(waiting)))
            found = self._evaluate(recorded(waiting), tops, None, chat=True)
        return found, filled_in(waiting, found["samples"])

    @cached_property
    def _tokenizer(self) -> "PreTrainedTokenizerBase":
        from transformers import AutoTokenizer

        with loading(self._model):
            return AutoTokenizer.from_pretrained(self._model, trust_remote_code=self._trusted)

    @cached_property
    def _backend(self) -> Backend:
        if self._settings.backend == "vllm":
            from politune_harness.lm_vllm import Vllm

            return Vllm(self._model, self._settings, trusted=self._trusted)
        tokenizer, shared = self._tokenizer, self._shared
        return Transformers(self._model, self._settings, tokenizer, shared, trusted=self._trusted)

    @property
    def _chat(self) -> bool:
        wanted, there = self._settings.chat_template, self._tokenizer.chat_template is not None
        if wanted and not there:
            message = f"evaluate.chat_template is true, but the tokenizer of {self._model} has none"
            raise ModelError(message)
        return there if wanted is None else wanted

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
        self._require(names)
        return self._all

    def _require(self, names: Sequence[str]) -> None:
        """Raise RecipeError for a task that does not exist."""
        for name in names:
            if name in self._ours.all_tasks:
                continue
            # Our own need no look through lm-eval's, which takes a quarter of a minute.
            known = (self._ours if name.startswith("politune_") else self._all).all_tasks
            if name not in known:
                message = f"lm-eval has no task {name!r}; {nearest(name, known)}"
                if name.startswith("politune_") and not task_folders(()):
                    message = f"task {name!r} is not installed in lm-eval's folder: reinstall "
                    message += "politune-harness (pip install --force-reinstall --no-deps)"
                raise RecipeError(message)

    def check(self, names: Sequence[str]) -> None:
        """Raise RecipeError for a task that does not exist, or that needs a judge and has none.

        Of the tasks nothing is loaded, but of those in our folders that are answered in words.
        """
        self._require(names)
        index, leaves = self._ours.task_index, self._held(names)
        if in_words := [leaf for leaf in leaves if leaf in index and _in_words(index[leaf].cfg)]:
            self._load(self._ours, in_words)

    def load(self, names: Sequence[str]) -> dict[str, Any]:
        """Load tasks, as lm-eval's `tasks`, `groups` and `group_map`: once, with their requests.

        Raises RecipeError for a task that does not exist, or whose package is not installed,
        DataError where its data cannot be had.
        """
        if (known := self._loaded.get(tuple(names))) is not None:
            return known
        loaded = self._load(self._manager(names), names)
        if self._half:
            groups = loaded["group_map"]
            able = {leaf for name in self._settings.capability for leaf in _leaves(name, groups)}
            halves.restrict(loaded["tasks"], self._half, able)
        for task in loaded["tasks"].values():
            built_once(task, self._settings.system)
        self._loaded[tuple(names)] = loaded
        return loaded

    @staticmethod
    def _load(manager: "TaskManager", names: Sequence[str]) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = manager.load(list(names))
        except OSError as error:
            why = " ".join(str(error).split())
            message = f"the data of {', '.join(names)} cannot be loaded: {why}"
            raise DataError(message) from error
        except ModuleNotFoundError as error:
            message = f"{', '.join(names)} needs the package {error.name}, which is not installed; "
            message += "those of `politune_general`: pip install 'politune-harness[general]'"
            raise RecipeError(message) from error
        except RecipeError as error:
            # Who writes a recipe has no flag of lm_eval.
            raise RecipeError(str(error).replace(FLAG, IN_RECIPE)) from None
        return loaded

    def _held(self, names: Sequence[str]) -> dict[str, None]:
        """Return the tasks that some tasks and groups of our folders hold, each once, in order."""
        children = _children(self._ours.task_index)
        return dict.fromkeys(leaf for name in names for leaf in _leaves(name, children))

    def metrics(self, task: str) -> list[str] | None:
        """Return what one of the settings' tasks measures on its samples.

        None where it is no single task of our folders: what others measure takes their data to
        tell. Raises RecipeError where no task of the settings can be that.
        """
        names, ours = self._settings.tasks, set(self._ours.all_subtasks)
        leaves = self._held(names)
        if task in ours & leaves.keys():
            found = self._load(self._ours, [task])["tasks"][task].aggregation()
            return [name for name in found if not _of_means(name, found)] + [FLUENCY, CUT, KEPT]
        if leaves.keys() <= ours and task not in names:
            message = f"the recipe evaluates no task {task!r}; {nearest(task, leaves)}"
            raise RecipeError(message)
        return None

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens; loads no weights."""
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def lm(self) -> AbstractContextManager[Any]:
        """Return lm-eval's model of the untouched base."""
        return self._backend.asked()

    @property
    def forced(self) -> Mapping[str, int]:
        """Settings under which the model writes 32 tokens, whatever it would say."""
        return self._backend.forced

    def requests(self, task: Any) -> list[Any]:  # noqa: ANN401
        """Return what a loaded task asks, as lm-eval's instances; loads no weights."""
        chat, tokenizer = self._chat, self._tokenizer

        def render(turns: list[dict[str, str]], *, add_generation_prompt: bool = True) -> str:
            return str(
                tokenizer.apply_chat_template(
                    turns,
                    tokenize=False,
                    add_generation_prompt=add_generation_prompt,
                    continue_final_message=not add_generation_prompt,
                )
            )

        task.build_all_requests(
            limit=self._settings.limit,
            system_instruction=self._settings.system,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            chat_template=render if chat else None,
            tokenizer_name=str(tokenizer.name_or_path),
        )
        return list(task.instances)

    def _evaluate(
        self, lm: "LM", tops: Sequence[Any], system: str | None, *, chat: bool
    ) -> dict[str, Any]:
        from lm_eval import simple_evaluate

        found: dict[str, Any] = simple_evaluate(
            lm,
            tasks=list(tops),
            task_manager=self._ours,
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


def tops_of(loaded: Mapping[str, Any]) -> list[Any]:
    """Return the tasks and groups that no group among them holds."""
    children = {child for each in loaded["group_map"].values() for child in each}
    every = {**loaded["tasks"], **loaded["groups"]}
    return [each for name, each in every.items() if name not in children]


def _leaves(name: str, groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the tasks that a group holds, at any depth; a task holds itself."""
    if name not in groups:
        yield name
    for child in groups.get(name, ()):
        yield from _leaves(child, groups)


def _children(index: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names in each group of lm-eval's index."""
    return {
        name: [_called(each) for each in entry.cfg["task"]]
        for name, entry in index.items()
        if entry.kind.name == "GROUP"
    }


def _called(child: str | Mapping[str, Any]) -> str:
    """Return the name of a task or a group within a group, which may be a mapping."""
    return child if isinstance(child, str) else str(child.get("task") or child.get("group"))


def _of_means(name: str, others: Container[str]) -> bool:
    """Say whether one of our metrics is made of all samples together, as the bounds of a mean are.

    >>> [_of_means(name, {"economic", "economic_low"}) for name in ("economic_low", "economic")]
    [True, False]
    """
    stem, _, end = name.rpartition("_")
    return end in {"low", "high", "spread"} and stem in others


def _in_words(task: Mapping[str, Any] | None) -> bool:
    """Say whether a task of lm-eval's index makes its own documents, which are answered in words.

    Others may download theirs, and no judge is asked about them.
    """
    return bool(task and task.get("custom_dataset") and task["output_type"] == "generate_until")


def _plain(samples: Samples) -> Samples:
    """Return samples as JSON can hold them."""
    return {
        task: [{str(k): plain(v) for k, v in each.items()} for each in rows]
        for task, rows in samples.items()
    }


def _name(top: Any) -> str:  # noqa: ANN401
    """Return the name of a task or a group."""
    return str(getattr(top, "task_name", None) or top.name)


def with_measure(tops: Sequence[Any], measure: str | None) -> list[Any]:
    """Return the tasks that have a metric of that name, and groups that hold one; None: all."""

    def tasks(top: Any) -> Sequence[Any]:  # noqa: ANN401
        return top.get_all_tasks() if hasattr(top, "get_all_tasks") else [top]

    return [
        top
        for top in tops
        if measure is None or any(measure in task.aggregation() for task in tasks(top))
    ]


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
