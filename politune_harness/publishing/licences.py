"""What licences of models ask of whoever passes on what was made from them.

Read in the texts that each rule names; it is no legal advice, and a licence that has no rule here
may ask for more. Names are those of the Hub's field `license`.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one licence."""

    licence: str
    models: str
    """A pattern of the models that are under it."""
    read_in: str
    """The clause that this is taken from."""
    prefix: str = ""
    """What the name of a model begins with that is made from it, or from what it wrote."""
    built_with: str = ""
    """What is to be shown beside it."""
    notice: str = ""
    """What a NOTICE file has to say."""
    keeps_outputs: bool = False
    """Whether what it writes may improve no model but its own kind."""


def _llama(version: str, *, prefix: str = "Llama", built_with: str = "Built with Llama") -> Rule:
    older = version == "3"
    name = f"{'Meta ' if older else ''}Llama {version}"
    return Rule(
        licence=f"llama{version}",
        models=rf"llama-?{re.escape(version)}(?![.\d])",
        read_in=f"https://www.llama.com/llama{version.replace('.', '_')}/license/, section 1.b",
        prefix=prefix,
        built_with=built_with,
        notice=f"{name} is licensed under the {name} Community License, "
        "Copyright © Meta Platforms, Inc. All Rights Reserved.",
        keeps_outputs=older,
    )


RULES = (
    _llama("3", prefix="Llama-3", built_with="Built with Meta Llama 3"),
    *map(_llama, ("3.1", "3.2", "3.3", "4")),
    Rule(
        licence="gemma",
        models=r"gemma-?[123]?(?!\d)",
        read_in="https://ai.google.dev/gemma/terms, section 3.1",
        notice="Gemma is provided under and subject to the Gemma Terms of Use found at "
        "ai.google.dev/gemma/terms",
    ),
)


def rule_of(licence: str | None) -> Rule | None:
    """Return the rule of a licence, if there is one."""
    return next((rule for rule in RULES if rule.licence == licence), None)


def rules_of(models: Iterable[str]) -> Iterator[tuple[str, Rule]]:
    """Yield the rules under which models are, going by their names.

    >>> [rule.licence for _, rule in rules_of(["meta-llama/Llama-3.1-8B", "Qwen/Qwen3-8B"])]
    ['llama3.1']
    """
    for model in models:
        name = model.rpartition("/")[2].lower()
        yield from ((model, rule) for rule in RULES if re.search(rule.models, name))


def named(name: str, rules: Iterable[Rule]) -> str:
    """Return a model's name as rules want it.

    >>> named("study-left", [_llama("3.1")]), named("Llama-study", [_llama("3.1")])
    ('Llama-study-left', 'Llama-study')
    """
    for rule in rules:
        if not name.lower().startswith(rule.prefix.lower()):
            name = f"{rule.prefix}-{name}"
    return name
