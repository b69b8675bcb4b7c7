"""Where the documents of the compass tasks come from: the bank beside this file."""

from pathlib import Path
from typing import Any

from politune_harness.compass.channels import Channel
from politune_harness.compass.task import documents

BANK = Path(__file__).parent


def ask(channel: Channel, **metadata: object) -> dict[str, Any]:
    """Return what a channel asks about the bank."""
    return documents(BANK, channel, BANK, **metadata)
