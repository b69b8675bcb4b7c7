"""Text from data, made harmless: it can name things, and do nothing else."""

import re
import unicodedata

LONGEST = 200
MARKUP = re.compile(r"([\\`*\[\]<>|~&#$@!{}()]|:(?=/)|(?<=www)\.|(?<![^\W_])_|_(?![^\W_]))")


def visible(text: object) -> str:
    r"""Return text on one line, without control or direction marks, and not too long.

    >>> visible("a\u202eb\n  c")
    'ab c'
    """
    kept = (c for c in str(text) if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join("".join(kept).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def markdown(text: object) -> str:
    r"""Return text that Markdown shows as it is, in a sentence or a table.

    >>> markdown("gpt_4 | <b>*x*</b> https://e.org")
    'gpt_4 \\| \\<b\\>\\*x\\*\\</b\\> https\\://e.org'
    """
    return MARKUP.sub(r"\\\1", visible(text))


def drawable(text: object) -> str:
    """Return text that the figures' font has a sign for.

    >>> drawable("gpt-4o 判")
    'gpt-4o ?'
    """
    return visible(text).encode("ascii", "replace").decode()[:60]
