"""Every hook that a plugin can implement. All of them *provide*; none of them *do*.

A hook returns a mapping from a name, as a recipe writes it, to a class or a path. Order, caching,
disk and errors belong to the core. Importing a plugin must be cheap: torch, vllm and the like are
imported inside the method that needs them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pluggy

from politune_harness.components import (
    Engine,
    Filter,
    Generator,
    InstructionWriter,
    Metric,
    PairFilter,
    Source,
    Trainer,
)
from politune_harness.discovery import NAMESPACE

hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


@hookspec
def politune_sources() -> Mapping[str, type[Source]]:
    """Provide places that documents come from.

    Example::

        from politune_harness import Document, Source, hookimpl

        class Motto(Source):
            text: str = "In varietate concordia"

            def load(self):
                yield Document(id="motto", text=self.text)

        @hookimpl
        def politune_sources():
            return {"motto": Motto}
    """
    return {}


@hookspec
def politune_filters() -> Mapping[str, type[Filter]]:
    """Provide ways to drop or annotate documents.

    Example::

        from politune_harness import Dropped, Filter, hookimpl

        class NoQuestions(Filter):
            def apply(self, documents):
                for document in documents:
                    asks = document.text.endswith("?")
                    yield Dropped(id=document.id, reason="a question") if asks else document

        @hookimpl
        def politune_filters():
            return {"no-questions": NoQuestions}
    """
    return {}


@hookspec
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    """Provide ways to turn documents into prompts with two answers.

    Example::

        from politune_harness import InstructionWriter, Preference, hookimpl

        class AskWhy(InstructionWriter):
            def write(self, documents):
                for d in documents:
                    yield Preference(id=d.id, prompt="Why?", chosen=d.text, rejected="No idea.")

        @hookimpl
        def politune_instruction_writers():
            return {"ask-why": AskWhy}
    """
    return {}


@hookspec
def politune_pair_filters() -> Mapping[str, type[PairFilter]]:
    """Provide ways to drop, repair, annotate or swap pairs.

    Example::

        from politune_harness import Dropped, PairFilter, hookimpl

        class NoShouting(PairFilter):
            def apply(self, pairs, others):
                for pair in pairs:
                    loud = pair.chosen.isupper()
                    yield Dropped(id=pair.id, reason="shouted") if loud else pair

        @hookimpl
        def politune_pair_filters():
            return {"no-shouting": NoShouting}
    """
    return {}


@hookspec
def politune_trainers() -> Mapping[str, type[Trainer]]:
    """Provide ways to fine-tune a model on preference pairs.

    Example::

        from politune_harness import ModelRef, Trainer, hookimpl

        class Untouched(Trainer):
            def train(self, preferences, model, folder, *, seed, on_checkpoint=None):
                return ModelRef(base=model.base)

        @hookimpl
        def politune_trainers():
            return {"untouched": Untouched}
    """
    return {}


@hookspec
def politune_generators() -> Mapping[str, type[Generator]]:
    """Provide ways to answer prompts with a language model.

    Example::

        from contextlib import contextmanager
        from politune_harness import Completion, Generator, hookimpl

        class Echo(Generator):
            @contextmanager
            def session(self):
                def answer(prompts, adapter=None):
                    for p in prompts:
                        yield Completion(id=p.id, prompt=p.prompt, completion=p.prompt)
                yield answer

        @hookimpl
        def politune_generators():
            return {"echo": Echo}
    """
    return {}


@hookspec
def politune_metrics() -> Mapping[str, type[Metric]]:
    """Provide ways to score completions.

    Example::

        from politune_harness import Metric, Score, hookimpl

        class Words(Metric):
            def score(self, completions):
                for c in completions:
                    yield Score(id=c.id, value=len(c.completion.split()), judge="words")

        @hookimpl
        def politune_metrics():
            return {"words": Words}
    """
    return {}


@hookspec
def politune_engines() -> Mapping[str, type[Engine]]:
    """Provide places where shards and stages are worked.

    Example::

        from politune_harness import Engine, hookimpl

        class OneByOne(Engine):
            def map(self, work, items, *, model=False):
                return map(work, items)

        @hookimpl
        def politune_engines():
            return {"one-by-one": OneByOne}
    """
    return {}


@hookspec
def politune_task_dirs() -> Iterable[Path]:
    """Provide folders of lm-evaluation-harness tasks.

    Example::

        from pathlib import Path
        from politune_harness import hookimpl

        @hookimpl
        def politune_task_dirs():
            return [Path("my_package/tasks")]
    """
    return ()


@hookspec
def politune_models() -> Mapping[str, Path]:
    """Provide folders of base models, by a name that a recipe may give as `model:`.

    Example::

        from pathlib import Path
        from politune_harness import hookimpl

        @hookimpl
        def politune_models():
            return {"our-model": Path("my_package/model")}
    """
    return {}


@hookspec
def politune_recipes() -> Mapping[str, Path]:
    """Provide recipes, by a name that `politune run` takes instead of a file.

    Example::

        from pathlib import Path
        from politune_harness import hookimpl

        @hookimpl
        def politune_recipes():
            return {"our-study": Path("my_package/study.yaml")}
    """
    return {}
