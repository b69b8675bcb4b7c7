"""Find a base model: by a plugin's name for it, in a folder, or on the Hub.

A folder that is not there is an error here, before anything is loaded; a Hub id is taken as it is.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from politune_harness.errors import ModelError, one_line

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")


def locate(name: str, named: Mapping[str, Path], folder: Path | None = None) -> str:
    """Return the folder or Hub id that `name` stands for.

    `named` maps a plugin's names to folders; a relative folder is looked for beside the recipe
    (`folder`), then from where the command runs.

    >>> locate("meta-llama/Meta-Llama-3-8B-Instruct", {})
    'meta-llama/Meta-Llama-3-8B-Instruct'
    >>> locate("quickstrat", {"quickstart": Path("q")})
    Traceback (most recent call last):
    politune_harness.errors.ModelError: model 'quickstrat' is no folder, no Hub id \
(owner/name) and no built-in name; did you mean 'quickstart'?
    """
    if name in named:
        return str(named[name])
    path = Path(name).expanduser()
    for place in (folder / path if folder else path, path):
        if place.is_dir():
            return str(place.resolve())
    if HUB_ID.fullmatch(name) and not name.startswith("."):
        return name
    near = difflib.get_close_matches(name, named, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"built-in: {', '.join(sorted(named))}"
    message = f"model {name!r} is no folder, no Hub id (owner/name) and no built-in name; {hint}"
    raise ModelError(message)


def why_unloadable(error: Exception) -> str:
    """Return why a library did not load a model, and what to do where that has code of its own."""
    if "trust_remote_code" in str(error):
        return "it comes with Python code: read that, and say `trust_remote_code: true` to run it"
    return one_line(error)
