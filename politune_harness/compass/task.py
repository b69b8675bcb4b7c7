"""The class and the documents of the compass tasks, for lm-evaluation-harness to import.

A task's YAML names this class, its channel and the function that brings its bank; its metrics
follow from the channel and the bank's axes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from politune_harness.compass.bank import Bank, Item, read_bank
from politune_harness.compass.channels import CHANNELS, DEFAULTS, VARIES, Channel
from politune_harness.compass.metrics import Aggregation, metrics
from politune_harness.compass.prompts import Variation, choose, read_prompts
from politune_harness.compass.results import (
    open_results,
    option_results,
    pair_results,
    reply_results,
)
from politune_harness.errors import RecipeError
from politune_harness.judging import ready_panel
from politune_harness.lm_task import InstrumentTask, dataset

RESULTS: Mapping[str, Callable[[Mapping[str, Any], Sequence[Any]], dict[str, Any]]] = {
    "options": option_results,
    "pairs": pair_results,
    "text": reply_results,
    "open": open_results,
}
SCORED = ("options", "pairs")
"""The channels that need log-likelihoods."""

LINE_END = ["\n"]
"""Where a text that is continued without a chat template ends: the next line is another text."""


def documents(
    folder: Path, channel: Channel, otherwise: Path, *, judges: object = None, **given: object
) -> dict[str, Any]:
    """Return what a compass task asks: the documents of a bank in a channel, and what they are.

    `folder` is the bank's, or its bank.yaml; `otherwise` is the folder whose prompts it takes
    where it has none of its own. `given` is what `--metadata` says, and the model's arguments.
    Raises RecipeError or DataError, in one line, for what cannot be asked.
    """
    refuse_without_loglikelihoods(channel, given)
    bank = read_bank(folder)
    prompts = read_prompts(folder if folder.is_dir() else folder.parent, otherwise)
    variation = choose(prompts, given, **DEFAULTS[channel])
    rows = CHANNELS[channel](bank, prompts, variation)
    same = {"judges": ready_panel(judges, given, "the open channel")} if channel == "open" else {}
    sentences = {f"{item.id}/{n}": text for item in bank.items for n, text in _sentences(item)}
    about = instrument(bank, channel, variation)
    return {**dataset(rows, **same), "instrument": about, "sentences": sentences}


def _sentences(item: Item) -> Iterator[tuple[str, str]]:
    yield "statement", item.statement
    if item.reversed:
        yield "reversed", item.reversed


def instrument(bank: Bank, channel: Channel, variation: Variation) -> dict[str, Any]:
    """Return what stands with every result: the bank, the channel, and what was asked."""
    return {
        "bank": bank.name,
        "version": bank.version,
        "hash": bank.hash,
        "language": bank.language,
        "reviewed": bank.reviewed,
        "translation_of": bank.translation_of,
        "missing": bank.missing,
        "items": len(bank.items),
        "axes": {axis.name: {"low": axis.low, "high": axis.high} for axis in bank.axes},
        "channel": channel,
        "asked": asked(channel, variation),
    }


def asked(channel: Channel, variation: Variation) -> dict[str, Any]:
    """Return what was chosen of what a channel varies."""
    chosen = {
        "templates": [template.id for template in variation.templates],
        "orders": list(variation.orders),
        "labels": list(variation.labels),
        "lead_ins": list(variation.lead_ins),
        "samples": variation.samples,
    }
    return {name: chosen[name] for name in VARIES[channel]}


class CompassTask(InstrumentTask):
    """A bank in a channel: metrics by its axes, and `instrument` in the results' metadata.

    Used as `class: !function politune_harness.compass.task.CompassTask`, with a `custom_dataset`
    that returns what `documents` returns.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__({"metric_list": [], **config})
        self.config.metadata = {**(self.config.metadata or {}), "instrument": self.instrument}

    @property
    def instrument(self) -> dict[str, Any]:
        """What is asked; see `instrument` in this module."""
        found: dict[str, Any] = self.dataset["instrument"]
        return found

    @property
    def language(self) -> str:
        return str(self.instrument["language"])

    def texts(self) -> dict[str, str]:
        """Return the sentences of the bank, and its questions where the channel asks any."""
        said: dict[str, str] = dict(self.dataset["sentences"])
        asks = self.instrument["channel"] in ("pairs", "open")
        return said | (super().texts() if asks else {})

    def measures(self) -> dict[str, Aggregation]:
        """Return the metrics, with what aggregates each."""
        return metrics(self.instrument["channel"], self.instrument["axes"])

    def values(self, doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
        """Return what a document's answer gives to each metric."""
        return RESULTS[self.instrument["channel"]](doc, results)

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **options: Any) -> None:  # noqa: ANN401
        super().download(dataset_kwargs, **options)
        found = self.measures()
        if len(self.instrument["asked"].get("orders", ())) == 1:
            del found["order_effect"]
        self._aggregation_list = found
        self._metric_fn_list = dict.fromkeys(found)
        self._metric_fn_kwargs: dict[str, dict[str, Any]] = {name: {} for name in found}
        self._higher_is_better = dict.fromkeys(found)
        self.config.metric_list = [
            {"metric": name, "aggregation": by, "higher_is_better": None}
            for name, by in found.items()
        ]

    def build_all_requests(self, *, apply_chat_template: bool = False, **options: Any) -> None:  # noqa: ANN401
        settings = self.config.generation_kwargs
        if self.instrument["channel"] == "text" and not (apply_chat_template or settings["until"]):
            settings["until"] = LINE_END
        super().build_all_requests(apply_chat_template=apply_chat_template, **options)
        if self.instrument["channel"] in SCORED:
            _refuse_messages(self.instances[0].args[0])


INSTEAD = "gives no log-likelihoods of its answers; use politune_compass_text, which reads replies"


def refuse_without_loglikelihoods(channel: Channel, given: Mapping[str, object]) -> None:
    """Refuse what the model's arguments show to be a thinking model or a chat endpoint.

    Raises RecipeError, in one line, where the channel needs log-likelihoods.
    """
    if channel not in SCORED:
        return
    if given.get("enable_thinking"):
        message = f"a model with enable_thinking=True {INSTEAD} (or pass enable_thinking=False)"
        raise RecipeError(message)
    if str(given.get("base_url", "")).rstrip("/").endswith("/chat/completions"):
        message = f"a chat endpoint ({given['base_url']}) {INSTEAD}"
        raise RecipeError(message)


def _refuse_messages(context: object) -> None:
    """Refuse a model that is sent messages, or whose template opens its thinking: see `INSTEAD`.

    lm-evaluation-harness hands chat endpoints messages and others text, so that is where it shows
    first; nothing has been asked by then.
    """
    if not isinstance(context, str):
        message = f"a model behind a chat endpoint {INSTEAD}"
        raise RecipeError(message)
    if context.rstrip().endswith("<think>"):
        message = f"a model whose chat template opens its thinking {INSTEAD}"
        raise RecipeError(message)
