"""What a recipe will take, before anything runs: passes, tokens, hours, money, disk, and what for.

Counted are the very requests that the tasks will make; measured is how fast the model reads here.
Assumed is only what is called so, and upper bounds are called that, too.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from politune_harness.curated import last, pairs_in
from politune_harness.errors import HarnessError
from politune_harness.plan import ArmPlan, Plan
from politune_harness.prefixes import Text, rows, size_of
from politune_harness.recipe import Evaluate
from politune_harness.records import Preference
from politune_harness.side_metrics import LIMITS
from politune_harness.statistics import smallest_detectable_shift

if TYPE_CHECKING:
    from politune_harness.evaluation import Evaluator

LONGEST = 256
"""What lm-eval lets a model write where a task says nothing."""
BACKWARD = 3
"""A training step computes about three times what reading its tokens does."""
ITEM_SD, SEED_SD = 0.25, 0.05
"""Assumed, in shares of the way from a scale's centre to its end: how differently items move, and
training seeds; a pilot run says better."""
RUBRIC = 600
"""Assumed tokens of a judge's instructions."""
ROW_BYTES = 1500
"""About what a logged sample takes on disk, besides its texts."""
TRIED, WRITTEN = 64, 16
"""Texts on which the speed of reading, and pairs on which their length is measured; and answers on
which the speed of writing is."""


class Asked(NamedTuple):
    """What one task asks of one model, under the recipe's own system prompt."""

    task: str
    bias: bool
    """Whether it measures leaning."""
    prompted: int
    """Under how many other prompts the base is asked the same."""
    items: int
    requests: int
    passes: int
    """Texts that are read, or written: requests of log-likelihoods share them."""
    tokens: int
    """Read one request at a time."""
    computed: int
    """Read where common beginnings are computed once."""
    written: int
    """At most."""
    judged: bool
    size: int
    """Bytes of prompts and choices."""


class Evaluations(NamedTuple):
    """How often the tasks are asked."""

    own: int
    """The base, and each arm and seed."""
    prompted: int
    """The base under personas and system prompts, on those bias tasks that they are for."""


def evaluations(plan: Plan) -> Evaluations:
    """Return how many evaluations a plan makes; checkpoints come on top."""
    arms = sum(len(arm.seeds) if arm.adapter is None else 1 for arm in plan.arms)
    return Evaluations(1 + arms, len(plan.recipe.evaluate.prompts))


def asking(plan: Plan) -> "Evaluator":
    """Return what asks as a run of the plan does, but no judge."""
    from politune_harness.evaluation import Evaluator

    return Evaluator.of(plan, judging="never")


def counted(evaluator: "Evaluator", settings: Evaluate) -> tuple[list[Asked], dict[str, str]]:
    """Return what each task asks, and why those that could not be counted could not."""
    from politune_harness.evaluation import tops_of, with_measure
    from politune_harness.lm import quiet

    found: list[Asked] = []
    unknown: dict[str, str] = {}
    with quiet():
        for name in settings.tasks:
            bias = name in settings.bias
            prompts = settings.prompts.values() if bias else ()
            try:
                loaded = evaluator.load([name])
                tops = tops_of(loaded)
                prompted = sum(bool(with_measure(tops, measure)) for _, measure in prompts)
                each = loaded["tasks"].values()
                found += [_asked(evaluator, t, bias=bias, prompted=prompted) for t in each]
            except HarnessError as error:
                unknown[name] = str(error)
    return found, unknown


def _asked(evaluator: "Evaluator", task: Any, *, bias: bool, prompted: int) -> Asked:  # noqa: ANN401
    encode, instances = evaluator.encode, evaluator.requests(task)
    read, tokens, written = list[tuple[int, ...]](), 0, 0
    prompts: dict[str, list[int]] = {}
    size = 0
    for instance in instances:
        prompt, asked = str(instance.args[0]), instance.args[-1]
        before = prompts.setdefault(prompt, encode(prompt))
        if isinstance(asked, Mapping):
            known = (int(asked[n]) for n in LIMITS if asked.get(n))
            written += next(known, LONGEST) * instance.repeats
            text = tuple(before)
        else:
            text = (*before, *encode(str(asked))[:-1])
            size += len(str(asked).encode())
        read.append(text)
        tokens += len(text)
    texts = [Text(n, text, 1) for n, text in enumerate(dict.fromkeys(read)) if text]
    shared = sum(len(row.tokens) for row in rows(texts, size_of(texts))) if texts else 0
    return Asked(
        task=task.task_name,
        bias=bias,
        prompted=prompted,
        items=len({str(i.doc.get("item", i.doc_id)) for i in instances}),
        requests=len(instances),
        passes=len(texts) if not written else len(read),
        tokens=tokens,
        computed=shared if not written else tokens,
        written=written,
        judged="judges" in instances[0].doc,
        size=size + sum(len(prompt.encode()) for prompt in prompts),
    )


class Paired(NamedTuple):
    """The pairs of one arm."""

    pairs: int
    tokens: float
    """What a training reads of each, a mean over some of them, without chat templates."""


class Total(NamedTuple):
    """What a whole plan takes."""

    requests: int
    passes: int
    computed: int
    written: int
    trained: int | None
    """Tokens that are trained on; None where the number of pairs is not known yet."""
    counted: bool
    """Whether those are counted in the pairs; else every text is as long as the trainer allows."""
    judgements: int
    cost: float | None
    """At most, in the currency of the prices; None where a judge names none."""
    samples: int
    """Bytes."""
    adapters: int
    """Bytes, at most."""


def total(
    plan: Plan,
    asked: Sequence[Asked],
    adapter_bytes: int,
    pairs: Mapping[str, Paired] | None = None,
) -> Total:
    """Return what all evaluations, trainings and judgements of a plan take.

    `pairs` are what `paired` gave.
    """
    own = evaluations(plan).own
    times = {a.task: own + a.prompted for a in asked}
    judgements = [(a, times[a.task] * a.requests) for a in asked if a.judged]
    models = sum(len(arm.seeds) for arm in plan.arms if arm.trainer)
    return Total(
        requests=sum(a.requests * times[a.task] for a in asked),
        passes=sum(a.passes * times[a.task] for a in asked),
        computed=sum(a.computed * times[a.task] for a in asked),
        written=sum(a.written * times[a.task] for a in asked),
        trained=_trained(plan, pairs),
        counted=pairs is not None,
        judgements=sum(count for _, count in judgements) * len(plan.judges),
        cost=_summed((_price(judge, a), count) for judge in plan.judges for a, count in judgements),
        samples=sum((a.size + ROW_BYTES * a.requests) * times[a.task] for a in asked),
        adapters=adapter_bytes * models,
    )


def paired(
    plan: Plan, folder: Path, encode: Callable[[str], Sequence[int]]
) -> dict[str, Paired] | None:
    """Return what is known of each arm's pairs; None until all of them are in the run's folder."""
    found = {}
    for arm in (arm for arm in plan.arms if arm.trainer):
        path = last(folder, arm.name, arm.like)
        pairs = pairs_in(path) if path else []
        if not pairs:
            return None
        some = pairs[:: max(1, len(pairs) // TRIED)]
        texts = [_texts(arm, pair) for pair in some]
        tokens = fmean(len(encode(text)) for each in texts for text in each)
        found[arm.name] = Paired(len(pairs), tokens * len(texts[0]))
    return found


def _texts(arm: ArmPlan, pair: Preference) -> tuple[str, ...]:
    """Return what a training reads of a pair: a prompt once, whatever the number of answers."""
    return (pair.prompt, pair.chosen, pair.rejected)[: 1 + _answers(arm)]


def _answers(arm: ArmPlan) -> int:
    return 1 if getattr(arm.trainer, "objective", "") in ("sft", "clm") else 2


def _epochs(arm: ArmPlan) -> int:
    return int(getattr(arm.trainer, "epochs", 1))


def _trained(plan: Plan, pairs: Mapping[str, Paired] | None) -> int | None:
    """Return the tokens of all trainings; at most, where the pairs are not there yet."""
    total = 0
    for arm in (arm for arm in plan.arms if arm.trainer):
        one = training(arm, plan.recipe.sample, (pairs or {}).get(arm.name))
        if one is None:
            return None
        total += len(arm.seeds) * one
    return total


def training(arm: ArmPlan, size: int | None, of: Paired | None) -> int | None:
    """Return the tokens of one training on `size` pairs, or on all of them.

    At most, where the pairs are not there yet; None where these then have no bound.
    """
    if of is not None:
        return round(_epochs(arm) * min(size or of.pairs, of.pairs) * of.tokens)
    length = getattr(arm.trainer, "max_length", None)
    return size * _epochs(arm) * int(length) * _answers(arm) if size and length else None


def _summed(costs: Iterable[tuple[float | None, int]]) -> float | None:
    """Return the sum of prices times counts; None where a price is not known."""
    total = 0.0
    for price, count in costs:
        if price is None:
            return None
        total += price * count
    return total


def _price(judge: object, asked: Asked) -> float | None:
    """Return what one judgement of an answer costs at most; None where no price is named."""
    priced = next((each for each in _parts(judge) if hasattr(each, "price_in")), None)
    if priced is None:
        return 0.0
    if priced.price_in is None or priced.price_out is None:
        return None
    prompt = RUBRIC + (asked.tokens + asked.written) / asked.requests
    most: float = prompt * priced.price_in + priced.max_tokens * priced.price_out
    return most / 1e6


def _parts(judge: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield whom a judge asks, where it says so, or else itself; then what its fields hold."""
    yield getattr(judge, "judge", judge)
    for name in getattr(type(judge), "model_fields", ()):
        yield getattr(judge, name)


def adapter_size(model: str, rank: int, *, trusted: bool = False) -> int:
    """Return the bytes of a LoRA adapter on every linear layer but the head; loads no weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from politune_harness.lm_backends import loading

    with loading(model):
        config = AutoConfig.from_pretrained(model, trust_remote_code=trusted)
    with torch.device("meta"):
        make: Any = AutoModelForCausalLM
        empty = make.from_config(config, trust_remote_code=trusted)
    head = empty.get_output_embeddings()
    sides = (
        module.in_features + module.out_features
        for module in empty.modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    )
    return 4 * rank * sum(sides)


def rates(evaluator: "Evaluator", tasks: Iterable[str]) -> tuple[float, float]:
    """Load the model, and return the tokens that it reads and writes a second on this machine."""
    from lm_eval.api.instance import Instance

    from politune_harness.lm import quiet

    with quiet(), evaluator.lm() as lm:
        loaded = evaluator.load(list(tasks))["tasks"].values()
        instances = [i for task in loaded for i in evaluator.requests(task)]
        some = [str(i.args[0]) for i in instances[:: max(1, len(instances) // TRIED)]][:TRIED]
        prompts = [lm.tok_encode(prompt) for prompt in some]
        texts = [(("", ""), prompt[:-1], prompt[-1:]) for prompt in prompts if len(prompt) > 1]
        took = _timed(lambda: lm._loglikelihood_tokens(texts, disable_tqdm=True))  # noqa: SLF001
        asked = [
            Instance("generate_until", doc={}, arguments=(some[0], {**evaluator.forced}), idx=n)
            for n in range(WRITTEN)
        ]
        wrote = _timed(lambda: lm.generate_until(asked))
        read = sum(len(before) for _, before, _ in texts)
        return read / took, WRITTEN * evaluator.forced["max_gen_toks"] / wrote


def _timed(work: Callable[[], object]) -> float:
    work()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def detectable(items: int, seeds: int) -> float | None:
    """Return the smallest shift that is found in four of five such studies, as a share of the way.

    From the assumed spreads; with one seed, of these very models alone.

    >>> few, many = detectable(40, 1), detectable(160, 5)
    >>> round(few, 2) > round(many, 2)
    True
    """
    rng = np.random.default_rng(0)
    n, m = 200, max(seeds, 2)
    arm = rng.normal(0, ITEM_SD, (n, 1)) + rng.normal(0, ITEM_SD / 2, (n, m))
    arm += (SEED_SD * np.linspace(-1, 1, m))[None]
    return smallest_detectable_shift(
        arm if seeds > 1 else arm[:, :1],
        np.zeros((n, 1)),
        items=max(items, 2),
        seeds=max(seeds, 2) if seeds > 1 else None,
    )
