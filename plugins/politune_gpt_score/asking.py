"""Ask a judge, and keep each reply as it comes: what is in the cache is not asked for again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from politune_openai import Chat

from politune_harness import Answer, BudgetError, Completion, Generator, HarnessError, Prompt
from politune_harness.reply_cache import keys, reply_cache

Replies: TypeAlias = Callable[[Sequence[Prompt], int], list[str | HarnessError]]
"""Takes prompts, and how often they were asked before; gives each one's reply, or why none."""


@contextmanager
def asking(judge: Generator) -> Iterator[Replies]:
    """Hand out what asks the judge, which is loaded once it has something to answer.

    Prompts that are the same are asked once. Raises BudgetError, with every reply kept that was
    paid for, where going on might pass the limit.
    """
    with reply_cache() as cache, ExitStack() as loaded:
        sessions: list[Answer] = []

        def replies(prompts: Sequence[Prompt], before: int) -> list[str | HarnessError]:
            wanted = keys(judge, prompts, before)
            found: dict[str, str | HarnessError] = {}
            for key in dict.fromkeys(wanted):
                if (known := cache.find(key)) is not None:
                    found[key] = known
            rest = {k: p for k, p in zip(wanted, prompts, strict=True) if k not in found}
            if rest and not sessions:
                sessions.append(loaded.enter_context(judge.session()))
            for key, reply in _asked(sessions, rest):
                if isinstance(reply, Completion):
                    cache.keep(key, judge.model, reply)
                found[key] = reply.completion if isinstance(reply, Completion) else reply
            for reply_or_error in found.values():
                if isinstance(reply_or_error, BudgetError):
                    raise reply_or_error
            return [found[key] for key in wanted]

        yield replies


def _asked(
    sessions: Sequence[Answer], rest: Mapping[str, Prompt]
) -> Iterator[tuple[str, Completion | HarnessError]]:
    """Yield each key with its reply, or why there is none, as they come."""
    if not rest:
        return
    (answer,), names, prompts = sessions, list(rest), list(rest.values())
    if isinstance(answer, Chat):
        yield from ((names[number], reply) for number, reply in answer.attempts(prompts))
        return
    left = dict.fromkeys(names)
    try:
        for key, completion in zip(names, answer(prompts), strict=True):
            del left[key]
            yield key, completion
    except HarnessError as error:
        yield from ((key, error) for key in left)
