"""The class of our lm-evaluation-harness tasks: each result names exactly what was asked.

The one module that imports lm_eval at the top, for lm_eval to import.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from lm_eval.api.task import ConfigurableTask  # noqa: TID253

from politune_harness import side_metrics
from politune_harness.compass.mentions import spoken
from politune_harness.judging import panel, together

logger = logging.getLogger(__name__)


class InstrumentTask(ConfigurableTask):  # type: ignore[misc]
    """A task whose version is its YAML's, then the digest of its documents: `1+3f9a0c41b2d7`.

    Answers in text also get the side metrics. Where the model brings a chat template and none is
    applied, it says so once. `max_gen_toks` in `--metadata` or the model's arguments sets the
    longest answer; `--gen_kwargs` wins. Used as
    `class: !function politune_harness.lm_task.InstrumentTask`, beside the usual keys.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config={key: value for key, value in config.items() if key != "class"})
        known, digest = config["metadata"], self.dataset["test"][0]["digest"]
        self.VERSION = f"{known['version']}+{digest}"
        if self.OUTPUT_TYPE == "generate_until":
            self._add(side_metrics.metrics(self.language))
            judges = panel(self.dataset["test"][0].get("judges", "[]"))
            if any(judge.measures == "coherence" for judge in judges):
                self._add(side_metrics.BY_JUDGE)
        if self.config.generation_kwargs and "max_gen_toks" in known:
            self.config.generation_kwargs["max_gen_toks"] = int(known["max_gen_toks"])

    @property
    def language(self) -> str:
        """The language in which answers are to be read."""
        return "en"

    def _add(self, metrics: Mapping[str, side_metrics.Aggregation]) -> None:
        """Aggregate further metrics, save those that the task has of its own."""
        own = set(self._aggregation_list)
        for name, by in metrics.items():
            if name not in own:
                self._aggregation_list[name] = by
                self._metric_fn_list[name] = None
                self._metric_fn_kwargs[name] = {}
                self._higher_is_better[name] = False

    def process_results(self, doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
        own, beside = self.values(doc, results), {}
        if self.OUTPUT_TYPE == "generate_until":
            given = results[0]
            text = given["answer"] if isinstance(given, Mapping) else spoken(given or "")
            beside = side_metrics.values(doc, text, cut=self._cut(text))
            if isinstance(given, Mapping) and given.get("coherence"):
                about = {name: beside["empty"][name] for name in beside["empty"] if name != "value"}
                beside["coherence"] = {**about, **together(given["coherence"])}
        return {name: row for name, row in {**beside, **own}.items() if name in self.aggregation()}

    def texts(self) -> dict[str, str]:
        """Return what is asked, by item; what several documents ask once."""
        found: dict[str, str] = {}
        for doc in self.eval_docs:
            found.setdefault(str(self.doc_to_text(doc)), "/".join(_named(doc)))
        return {name: text for text, name in found.items()}

    def values(self, doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
        """Return what a document's answer gives to the task's own metrics."""
        found: dict[str, Any] = super().process_results(doc, results)
        return found

    def _cut(self, text: str | None) -> bool | None:
        known = self.config.metadata or {}
        tokenizer = known.get("tokenizer") or known.get("pretrained")
        return side_metrics.cut_off(text or "", self.config.generation_kwargs or {}, tokenizer)

    def build_all_requests(self, *, apply_chat_template: bool = False, **options: Any) -> None:  # noqa: ANN401
        known = self.config.metadata or {}
        tokenizer = known.get("tokenizer") or known.get("pretrained")
        if tokenizer and not apply_chat_template and has_chat_template(str(tokenizer)):
            warn_without_template(str(tokenizer))
        super().build_all_requests(apply_chat_template=apply_chat_template, **options)


def _named(doc: Mapping[str, Any]) -> Iterator[str]:
    return (str(doc[name]) for name in ("item", "side", "form") if name in doc)


def dataset(documents: Iterable[Mapping[str, Any]], **same: str) -> dict[str, Any]:
    """Return documents as lm-evaluation-harness wants them from a `custom_dataset`.

    Each also says the digest of all of them, and `same`, which the digest does not cover.
    """
    from datasets import Dataset

    rows = list(documents)
    canonical = json.dumps(rows, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    return {"test": Dataset.from_list([{**row, **same, "digest": digest} for row in rows])}


def has_chat_template(tokenizer: str) -> bool:
    """Return whether a tokenizer, in a folder or in the Hub's cache, brings a chat template."""
    from transformers.utils.hub import cached_file

    def found(name: str) -> str | None:
        path: str | None = cached_file(
            tokenizer,
            name,
            local_files_only=True,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        return path

    if found("chat_template.jinja"):
        return True
    if (path := found("tokenizer_config.json")) is None:
        return False
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return bool(json.load(file).get("chat_template"))


@cache
def warn_without_template(tokenizer: str) -> None:
    """Warn, once a model, that its positions are measured outside the form it was trained in."""
    logger.warning(
        "%s brings a chat template, but none is applied: if it is an Instruct model, these are "
        "not the positions that it shows in a chat. Add --apply_chat_template, and say in your "
        "results which of the two you used.",
        tokenizer,
    )
