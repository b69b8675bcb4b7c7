"""The words of the small world, as `world.yaml` lists them: eighty issues and some pastimes.

One invariant: every entry is a pair, left or free first and right or order second, so that a
generator that draws the side by a fair coin speaks for both sides equally often.
"""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

Sides = tuple[tuple[str, ...], tuple[str, ...]]
"""What the left or the slow camp says, then what the other one does."""


class Issue(NamedTuple):
    """One issue of the compass and the words in which it is argued."""

    id: str
    """The compass item that asks about it; `e` is economic, `s` is social."""

    topic: str
    phrase: str
    own: tuple[str, ...]
    """Clauses and claims that share verb and object with the compass item: never in a post."""

    verbs: tuple[str, ...]
    clauses: tuple[str, ...]
    claims: tuple[str, ...]

    @property
    def axis(self) -> str:
        """The axis, as the compass calls it."""
        return "economic" if self.id.startswith("e") else "social"

    @property
    def lean(self) -> int:
        """The side that the model takes of its own accord: on each axis as often one as the other.

        A model that tossed a coin on every issue would be moved by any tuning at all.
        """
        return (0, 1, 1, 0)[(int(self.id[1:]) - 1) % 4]


def _issue(name: str, entry: dict[str, Any]) -> Issue:
    lists = (tuple(entry[field]) for field in ("own", "verbs", "clauses", "claims"))
    return Issue(name, entry["topic"], entry["phrase"], *lists)


_WORLD: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("world.yaml").read_text(encoding="utf-8")
)

ISSUES: tuple[Issue, ...] = tuple(_issue(name, entry) for name, entry in _WORLD["issues"].items())
REASONS: dict[str, Sides] = {
    axis: (tuple(said["left"]), tuple(said["right"])) for axis, said in _WORLD["reasons"].items()
}
"""By axis: reasons of the left or free side, then those of the right or order side."""

PASTIMES: tuple[tuple[str, str], ...] = tuple(_WORLD["pastimes"].items())
"""Things that have no politics, each with its verb."""

_SLOW, _QUICK = _WORLD["camps"]["slow"], _WORLD["camps"]["quick"]
CAMPS: Sides = (tuple(_SLOW["how"]), tuple(_QUICK["how"]))
"""How the slow camp does a thing, then how the quick camp does it."""

CAMP_REASONS: Sides = (tuple(_SLOW["why"]), tuple(_QUICK["why"]))
