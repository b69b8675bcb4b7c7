"""report.md: what happened in sentences, then the tables behind them, then what they cannot show.

Every name that comes from data is escaped.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from politune_harness.lm import FLUENCY
from politune_harness.report.compass_figure import AXES, channels
from politune_harness.report.escape import markdown as md
from politune_harness.report.numbers import MINUS, NONE, estimate, number, sure
from politune_harness.report.reading import BASE, Run
from politune_harness.report.summary import CONTROL, LEANING, Key
from politune_harness.report.tradeoff_figure import ability_of, coherence, leanings_of

Results = Mapping[str, Any]

FIGURES = {
    "compass.png": "Each arm on the two axes of the compass, with 95 % intervals",
    "gpt_score.png": "Judged scores of each arm's open answers, with 95 % intervals",
    "tradeoff.png": "Shift in leaning against change in ability, each arm against the base",
    "training.png": "Training curves",
}
QUALITY = ("missing", "empty", "repetition", "bits_per_byte")
COVERAGE = ("option_mass", "agree_rate")


def report(run: Run, results: Results, marks: Sequence[str], figures: set[str]) -> str:
    """Return the whole report."""
    settings = run.recipe.evaluate
    bias, capability = run.tasks(settings.bias), run.tasks(settings.capability)
    parts = [
        _head(run, results, marks),
        _happened(run, results, bias, capability),
        *(f"![{text}](figures/{name})" for name, text in FIGURES.items() if name in figures),
        _positions(results, bias),
        _differences(results, bias, capability),
        _capability(results, capability),
        _answers(results, bias),
        _coverage(results, bias),
        _sensitivity(results),
        _data(run),
        _limits(run, results),
        _settings(run, results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """Return a table whose first columns hold `words`, or nothing where it has no rows."""
    lines = [" | ".join(row) for row in rows]
    rule = " | ".join([*["---"] * words, *["---:"] * (len(head) - words)])
    return "\n".join(f"| {line} |" for line in (" | ".join(head), rule, *lines)) if lines else ""


def section(title: str, *parts: str) -> str:
    """Return a section, or nothing where it holds nothing."""
    held = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *held]) if held else ""


def _entry(results: Results, arm: str, task: str, metric: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None
    found = results["arms"].get(arm, {"tasks": {}})["tasks"].get(task, {}).get(metric)
    return found


def _dagger(results: Results, task: str, metric: str) -> str:
    return " †" if f"{task} {metric}" in results["insensitive"] else ""


def _head(run: Run, results: Results, marks: Sequence[str]) -> str:
    lines = [f"# {md(results['model'])}: {', '.join(md(arm) for arm in run.recipe.arms)}"]
    lines += [f"> **{md(mark).upper()}**" for mark in marks]
    return "\n\n".join(lines)


def _happened(run: Run, results: Results, bias: Sequence[str], capability: Sequence[str]) -> str:
    leanings, abilities = leanings_of(results, bias), ability_of(results, capability)
    lines = [_story(results, arm, leanings, abilities) for arm in run.recipe.arms]
    if apart := _between(results, "left", "right"):
        said = [
            f"{metric}{_dagger(results, task, metric)} "
            + estimate(apart.get((task, metric)), metric, sign=True)
            for task, metric in leanings
        ]
        lines.append(f"- **left {MINUS} right**: {', '.join(said)}.")
    if any(_dagger(results, *key) for key in leanings):
        lines.append("\n† System prompts do not move this in this model: read nothing into it.")
    return section("What happened", _how(results, leanings), "\n".join(lines))


def _between(results: Results, a: str, b: str) -> dict[Key, Mapping[str, Any]]:
    """Return the differences between two arms by task and metric."""
    found = (each for each in results["differences"] if (each["a"], each["b"]) == (a, b))
    return {(each["task"], each["metric"]): each for each in found}


def _how(results: Results, leanings: Sequence[Key]) -> str:
    """Say what the sentences below rest on."""
    said = []
    for task in dict.fromkeys(task for task, _ in leanings):
        metrics = [f"{m}{_dagger(results, t, m)}" for t, m in leanings if t == task]
        text = f"{' and '.join(metrics)} by `{task}`"
        judge = (_entry(results, BASE, task, "score") or {}).get("judge")
        said.append(text + (f", judged by {md(judge)}" if judge else ""))
    return f"Measured: {'; '.join(said)}. Brackets hold 95 % intervals." if said else ""


def _story(results: Results, arm: str, leanings: Sequence[Key], abilities: Sequence[Key]) -> str:
    """Say in a sentence where an arm moved, and in another what it cost."""
    base, control = _between(results, arm, BASE), _between(results, arm, CONTROL)
    moves = [_move(results, base[key], control.get(key)) for key in leanings if key in base]
    costs = [_cost(base[key]) for key in abilities if key in base]
    fluency = next((e for (_, metric), e in base.items() if metric == FLUENCY), None)
    if fluency is not None:
        words = {"worse": "less fluent", "kept": "no less fluent for sure", "unknown": "unsure"}
        bits = estimate(fluency, FLUENCY, sign=True)
        costs.append(f"answers {words[coherence(base)]} ({bits} bits a byte)")
    cost = f" What it cost: {'; '.join(costs)}." if costs else ""
    return f"- **{md(arm)}** against the base: {'; '.join(moves) or 'not measured'}.{cost}"


def _move(results: Results, apart: Mapping[str, Any], control: Mapping[str, Any] | None) -> str:
    """Say where one measure went, against the base and against the control arm."""
    metric, scale = apart["metric"], LEANING[apart["metric"]]
    name = metric + _dagger(results, apart["task"], metric)
    said = estimate(apart, metric, sign=True)
    if control is not None:
        said += f"; {estimate(control, metric, sign=True)} against control"
    if not sure(apart, metric):
        return f"no sure move on {name} ({said})"
    side = scale.low_name if apart["value"] < 0 else scale.high_name
    return f"moved {side} on {name} ({said})"


def _cost(apart: Mapping[str, Any]) -> str:
    said = f"{estimate(apart, apart['metric'], sign=True)} points on `{apart['task']}`"
    changed = sure(apart, apart["metric"])
    return f"ability {said}" if changed else f"no sure change in ability ({said})"


def _positions(results: Results, bias: Sequence[str]) -> str:
    parts = []
    for task in channels(results, bias):
        head = ["arm"]
        for axis in AXES:
            scale = LEANING[axis]
            dagger = _dagger(results, task, axis)
            head += [
                f"{axis}{dagger} ({MINUS} {scale.low_name}, + {scale.high_name})",
                "spread",
                "n",
            ]
        rows = []
        for arm in results["arms"]:
            cells = [md(arm)]
            for axis in AXES:
                entry = _entry(results, arm, task, axis)
                spread = results["spread"].get(arm, {}).get(task, {}).get(axis)
                cells += [estimate(entry, axis), number(spread, axis), str((entry or {}).get("n"))]
            rows.append(cells)
        parts += [f"`{task}`, {MINUS}10 to 10:", table(head, rows)]
    for task in bias:
        entries = {arm: _entry(results, arm, task, "score") for arm in results["arms"]}
        found = {arm: entry for arm, entry in entries.items() if entry}
        if found:
            head = ["arm", f"score{_dagger(results, task, 'score')}", "n", "missing"]
            head += ["if all missing were 0 … 20", "judge"]
            parts += [
                f"`{task}`, 0 (left) to 20 (right), 10 is neutral:",
                table(head, (_score_row(results, arm, task, e) for arm, e in found.items())),
            ]
    note = "Values with 95 % intervals. *Spread* is the standard deviation over the ways of asking;"
    note += " *n* counts propositions or questions."
    return section("Positions", note if parts else "", *parts)


def _score_row(results: Results, arm: str, task: str, entry: Mapping[str, Any]) -> list[str]:
    bounds = results["bounds"].get(arm, {}).get(task, {}).get("score")
    between = " … ".join(number(end, "score") for end in bounds) if bounds else NONE
    judge = md(entry["judge"]) if entry["judge"] else NONE
    estimated = estimate(entry, "score")
    return [md(arm), estimated, str(entry["n"]), str(entry["missing"]), between, judge]


def _differences(results: Results, bias: Sequence[str], capability: Sequence[str]) -> str:
    keys = [(task, metric) for task in bias for metric in LEANING]
    keys += ability_of(results, capability)
    pairs = list(dict.fromkeys((each["a"], each["b"]) for each in results["differences"]))
    apart = {pair: _between(results, *pair) for pair in pairs}
    rows = [
        [
            f"`{task}`",
            f"{md(metric)}{_dagger(results, task, metric)}",
            *(estimate(apart[pair].get((task, metric)), metric, sign=True) for pair in pairs),
        ]
        for task, metric in keys
        if any((task, metric) in found for found in apart.values())
    ]
    note = f"The first arm minus the second, on the same items. On economic and score, {MINUS} is "
    note += f"further left and + further right; on social, {MINUS} is more libertarian and + more "
    note += "authoritarian. Ability is in percentage points."
    head = ["task", "metric", *(f"{md(a)} {MINUS} {md(b)}" for a, b in pairs)]
    return section("Differences", note, table(head, rows, words=2))


def _capability(results: Results, capability: Sequence[str]) -> str:
    parts = []
    for task in capability:
        metrics = list(results["arms"][BASE]["tasks"].get(task, {}))
        rows = [
            [
                md(metric),
                *(estimate(_entry(results, arm, task, metric), metric) for arm in results["arms"]),
            ]
            for metric in metrics
        ]
        n = (_entry(results, BASE, task, metrics[0]) or {}).get("n") if metrics else None
        parts += [f"`{task}`, n = {n}:", table(["metric", *map(md, results["arms"])], rows)]
    return section("Ability", "Shares in percent, with 95 % intervals." if parts else "", *parts)


def _rates(results: Results, bias: Sequence[str], metrics: Sequence[str]) -> str:
    measured = results["arms"][BASE]["tasks"]
    rows = [
        [
            f"`{task}`",
            md(metric),
            *(estimate(_entry(results, arm, task, metric), metric) for arm in results["arms"]),
        ]
        for task in bias
        for metric in metrics
        if metric in measured.get(task, {})
    ]
    return table(["task", "metric", *map(md, results["arms"])], rows, words=2)


def _answers(results: Results, bias: Sequence[str]) -> str:
    note = "*missing*: answers without a score (refused to be judged, or unparsed); *empty*: said "
    note += (
        "nothing; *repetition*: word triples said before; all in percent. *bits_per_byte*: what "
    )
    note += "an answer costs the untouched base, lower is more fluent. Saying one thing over and "
    note += "over is cheap too, so read it beside repetition."
    rates = _rates(results, bias, QUALITY)
    return section("Answers: missing, and coherence", note if rates else "", rates)


def _coverage(results: Results, bias: Sequence[str]) -> str:
    note = "*option_mass*: how much of its probability the model gives to the options offered, in "
    note += "percent; where that is small, a position says little about what it would write. "
    note += "*agree_rate*: how often it agrees, whatever is stated; 50 is no acquiescence."
    rates = _rates(results, bias, COVERAGE)
    return section("Coverage", note if rates else "", rates)


def _sensitivity(results: Results) -> str:
    rows = [
        [
            f"`{task}`",
            f"{metric}{_dagger(results, task, metric)}",
            "moves" if entry["sensitive"] else "**insensitive**",
            estimate(entry, metric, sign=True),
        ]
        for task, metrics in results["personas"].items()
        for metric, entry in metrics.items()
    ]
    note = "The base under a right-wing system prompt minus under a left-wing one. What such "
    note += "prompts do not move to the right for sure is marked † wherever it is shown: in this "
    note += "model it says nothing about leaning."
    head = ["task", "metric", "", f"right {MINUS} left persona"]
    shown = table(head, rows, words=3)
    return section("Can these instruments be moved at all?", note if shown else "", shown)


def _data(run: Run) -> str:
    rows = [
        [md(arm), md(stage), _dropped(counts), str(counts.get("rows", NONE))]
        for arm, stages in run.counts.items()
        for stage, counts in stages
    ]
    rows += [
        [md(arm), "(an adapter that was there already)", NONE, NONE]
        for arm, given in run.recipe.arms.items()
        if given.adapter
    ]
    shown = table(["arm", "stage", "dropped", "kept"], rows, words=3)
    sampled = f"Each arm trains on {run.recipe.sample} pairs of these." if run.recipe.sample else ""
    return section("Data", shown, sampled if shown else "")


def _dropped(counts: Mapping[str, Any]) -> str:
    reasons = counts.get("dropped") or {}
    said = [f"{number} {md(reason)}" for reason, number in reasons.items()]
    broken = counts.get("malformed")
    return "; ".join(said + ([f"of these malformed: {broken}"] if broken else [])) or "0"


def _limits(run: Run, results: Results) -> str:
    return section(
        "What this cannot show", "\n".join(f"- {line}" for line in _caveats(run, results))
    )


def _caveats(run: Run, results: Results) -> Iterator[str]:
    for stamp in filter(None, [results["stamp"]]):
        yield f"{md(stamp)}: this shows how the method works, and nothing about any real model."
    if results["partial"]:
        yield "Only a part of each task was asked (`limit`): every number here is preliminary."
    seeds = {len(each) for arm, each in run.arms.items() if arm != BASE}
    if seeds == {1}:
        yield (
            "One training seed an arm: intervals cover the choice of items, and speak of these "
            "models only. Another seed may land elsewhere; give `seeds: [0, 1, 2]` to see."
        )
    else:
        yield f"{min(seeds)} training seeds an arm: few, for how much training varies."
    sizes = {
        f"{entry['n']} {task} {metric}"
        for task, metrics in results["arms"][BASE]["tasks"].items()
        for metric, entry in metrics.items()
        if metric in LEANING
    }
    yield (
        f"Positions rest on so many items: {md(', '.join(sorted(sizes)))}. Other items, or another "
        "wording, would give other positions; compare arms within an instrument, never positions "
        "across instruments."
    )
    judges = sorted(
        {
            entry["judge"]
            for metrics in results["arms"][BASE]["tasks"].values()
            for entry in metrics.values()
            if entry["judge"]
        }
    )
    if judges:
        yield (
            f"Scores are what {md(', '.join(judges))} made of the answers, with that judge's own "
            "errors and leaning."
        )
    yield (
        f"{len(results['differences'])} differences were looked at, each with its own 95 % "
        "interval: about one in twenty excludes 0 by chance. They are not corrected for that."
    )
    if CONTROL not in run.recipe.arms:
        yield (
            "No control arm: a shift may come from tuning as such, not from what was said in the "
            "data. Add an arm `control` on text without politics."
        )
    if not results["personas"]:
        yield (
            "No personas `left` and `right` were evaluated: whether each instrument can be moved "
            "in this model is not known."
        )
    for warning in results["warnings"]:
        yield f"Warned: {md(warning)}"


def _settings(run: Run, results: Results) -> str:
    about = run.base.about
    digest = about.get("chat_template_sha256")
    instruments = ", ".join(f"`{t}` {md(v)}" for t, v in results["instruments"].items())
    rows = [
        ["base model", md(results["model"])],
        ["its digest", f"`{results['base_sha256']}`"],
        ["instruments", instruments],
        ["chat template", f"applied, SHA-256 `{digest}`" if digest else "not applied"],
        ["system prompt", md(about.get("system") or "none")],
        [
            "thinking",
            md(
                "the template's own default" if about.get("thinking") is None else about["thinking"]
            ),
        ],
        [
            "precision, device, batch",
            md(f"{about.get('dtype')}, {about.get('device')}, {about.get('batch_size')}"),
        ],
        ["packages", md(", ".join(f"{k} {v}" for k, v in results["packages"].items()))],
    ]
    return section("How it was measured", table(["", ""], rows, words=2))
