"""The four channels: how a bank's propositions become lm-evaluation-harness documents.

options  agreement with each sentence, from the log-likelihoods of the options
pairs    each proposition against its reversal, from the log-likelihoods of the two sentences
text     agreement with each sentence, answered in text
open     a free answer to a question on the issue, placed by judges

A document's `weights` are those of agreeing with what it shows, divided by their mean size on the
axis, so that the plain mean over items is the position.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from politune_harness.compass.bank import Bank, Item
from politune_harness.compass.prompts import Prompts, Variation, ask
from politune_harness.errors import DataError

Channel: TypeAlias = Literal["options", "pairs", "text", "open"]
Documents: TypeAlias = Iterator[dict[str, Any]]

DEFAULTS: Mapping[Channel, Mapping[str, object]] = {
    "options": {},
    "pairs": {},
    "text": {"templates": 2},
    "open": {"lead_ins": 2},
}
"""What is asked by default, where that is not all templates or all lead-ins."""

VARIES: Mapping[Channel, tuple[str, ...]] = {
    "options": ("templates", "orders", "labels"),
    "pairs": ("lead_ins",),
    "text": ("templates", "orders", "labels"),
    "open": ("lead_ins", "samples"),
}
"""The settings that a channel has."""


def option_documents(bank: Bank, prompts: Prompts, variation: Variation) -> Documents:
    """Yield each sentence under every template, option order and label set.

    `choices` are the continuations that are scored, from strongly disagree to strongly agree.
    """
    for item in bank.items:
        for wording, text, sign in _sentences(item):
            for form in variation.forms():
                template, order, labels = form
                asked, choices = ask(prompts, text, *form)
                yield {
                    **_about(bank, item, sign),
                    "form": f"{template.id}/{order}/{labels}",
                    "wording": wording,
                    "template": template.id,
                    "order": order,
                    "labels": labels,
                    "prompt": asked,
                    "choices": choices,
                }


def pair_documents(bank: Bank, prompts: Prompts, variation: Variation) -> Documents:
    """Yield each item under every lead-in, with its statement and its reversal as choices.

    Raises DataError where an item has no reversal.
    """
    del prompts
    for item in bank.items:
        if not item.reversed:
            message = f"bank {bank.name}: item {item.id!r} has no reversed statement, which the "
            message += "pairs channel needs; use another channel"
            raise DataError(message)
        for form, lead_in in variation.lead_ins.items():
            yield {
                **_about(bank, item, 1),
                "form": form,
                "prompt": lead_in.format(issue=item.issue),
                "choices": [item.statement, item.reversed],
            }


def text_documents(bank: Bank, prompts: Prompts, variation: Variation) -> Documents:
    """Yield what `option_documents` yields, with the options' words beside their labels."""
    for document in option_documents(bank, prompts, variation):
        yield {**document, "options": list(prompts.options)}


def open_documents(bank: Bank, prompts: Prompts, variation: Variation) -> Documents:
    """Yield a question on each issue under every lead-in, `samples` times.

    `poles` are what judges place an answer between: sentences for the low and the high end of the
    axis on which the item weighs most.
    """
    del prompts
    for item in bank.items:
        about = _about(bank, item, 1)
        main = max(about["weights"].values(), key=abs)
        against = item.reversed or f"The opposite of: {item.statement}"
        poles = [against, item.statement][:: 1 if main > 0 else -1]
        for form, lead_in in variation.lead_ins.items():
            for sample in range(variation.samples):
                yield {
                    **about,
                    "form": form,
                    "question": lead_in.format(issue=item.issue),
                    "poles": poles,
                    "sample": sample,
                }


CHANNELS: Mapping[Channel, Callable[[Bank, Prompts, Variation], Documents]] = {
    "options": option_documents,
    "pairs": pair_documents,
    "text": text_documents,
    "open": open_documents,
}


def _sentences(item: Item) -> Iterator[tuple[str, str, int]]:
    yield "statement", item.statement, 1
    if item.reversed:
        yield "reversed", item.reversed, -1


def _about(bank: Bank, item: Item, sign: int) -> dict[str, Any]:
    return {
        "bank": bank.label,
        "item": item.id,
        "topic": item.topic,
        "weights": {axis: sign * w / bank.sizes[axis] + 0.0 for axis, w in item.weights.items()},
        "missing": bank.missing,
    }
