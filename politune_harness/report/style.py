"""How figures look: fit for a README and for a paper, in any camp's eyes and any printer.

Arms are told apart by shape as well as colour, colours by people who see fewer of them, and no
colour is a party's. The same numbers give the same bytes.
"""

import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness.report.escape import drawable

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, PALE = "#222222", "#767676", "#E4E4E4"

SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.dpi": 160,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "legend.fontsize": 10,
    "svg.hashsalt": "politune",
    "text.color": INK,
    # Names come from data: a dollar sign in one must not start a formula.
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelsize": 10,
    "ytick.color": FAINT,
    "ytick.labelsize": 10,
}


@dataclass(frozen=True)
class Look:
    """How an arm is drawn."""

    colour: str
    marker: str
    dark: str
    """Its colour on a dark ground."""


KNOWN = {
    "base": Look(INK, "o", "#F2F2F2"),
    "left": Look("#6A4C93", "<", "#BBA1E6"),
    "right": Look("#C77F00", ">", "#F2AE3D"),
    "control": Look("#7A7A7A", "s", "#A6A6A6"),
}
OTHERS = (
    Look("#2A9D8F", "D", "#4CC9B8"),
    Look("#56B4E9", "^", "#7CC7F2"),
    Look("#A0522D", "v", "#DE8F66"),
    Look("#CC79A7", "P", "#E29BC4"),
    Look("#4B6A00", "X", "#A3C644"),
)


def looks(arms: Sequence[str]) -> dict[str, Look]:
    """Return how each arm is drawn, the same in every figure of a report."""
    others = [arm for arm in arms if arm not in KNOWN]
    return {**KNOWN, **{arm: OTHERS[i % len(OTHERS)] for i, arm in enumerate(others)}}


DIVERGING = ("#B7A3D4", "#F7F7F7", "#EDB95E")
"""From low to high, pale enough for INK: the arms' own colours, and no red and blue."""


@contextmanager
def figure(width: float, height: float, folder: Path, *names: str) -> Iterator["Figure"]:
    """Make a figure of that size in inches, and save it under each name once it is drawn."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):  # type: ignore[arg-type]
        canvas = Figure(figsize=(width, height), layout="compressed")
        yield canvas
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            unsigned = {"Software": None} if name.endswith("png") else {"Date": None}
            canvas.savefig(folder / name, metadata=unsigned, facecolor="white")


def heading(canvas: "Figure", title: str, marks: Sequence[str]) -> None:
    """Put a title over a figure, and what its reader must not overlook beside it."""
    from matplotlib.transforms import ScaledTranslation

    canvas.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    if marks:
        inside = ScaledTranslation(-0.13, -0.1, canvas.dpi_scale_trans)
        canvas.text(
            1,
            1,
            "  ·  ".join(drawable(mark).upper() for mark in marks),
            transform=canvas.transFigure + inside,
            ha="right",
            va="top",
            fontsize=9.5,
            fontweight="bold",
            color="white",
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "#8A1C5B", "linewidth": 0},
        )


def legend(canvas: "Figure", panels: Iterable["Axes"], note: str = "") -> None:
    """Name below a figure what any of its panels shows, once each, under how to read it."""
    named = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    key(canvas, named, note)


def key(canvas: "Figure", named: Mapping[str, "Artist"], note: str = "") -> None:
    """Show below a figure what its marks mean, by their names, under how to read it.

    The place is fixed: one looked for among what is drawn takes seconds, and can hide some of it.
    """
    held = canvas.legend(
        named.values(),
        named.keys(),
        loc="outside lower left",
        ncols=columns(canvas.get_figwidth(), named),
        frameon=False,
        title=_wrapped(canvas, note) or None,
        title_fontsize=9.5,
        alignment="left",
    )
    held.get_title().set_color(FAINT)


def columns(width: float, names: Collection[str]) -> int:
    """Return how many columns of a legend fit below a figure of that width in inches."""
    fit = int(12 * width / (max(map(len, names), default=0) + 6))
    return max(1, min(len(names), fit))


def footing(canvas: "Figure", text: str) -> None:
    """Say below a figure that has no legend how to read it."""
    canvas.supxlabel(_wrapped(canvas, text), x=0.01, ha="left", fontsize=9.5, color=FAINT)


def _wrapped(canvas: "Figure", text: str) -> str:
    return textwrap.fill(text, int(13 * canvas.get_figwidth()))
