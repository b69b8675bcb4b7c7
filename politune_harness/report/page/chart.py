"""A chart of the page: a figure for Plotly as plain data, with words for those who cannot see it.

Colours are names that begin with @, which the page looks up in the palette of its theme. Whatever
comes from data goes through `shown`, since Plotly reads tags and entities in any text.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from politune_harness.report.escape import visible
from politune_harness.report.findings import Entry
from politune_harness.report.style import DIVERGING, FAINT, INK, PALE, Look, looks

Trace = dict[str, Any]

SYMBOLS = {
    "o": "circle",
    "<": "triangle-left",
    ">": "triangle-right",
    "s": "square",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
}
"""Plotly's names of Matplotlib's markers."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

GROUNDS = {
    "light": {"@ink": INK, "@faint": FAINT, "@pale": PALE, "@ground": "#FFFFFF"},
    "dark": {"@ink": "#F2F2F2", "@faint": "#A0A0A0", "@pale": "#3A3A3A", "@ground": "#181818"},
}
SIDES = {"light": DIVERGING, "dark": ("#60489A", "#2A2A2A", "#8A5A0A")}


class Chart(NamedTuple):
    """One figure of the page."""

    name: str
    """Its id on the page."""
    title: str
    alt: str
    """What it shows, in words and numbers."""
    data: Sequence[Trace]
    layout: Mapping[str, Any]
    ratio: float = 0.6
    """Its height as a share of its width."""
    least: int = 260
    """Its least height in pixels."""
    wide: bool = True
    """Whether it takes a row of its own where there is room for two."""


def shown(text: object) -> str:
    """Return text that Plotly shows as it is.

    >>> shown("<b>a</b> & @ink")
    '&lt;b&gt;a&lt;/b&gt; &amp; &#64;ink'
    """
    return escape(visible(text), quote=False).replace("@", "&#64;")


def palettes(arms: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what each colour's name stands for, by theme."""
    look = looks(arms)
    found: dict[str, dict[str, str]] = {}
    for theme, ground in GROUNDS.items():
        found[theme] = {
            **ground,
            **dict(zip(("@low", "@middle", "@high"), SIDES[theme], strict=True)),
            **{colour(arm): _of(look[arm], theme) for arm in arms},
        }
    return found


def _of(look: Look, theme: str) -> str:
    return look.colour if theme == "light" else look.dark


def colour(arm: str) -> str:
    """Return the name of an arm's colour."""
    return f"@arm:{arm}"


def marker(arm: str, arms: Sequence[str], size: int = 11) -> dict[str, Any]:
    """Return how an arm's point is drawn: by shape as well as colour."""
    return {
        "symbol": SYMBOLS[looks(arms)[arm].marker],
        "color": colour(arm),
        "size": size,
        "line": {"color": "@ground", "width": 1},
    }


def dash(arm: str, arms: Sequence[str]) -> str:
    """Return the pattern of an arm's line."""
    return DASHES[[*arms].index(arm) % len(DASHES)]


def reach(entry: Entry, times: float = 1) -> dict[str, Any]:
    """Return an interval as Plotly's error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [times * (entry["high"] - entry["value"])],
        "arrayminus": [times * (entry["value"] - entry["low"])],
        "thickness": 2,
        "width": 5,
    }


def axis(title: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an axis as all charts have it."""
    look = {"gridcolor": "@pale", "zerolinecolor": "@faint", "automargin": True}
    return {"title": {"text": title, "standoff": 8}, **look, **more}


def layout(x: Mapping[str, Any], y: Mapping[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a layout of one pair of axes."""
    return {"xaxis": dict(x), "yaxis": dict(y), **more}


def ends(low: str, name: str, high: str) -> str:
    """Return the title of an axis whose ends have names."""
    return "\u2003".join(("←", shown(low), shown(name), shown(high), "→"))


def lines(parts: Iterable[str]) -> str:
    """Return the lines of what appears beside the pointer."""
    return "<br>".join(parts)


def interval(entry: Entry | None) -> bool:
    """Say whether there is a value with an interval, so that it can be drawn."""
    return bool(entry and entry["value"] is not None and entry["low"] is not None)
