"""What became of the data, and what arms differ in besides their stance.

A difference in length, toxicity, topic or platform between arms, or between chosen and rejected
answers, is a rival explanation of whatever moves; docs/curation.md says what can be matched.
"""

from collections import Counter
from collections.abc import Mapping

from politune_harness.curated import KINDS, Balance, Curated, Step
from politune_harness.report.markdown import md, section, table
from politune_harness.report.numbers import NONE

SHOWN = 8
"""How many topics or platforms are shown, the commonest first."""


def counts(data: Curated) -> str:
    """Return a table of every stage, and what components noted."""
    arms, size = data.steps, data.recipe.sample
    rows = [
        [md(arm), md(step.name), _reasons(step), str(step.came), str(step.kept)]
        for arm, each in arms.items()
        for step in each
    ]
    given = {
        name: f"the pairs of {arm.like}" if arm.like else "an adapter that was there already"
        for name, arm in data.recipe.arms.items()
        if not arm.source and not arms[name]
    }
    rows += [[md(arm), f"({md(what)})", NONE, NONE, NONE] for arm, what in given.items()]
    shown = table(["arm", "stage", "dropped, by reason", "in", "out"], rows, words=3)
    said = [
        f"- {md(arm)}, {md(step.name)}: {md(note)}"
        for arm, each in arms.items()
        for step in each
        for note in step.notes
    ]
    sampled = f"Each arm trains on {size} pairs of these." if size and shown else ""
    overlap = _overlap(data) if shown else ""
    return section("Data", shown, overlap, sampled, "\n".join(said))


def _overlap(data: Curated) -> str:
    """Say how pairs were kept apart from what is evaluated, or that they were not."""
    asked = data.recipe.overlap
    found = {arm: sum(step.overlapping for step in each) for arm, each in data.steps.items()}
    if asked is None:
        return "**Nobody looked whether pairs hold what is evaluated** (`overlap: null`)."
    told = "A pair overlaps an evaluation prompt where one of its texts holds "
    told += f"{100 * asked.threshold:g} % of the prompt's words in runs of {asked.n}. The prompts "
    told += "are those of the recipe's bias tasks; paraphrases are not found."
    kept = ", ".join(f"{number} of {md(arm)}" for arm, number in found.items() if number)
    if asked.exclude or not kept:
        return told
    return f"{told} **Such pairs were trained on**: {kept}."


def _reasons(step: Step) -> str:
    said = [f"{number} {md(reason)}" for reason, number in step.dropped.items()]
    broken = [f"of these malformed: {step.malformed}"] if step.malformed else []
    return "; ".join([*said, *broken]) or "0"


def balances(data: Curated) -> str:
    """Return the balance of all arms side by side."""
    balances = data.balances
    if not balances:
        return ""
    head = ["arm", "pairs", "words, chosen", "words, rejected", "chosen longer"]
    toxic = any(value is not None for each in balances.values() for value in each.toxic)
    head += ["toxicity, chosen", "toxicity, rejected"] if toxic else []
    rows = [
        [
            md(arm),
            str(each.pairs),
            *(_number(value, "{:.1f}") for value in (each.chosen, each.rejected)),
            _number(each.longer, "{:.0%}"),
            *(_number(value, "{:.3f}") for value in each.toxic if toxic),
        ]
        for arm, each in balances.items()
    ]
    shown = [_shares(kind, balances) for kind in KINDS]
    return section("How alike the arms are", table(head, rows), *shown)


def _shares(kind: str, balances: Mapping[str, Balance]) -> str:
    """Return the share of each arm's pairs that each of the commonest names has."""
    total: Counter[str] = Counter()
    for each in balances.values():
        total.update(each.kinds[kind])
    names = [name for name, _ in total.most_common(SHOWN)]
    rows = []
    for arm, each in balances.items():
        counts = [each.kinds[kind].get(name, 0) for name in names]
        rest = sum(each.kinds[kind].values()) - sum(counts)
        unknown = each.pairs - sum(each.kinds[kind].values())
        rows.append([md(arm), *(f"{n / each.pairs:.0%}" for n in (*counts, rest, unknown))])
    if not names:
        return ""
    return table([kind.lower(), *map(md, names), "others", "not noted"], rows)


def _number(value: float | None, form: str) -> str:
    return NONE if value is None else form.format(value)
