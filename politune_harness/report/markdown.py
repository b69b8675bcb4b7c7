"""Tables and sections in Markdown; one that would hold nothing is nothing."""

from collections.abc import Iterable, Sequence

from politune_harness.report.escape import markdown as md

__all__ = ["code", "md", "section", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """Return a table whose first columns hold `words`, or nothing where it has no rows."""
    lines = [" | ".join(row) for row in rows]
    rule = " | ".join([*["---"] * words, *["---:"] * (len(head) - words)])
    return "\n".join(f"| {line} |" for line in (" | ".join(head), rule, *lines)) if lines else ""


def section(title: str, *parts: str) -> str:
    """Return a section, or nothing where it holds nothing."""
    held = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *held]) if held else ""


def code(name: str) -> str:
    """Return a task's name in code type.

    >>> code("politune_compass")
    '`politune_compass`'
    """
    return f"`{name}`"
