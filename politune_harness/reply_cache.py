"""Judges' raw replies, kept on disk, so that nothing is asked and paid for twice.

One SQLite file serves all runs. A reply is found by a digest of all that it depends on: the model,
the endpoint, the settings, the rubric and the texts. It holds no question, no answer and no key.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path

from politune_harness.artifacts import digest
from politune_harness.components import Component
from politune_harness.errors import ServiceError
from politune_harness.records import JSON, Completion, Prompt

VARIABLE = "POLITUNE_CACHE"
"""Environment variable: the file, in place of ~/.cache/politune/judgements.sqlite."""

TABLES = """
create table if not exists replies (
    key text primary key, model text, reply text not null, tokens_in integer, tokens_out integer
);
create table if not exists anchors (
    judge text, anchor text, value real, primary key (judge, anchor)
);
"""

_fresh: ContextVar[bool] = ContextVar("fresh", default=False)


@contextmanager
def asked_afresh() -> Iterator[None]:
    """Find nothing in the cache inside; what is asked is kept there all the same."""
    token = _fresh.set(True)
    try:
        yield
    finally:
        _fresh.reset(token)


def place() -> Path:
    """Return where the cache is."""
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser()
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / "politune" / "judgements.sqlite"


class ReplyCache:
    """The open cache."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def find(self, key: str) -> str | None:
        """Return the reply that was kept under a key."""
        if _fresh.get():
            return None
        query = "select reply from replies where key = ?"
        row = self._database.execute(query, (key,)).fetchone()
        return str(row[0]) if row else None

    def keep(self, key: str, model: str, reply: Completion) -> None:
        """Keep a reply; it is on disk when this returns."""
        row = (key, model, reply.completion, *(reply.tokens or (None, None)))
        self._database.execute("insert or replace into replies values (?, ?, ?, ?, ?)", row)

    def first_scores(
        self, judge: str, scores: Mapping[str, float | None]
    ) -> dict[str, float | None]:
        """Return the scores that a judge gave when it was first asked about these texts.

        A text that has none yet gets that of `scores`, where there is one.
        """
        rows = [(judge, anchor, value) for anchor, value in scores.items() if value is not None]
        self._database.executemany("insert or ignore into anchors values (?, ?, ?)", rows)
        found: dict[str, float] = dict(
            self._database.execute("select anchor, value from anchors where judge = ?", (judge,))
        )
        return {anchor: found.get(anchor) for anchor in scores}


@contextmanager
def reply_cache() -> Iterator[ReplyCache]:
    """Open the cache. Raises ServiceError, in one line, where that cannot be done."""
    path = place()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Each statement is a transaction of its own: what was paid for is on disk at once.
        database = sqlite3.connect(path, timeout=60, isolation_level=None)
        with closing(database):
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = normal")
            database.executescript(TABLES)
            yield ReplyCache(database)
    except (OSError, sqlite3.Error) as error:
        message = f"the cache of judges' replies, {path}, cannot be used: {error}; set {VARIABLE}"
        raise ServiceError(message) from error


def keys(generator: Component, prompts: Iterable[Prompt], attempt: int) -> list[str]:
    """Return the keys of a generator's replies to prompts, asked for the nth time from 0."""
    asks = settings(generator)
    return [digest([asks, prompt.system, prompt.prompt, attempt]) for prompt in prompts]


def settings(component: Component) -> dict[str, JSON]:
    """Return the fields of a component that make a difference; a local model by its content."""
    plain = component.model_dump(mode="json")
    found: dict[str, JSON] = {"component": type(component).__name__}
    for name in sorted(type(component).model_fields.keys() - component.unseen):
        value = getattr(component, name)
        found[name] = settings(value) if isinstance(value, Component) else plain[name]
        if name == "model" and isinstance(value, str) and Path(value).is_dir():
            from politune_harness.adapters import base_digest

            found[name] = base_digest(value)
    return found
