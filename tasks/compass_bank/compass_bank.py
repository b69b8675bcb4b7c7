"""Where the documents of these compass tasks come from: a bank that the user names."""

from pathlib import Path
from typing import Any

from politune_harness.compass.channels import Channel
from politune_harness.compass.task import documents
from politune_harness.errors import RecipeError

PROMPTS = Path(__file__).parents[1] / "compass"


def ask(channel: Channel, bank: str | None = None, **metadata: object) -> dict[str, Any]:
    """Return what a channel asks about the bank in the folder, or bank.yaml, named `bank`."""
    if not bank:
        message = 'politune_compass_bank needs a bank: add --metadata \'{"bank": "FOLDER"}\''
        raise RecipeError(message)
    return documents(Path(bank).expanduser(), channel, PROMPTS, **metadata)
