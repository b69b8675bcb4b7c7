"""A judge's reply as it was read."""

from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")
Status: TypeAlias = Literal["valid", "not applicable", "unparsed"]


class Parsed(msgspec.Struct, Generic[T], frozen=True):
    """A reply as it was read."""

    status: Status
    value: T | None = None
    """None unless valid."""
    reason: str = ""
    """The judge's own, where the reply has one."""
    alone: bool = False
    """Whether the reply held nothing but its answer: text around it has left the schema."""
