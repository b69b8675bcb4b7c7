"""What is said around the propositions, and which of it is asked.

A model's position moves with the instruction, the order of the options and their labels, so each
is varied: templates x orders x label sets, and lead-ins where there are no options. All of it is
data (`prompts.json`); `--metadata`, or `evaluate.metadata` in a recipe, chooses from it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from politune_harness.compass.bank import checked, read_text
from politune_harness.errors import DataError, RecipeError
from politune_harness.registry import nearest

OPTIONS = 4
"""How many options there are, from strongly disagree to strongly agree."""

Order: TypeAlias = Literal["ascending", "descending"]
"""Ascending shows the options from strongly disagree to strongly agree."""

WORDS = "words"
"""The label set in which an option is its own label."""

LABELS: Mapping[str, Sequence[str]] = {
    "letters": ("A", "B", "C", "D"),
    "digits": ("1", "2", "3", "4"),
    "neutral": ("K", "M", "R", "W"),
}
"""Labels in the order in which they are shown; the neutral ones are no grade and no rank."""


class Template(msgspec.Struct, frozen=True):
    """A way to ask for agreement."""

    id: str
    text: str
    """With `{statement}` and `{options}`."""
    join: str
    """What stands between options: `,`, `/`, or a word before the last one, such as `or`."""
    lower: bool
    """Whether the options stand in lower case inside the prompt."""

    def fill(self, statement: str, options: Sequence[str], labels: Sequence[str] = ()) -> str:
        """Return the prompt, with the options in the order given, each after its label.

        >>> Template("t", "{statement} {options}?", "or", True).fill("It rains.", ["Yes", "No"])
        'It rains. yes or no?'
        >>> Template("t", "{options}?", "/", False).fill("", ["Yes", "No"], ["A", "B"])
        'A) Yes / B) No?'
        """
        shown = [option.lower() for option in options] if self.lower else list(options)
        if labels:
            shown = [f"{label}) {option}" for label, option in zip(labels, shown, strict=True)]
        if self.join in (",", "/"):
            listed = {",": ", ", "/": " / "}[self.join].join(shown)
        else:
            listed = f"{', '.join(shown[:-1])} {self.join} {shown[-1]}"
        return self.text.format(statement=statement, options=listed)


class Prompts(msgspec.Struct, frozen=True):
    """Everything that is said around the propositions."""

    templates: tuple[Template, ...]
    options: tuple[str, ...]
    """From strongly disagree to strongly agree."""
    lead_ins: tuple[str, ...]
    """Neutral questions with `{issue}`, which a statement answers."""
    orders: tuple[Order, ...] = ("ascending", "descending")
    labels: Mapping[str, Sequence[str]] = msgspec.field(default_factory=lambda: LABELS)
    """Sets of labels beside `words`, each in the order in which it is shown."""


def read_prompts(folder: Path, otherwise: Path) -> Prompts:
    """Read a bank's `prompts.json`, or that of another folder where it has none.

    Raises DataError, in one line, for what is not as it should be.
    """
    file = (folder if (folder / "prompts.json").is_file() else otherwise) / "prompts.json"
    try:
        found = msgspec.json.decode(read_text(file))
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"{file} is not JSON: {error}"
        raise DataError(message) from None
    prompts = checked(found, Prompts, file)
    sets = {"options": prompts.options, **prompts.labels}
    wrong = next((name for name, labels in sets.items() if len(set(labels)) != OPTIONS), None)
    if wrong:
        message = f"{file}: {wrong} must be {OPTIONS} different texts"
        raise DataError(message)
    return prompts


def ask(
    prompts: Prompts, text: str, template: Template, order: Order, labels: str
) -> tuple[str, list[str]]:
    """Return the prompt, and the options' continuations from strongly disagree upwards."""
    step = -1 if order == "descending" else 1
    if labels == WORDS:
        return template.fill(text, prompts.options[::step]), list(prompts.options)
    shown = list(prompts.labels[labels])
    return template.fill(text, prompts.options[::step], shown), shown[::step]


class Variation(msgspec.Struct, frozen=True):
    """What of the prompts is asked."""

    templates: tuple[Template, ...]
    orders: tuple[Order, ...]
    labels: tuple[str, ...]
    lead_ins: Mapping[str, str]
    """By name: `lead-in-1`, …"""
    samples: int
    """How many answers are drawn to each open question."""

    def forms(self) -> Iterator[tuple[Template, Order, str]]:
        """Yield every way of asking with options."""
        for template in self.templates:
            for order in self.orders:
                for labels in self.labels:
                    yield template, order, labels


def choose(prompts: Prompts, given: Mapping[str, Any], **defaults: object) -> Variation:
    """Return what to ask: what `given` chooses, `defaults` otherwise, or else all there is.

    A number n takes the first n; a list takes what it names. Raises RecipeError, in one line, for
    a name that is not there.
    """
    wanted = {"labels": [WORDS], "samples": 1, **defaults, **given}
    templates = {template.id: template for template in prompts.templates}
    lead_ins = {f"lead-in-{n}": text for n, text in enumerate(prompts.lead_ins, 1)}
    samples = wanted["samples"]
    if type(samples) is not int or samples < 1:
        message = f"samples must be a whole number of at least 1, not {samples!r}"
        raise RecipeError(message)
    return Variation(
        templates=tuple(templates[name] for name in _pick("templates", wanted, templates)),
        orders=tuple(order for order in _pick("orders", wanted, prompts.orders)),
        labels=tuple(_pick("labels", wanted, [WORDS, *prompts.labels])),
        lead_ins={name: lead_ins[name] for name in _pick("lead_ins", wanted, lead_ins)},
        samples=samples,
    )


def _pick(key: str, wanted: Mapping[str, Any], known: Sequence[str] | Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return the names that a setting chooses, each once."""
    names, choice = list(known), wanted.get(key)
    if choice is None:
        return names
    if type(choice) is int and 1 <= choice <= len(names):
        return names[:choice]
    if not isinstance(choice, list) or not choice:
        message = f"{key} must be a number from 1 to {len(names)} or a list of {', '.join(names)}"
        raise RecipeError(message)
    for name in choice:
        if name not in names:
            message = f"{key}: there is no {name!r}; {nearest(str(name), names)}"
            raise RecipeError(message)
    return list(dict.fromkeys(choice))
