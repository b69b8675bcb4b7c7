"""What a run rests on and what it cannot show: its data, its limits, its settings."""

from collections.abc import Iterator

from politune_harness.report.findings import Findings
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.reading import BASE, CONTROL, Run
from politune_harness.statistics import CONFIRMATORY, significant

COMPUTED = ("backend", "dtype", "device", "batch_size")
"""What an evaluation says of how it was computed."""
_NAMED = {"hf": "Transformers", "vllm": "vLLM"}


def limits(run: Run, findings: Findings) -> str:
    """Return what this cannot show, a line each."""
    lines = (*_of_the_run(run, findings), *_of_the_items(findings), *_of_the_prompts(findings))
    warned = (f"Warned: {md(warning)}" for warning in findings.results["warnings"])
    return section("What this cannot show", "\n".join(f"- {line}" for line in (*lines, *warned)))


def _of_the_run(run: Run, findings: Findings) -> Iterator[str]:
    if stamp := findings.results["stamp"]:
        yield f"{md(stamp)}: this shows how the method works, and nothing about any real model."
    if findings.results["partial"]:
        yield "Only a part of each task was asked (`limit`): every number here is preliminary."
    seeds = {len(each) for arm, each in run.arms.items() if arm != BASE}
    if seeds == {1}:
        yield (
            "One training seed an arm: intervals cover the choice of items, and speak of these "
            "models only. Another seed may land elsewhere; give `seeds: [0, 1, 2]` to see."
        )
    elif min(seeds) < CONFIRMATORY:
        yield (
            f"{min(seeds)} training seeds an arm: few, for how much training varies; a claim that "
            f"confirms needs {CONFIRMATORY}."
        )
    apart = findings.results["differences"]
    sure, kept = (sum(significant(each[name]) for each in apart) for name in ("p", "q"))
    yield (
        f"{len(apart)} differences were looked at, each with its own 95 % interval: about one in "
        f"twenty excludes 0 by chance. {sure} do, and {kept} once false discoveries are held to "
        "5 % (Benjamini and Hochberg); those of *How sure these shifts are* are corrected by Holm."
    )
    if places := list(_trusted(run.recipe.model_dump(mode="json"))):
        files = run.base.about.get("remote_code") or {}
        named = ", ".join(f"{name} (SHA-256 {digest[:12]}…)" for name, digest in files.items())
        yield (
            f"Python code that came with models was allowed to run ({', '.join(map(code, places))})"
            f"{': ' + md(named) if named else ''}. What it did is not this project's: read it "
            "before you trust a number."
        )
    if CONTROL not in run.recipe.arms:
        yield (
            "No control arm: a shift may come from tuning as such, not from what was said in the "
            "data. Add an arm `control` on text without politics."
        )


def _trusted(value: object, place: str = "") -> Iterator[str]:
    """Yield where a recipe allows code that comes with a model."""
    if isinstance(value, dict | list | tuple):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            inner = f"{place}.{key}".strip(".")
            if key == "trust_remote_code" and each is True:
                yield inner
            yield from _trusted(each, inner)


def _of_the_items(findings: Findings) -> Iterator[str]:
    sizes = {
        f"{code(task)} {md(metric)} {(findings.entry(BASE, task, metric) or {}).get('n', 0)}"
        for task, metric in findings.scales
    }
    yield (
        f"Positions rest on so many items: {', '.join(sorted(sizes))}. Other items, or "
        "another wording, would give other positions; compare arms within an instrument, never "
        "positions across instruments."
    )
    yield from _norms(findings)
    judges = sorted(
        {
            entry["judge"]
            for metrics in findings.results["arms"][BASE]["tasks"].values()
            for entry in metrics.values()
            if entry["judge"]
        }
    )
    if judges:
        yield (
            f"Scores are what {md(', '.join(judges))} made of the answers, with that judge's own "
            "errors and leaning."
        )


def _norms(findings: Findings) -> Iterator[str]:
    """Say whether people ever answered the items, and reviewed their words."""
    known, banks = findings.results["norms"], findings.results["banks"]
    without = [task for task, norms in known.items() if norms is None]
    if without:
        yield (
            f"No human norms for {', '.join(map(code, without))}: no people's answers to these "
            "very items are at hand, so nothing says where people, or parties, would stand on them."
        )
    for norms in {each["hash"]: each for each in known.values() if each}.values():
        yield (
            f"{norms['n']} people's answers to bank {md(norms['bank'])} stand under *Human norms*: "
            "those are people who were at hand, of no population in particular."
        )
    raw = {md(bank["bank"]) for bank in banks.values() if bank["reviewed"] is False}
    if raw:
        yield (
            f"People have not reviewed the wording of the bank {' and '.join(sorted(raw))}; who "
            "wrote and translated the items is said in the README beside them."
        )


def _of_the_prompts(findings: Findings) -> Iterator[str]:
    untested = findings.results["untested"]
    if untested:
        yield (
            f"No personas were put to {', '.join(map(md, untested))}: whether they can be moved in "
            "this model is not known, and no shift is told as a share of a range. Name some under "
            "`evaluate.personas`."
        )
    if not findings.results["systems"]:
        yield (
            "No other system prompts were tried: how far positions hang on what stands before them "
            "is not known."
        )


def settings(run: Run, findings: Findings) -> str:
    """Return how it was measured."""
    about, results = run.base.about, findings.results
    digest = about.get("chat_template_sha256")
    thinking = about.get("thinking")
    instruments = ", ".join(f"`{t}` {md(v)}" for t, v in results["instruments"].items())
    rows = [
        ["base model", md(results["model"])],
        ["its digest", f"`{results['base_sha256']}`"],
        ["instruments", instruments],
        *_half(findings),
        ["chat template", f"applied, SHA-256 `{digest}`" if digest else "not applied"],
        ["system prompt", md(about.get("system") or "none")],
        ["thinking", md("the template's own default" if thinking is None else thinking)],
        [
            "computed by, precision, device, batch",
            md(", ".join(_NAMED.get(v, str(v)) for v in map(about.get, COMPUTED) if v is not None)),
        ],
        ["packages", md(", ".join(f"{k} {v}" for k, v in results["packages"].items()))],
    ]
    return section("How it was measured", table(["", ""], rows, words=2), _prompts(run))


def _half(findings: Findings) -> Iterator[list[str]]:
    """Yield which part of the instruments this is of, where the rest chose checkpoints."""
    found = findings.results["half"]
    if found["half"]:
        whole = f"; asked whole: {', '.join(map(md, found['whole']))}" if found["whole"] else ""
        topics = ", ".join(map(md, found["topics"]))
        yield ["topics", f"the half that no checkpoint was chosen by: {topics}{whole}"]


def _prompts(run: Run) -> str:
    """Return the texts of the system prompts that the base was put under."""
    used = run.prompted
    texts = run.recipe.evaluate.prompts
    rows = [[md(name), md(text)] for name, (text, _) in texts.items() if name in used]
    return table(["the base was also asked under", "system prompt"], rows, words=2)
