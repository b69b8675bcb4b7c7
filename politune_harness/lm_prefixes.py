"""lm-evaluation-harness's own model with common beginnings of its requests computed once.

Only log-likelihoods, and only where a check on some of the requests finds no difference beyond
`CLOSE` from what lm-eval computes: otherwise lm-eval computes all of them.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from politune_harness.prefixes import Row, Text, rows, size_of

if TYPE_CHECKING:
    import torch
    from lm_eval.models.huggingface import HFLM

CLOSE = 1e-4
"""The largest difference of a log-likelihood that counts as none."""
TRIED = 8
"""How many requests are computed both ways before the others are shared."""
AUTO = 16
"""Texts at once where lm-eval is to find the size of its batches itself."""

Request = tuple[tuple[str, str], list[int], list[int]]
Answer = tuple[float, bool]

logger = logging.getLogger(__name__)


@dataclass
class Shared:
    """What a base model's evaluations have in common: encoded texts, and counts."""

    exact: bool | None = None
    """Whether sharing gives what lm-eval gives with the model at hand; None before it was tried."""
    encoded: dict[tuple[str, str], tuple[list[int], list[int]]] = field(default_factory=dict)
    tokens: Counter[str] = field(default_factory=Counter)
    """Tokens `requested` one request at a time, and `computed`; padding is not counted."""


def share(lm: "HFLM", shared: Shared, *, remember: bool) -> None:
    """Let a model compute what its requests have in common once.

    With `remember`, what was encoded is kept for the next model that is asked the same.
    """
    shared.exact = None
    plain, encode = lm._loglikelihood_tokens, lm._encode_pair  # noqa: SLF001

    def encoded(context: str, continuation: str) -> tuple[list[int], list[int]]:
        key = context, continuation
        found = shared.encoded.get(key) or encode(context, continuation)
        if remember:
            shared.encoded[key] = found
        return found

    def answered(requests: list[Request], *args: Any, **options: Any) -> list[Answer]:  # noqa: ANN401
        asked = sum(len(before) + len(after) - 1 for _, before, after in requests)
        shared.tokens["requested"] += asked
        if not _fit(lm, requests) or not _exact(lm, requests, shared, plain):
            shared.tokens["computed"] += _grouped(requests)
            return list(plain(requests, *args, **options))
        return _answered(lm, requests, shared.tokens)

    lm._encode_pair, lm._loglikelihood_tokens = encoded, answered  # noqa: SLF001


def _grouped(requests: Sequence[Request]) -> int:
    """Return the tokens that lm-eval computes: it shares what differs in the last token alone."""
    return sum(map(len, {tuple(before + after[:-1]) for _, before, after in requests}))


def _fit(lm: "HFLM", requests: Sequence[Request]) -> bool:
    """Say whether these requests of this model may be put in trees at all."""
    config = lm.model.config.get_text_config()
    adapter = getattr(lm.model, "active_peft_config", None)
    longest = max((len(a) + len(b) - 1 for _, a, b in requests), default=0)
    window = getattr(config, "sliding_window", None) or lm.max_length
    return (
        len(requests) > 1
        and lm.backend == "causal"
        and lm.world_size == 1
        and lm.mixed_precision_dtype is None
        and getattr(config, "_attn_implementation", None) in ("sdpa", "eager")
        and not getattr(adapter, "is_prompt_learning", False)
        and longest <= min(window, lm.max_length)
    )


def _exact(lm: "HFLM", requests: Sequence[Request], shared: Shared, plain: Any) -> bool:  # noqa: ANN401
    """Compute some requests both ways, once a model: those that begin like the longest."""
    if shared.exact is None:
        ranked = sorted(requests, key=lambda each: each[1] + each[2])
        longest = max(range(len(ranked)), key=lambda place: len(ranked[place][1]))
        start = max(0, longest - TRIED // 2)
        some = [(None, before, after) for _, before, after in ranked[start : start + TRIED]]
        try:
            pairs = zip(plain(some), _answered(lm, some, Counter()), strict=True)
            apart = max(abs(a - b) for (a, _), (b, _) in pairs)
        except (TypeError, ValueError, RuntimeError) as error:
            logger.info("common beginnings are not shared: %s", error)
            apart = float("inf")
        shared.exact = bool(apart <= CLOSE)
    return shared.exact


def _answered(lm: "HFLM", requests: Sequence[Any], tokens: Counter[str]) -> list[Answer]:
    """Return the log-likelihood of each continuation, and whether it is the likeliest."""
    inputs: dict[tuple[int, ...], list[int]] = {}
    for number, (_, before, after) in enumerate(requests):
        inputs.setdefault((*before, *after[:-1]), []).append(number)
    texts = [
        Text(place, path, max(len(requests[number][2]) for number in numbers))
        for place, (path, numbers) in enumerate(inputs.items())
    ]
    asked, found = list(inputs.values()), [(0.0, False)] * len(requests)
    size = size_of(texts)
    every = sorted(rows(texts, size), key=lambda row: -len(row.tokens))
    tokens["computed"] += sum(len(row.tokens) for row in every)
    at_once = lm.batch_size if isinstance(lm.batch_size, int) else AUTO
    step = max(1, at_once * max(len(text.tokens) for text in texts) // size)
    for start in range(0, len(every), step):
        for text, scores in _scored(lm, every[start : start + step]):
            best = scores.argmax(-1)
            for number in asked[text.number]:
                key, _, after = requests[number]
                wanted = scores.new_tensor(after, dtype=best.dtype)
                own = scores[-len(after) :].gather(1, wanted[:, None])
                greedy = bool((best[-len(after) :] == wanted).all())
                found[number] = float(own.sum()), greedy
                if key is not None:
                    lm.cache_hook.add_partial("loglikelihood", key, found[number])
    return found


def _scored(lm: "HFLM", batch: Sequence[Row]) -> Iterator[tuple[Text, "torch.Tensor"]]:
    """Yield each text with the log-probabilities after its wanted tokens, shape (wanted, words)."""
    import torch

    wide = max(len(row.tokens) for row in batch)
    shape = len(batch), wide
    tokens, depths = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    sees = np.broadcast_to(np.eye(wide, dtype=bool), (len(batch), wide, wide)).copy()
    orders = [row.order() for row in batch]
    kept = max(count for _, count in orders)
    for n, (row, (order, _)) in enumerate(zip(batch, orders, strict=True)):
        pad = wide - len(order)
        tokens[n, pad:] = np.array(row.tokens)[order]
        depths[n, pad:] = np.array(row.depths)[order]
        sees[n, pad:, pad:] = row.seen()[np.ix_(order, order)]
    device, dtype = lm.device, lm.model.dtype
    mask = torch.zeros((len(batch), 1, wide, wide), dtype=dtype, device=device)
    mask.masked_fill_(~torch.from_numpy(sees).to(device)[:, None], torch.finfo(dtype).min)
    with torch.inference_mode():
        logits = lm.model(
            input_ids=torch.from_numpy(tokens).to(device),
            position_ids=torch.from_numpy(depths).to(device),
            attention_mask=mask,
            use_cache=False,
            logits_to_keep=kept,
        ).logits
        scores = torch.nn.functional.log_softmax(logits, dim=-1, dtype=lm.softmax_dtype)
    for n, (row, (order, _)) in enumerate(zip(batch, orders, strict=True)):
        place = {old: new for new, old in enumerate(order, kept - len(order))}
        for text, path in row.paths:
            yield text, scores[n, [place[old] for old in path[-text.wanted :]]]
