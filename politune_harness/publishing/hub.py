"""The Hub: what it says of a base model, and how a shipment gets there.

The invariant: a repository is private and gated before the first file is in it. The token comes
from the environment, goes into requests alone, and stands in no message.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from politune_harness.errors import ServiceError, one_line
from politune_harness.publishing.shipments import TEXTS, Base, Shipment

VARIABLE = "HF_TOKEN"
MESSAGE = "Adapter, card and results by PoliTune Harness"

Gate = Literal["manual", "auto", False]


def base(model: str) -> Base:
    """Return what the Hub says of a model's licence, with its texts.

    What it does not say, or does not show to this user, is unknown.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=os.environ.get(VARIABLE) or False)
    try:
        with _one_line():
            info = api.model_info(model)
            names = [each.rfilename for each in info.siblings or ()]
            texts = {n: Path(api.hf_hub_download(model, n)) for n in names if TEXTS.fullmatch(n)}
    except ServiceError:
        return Base(model)
    said = info.card_data
    return Base(model, (said.get("license_name") or said.get("license")) if said else None, texts)


def push(shipment: Shipment, namespace: str, *, private: bool = True, gate: Gate = "manual") -> str:
    """Put a shipment into the repository of its name; return where that is.

    Raises ServiceError, in one line, where the Hub cannot be reached or does not take it.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    token = os.environ.get(VARIABLE)
    if not token:
        message = f"set {VARIABLE} to a token of the Hub that may write to {namespace}"
        raise ServiceError(message)
    api, name = HfApi(token=token), f"{namespace}/{shipment.name}"
    with _one_line(token):
        api.create_repo(name, private=private, exist_ok=True)
        api.update_repo_settings(name, private=private, gated=gate)
        files = [
            CommitOperationAdd(path_in_repo=to, path_or_fileobj=what)
            for to, what in shipment.files.items()
        ]
        done = api.create_commit(name, files, commit_message=MESSAGE)
    return str(done.repo_url)


@contextmanager
def _one_line(hidden: str = "") -> Iterator[None]:
    """Turn whatever the Hub's client raises into one line without what is to stay `hidden`."""
    try:
        yield
    except Exception as error:
        said = one_line(error) or type(error).__name__
        message = f"the Hub: {said.replace(hidden, '…') if hidden else said}"
        raise ServiceError(message) from error
