"""Where the documents of the official 62 come from: a file that the user names."""

from pathlib import Path
from typing import Any

from politune_harness.compass.channels import Channel
from politune_harness.compass.official_task import documents

PROMPTS = Path(__file__).parents[1] / "compass"


def ask(
    channel: Channel,
    propositions: object = None,
    **metadata: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return what a channel asks about the propositions in the file named `propositions`."""
    return documents(channel, PROMPTS, propositions, **metadata)
