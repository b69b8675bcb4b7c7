"""What a recipe file holds: its YAML, laid over that of the recipe which it `extends`.

    extends: quickstart                      # a built-in recipe, or a file
    trainer: {use: lora, learning_rate: 1.0e-2}

A mapping is merged key by key, anything else stands in place of what was there; so does a component
of another name, since the fields of one are not those of another. `{}` clears a mapping. Paths that
begin with ./ or ../ are found where the file that says them is.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from politune_harness.errors import RecipeError
from politune_harness.yaml_text import parsed

Values = dict[str, Any]

EXTENDS = "extends"
"""The key that names the recipe which another builds on."""
KEPT = "recipe.yaml"
"""Within a run: its recipe."""
STARTS = ".recipe-folder"
"""Within a run: where its recipe's relative paths start."""


def start_of(path: Path) -> Path:
    """Return where the relative paths of a recipe start: in a run's folder, where it was run."""
    known = path.parent / STARTS
    of_run = path.name == KEPT and known.is_file()
    return Path(known.read_text("utf-8")) if of_run else path.parent


def read(path: Path, find: Callable[[str], Path], above: tuple[Path, ...] = ()) -> Values:
    """Return the values of a recipe file, with those of what it extends.

    `find` returns the file of a recipe that is no file beside this one. Raises RecipeError, in one
    line, where a file cannot be read or extends itself.
    """
    path = path.resolve()
    values = _mapping(path)
    if EXTENDS not in values:
        return values
    name = str(values.pop(EXTENDS))
    beside = path.parent / name
    other = beside.resolve() if beside.is_file() else find(name).resolve()
    if other in (*above, path):
        message = f"recipe {path.name} extends itself: {' < '.join(p.name for p in (*above, path))}"
        raise RecipeError(message)
    below = _moved(read(other, find, (*above, path)), start_of(other), start_of(path))
    return _without_none(laid_over(below, values))


def _without_none(values: Values) -> Values:
    """Return a recipe without the arms that are null: what it extends has them, it has not."""
    arms = values.get("arms")
    if not isinstance(arms, dict):
        return values
    return {**values, "arms": {name: arm for name, arm in arms.items() if arm is not None}}


def _mapping(path: Path) -> Values:
    try:
        values = parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"recipe {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise RecipeError(message) from None
    except ValueError as error:
        message = f"recipe {path} is not YAML: {error}"
        raise RecipeError(message) from None
    if not isinstance(values, dict):
        message = f"recipe {path} must be a mapping with the keys model and arms"
        raise RecipeError(message)
    return values


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Values:
    """Return what one recipe says where another builds on it.

    >>> below = {"seeds": [0, 1], "trainer": {"use": "lora", "rank": 8}}
    >>> laid_over(below, {"seeds": [0], "trainer": {"rank": 4}})
    {'seeds': [0], 'trainer': {'use': 'lora', 'rank': 4}}
    >>> laid_over(below, {"trainer": {"use": "trl"}})["trainer"]
    {'use': 'trl'}
    """
    return {**below, **{key: _over(below.get(key), value) for key, value in above.items()}}


def _over(below: object, above: object) -> object:
    """Return what stands in one place: an empty mapping clears it."""
    if not (isinstance(below, dict) and isinstance(above, dict) and above):
        return above
    same = above.get("use", below.get("use")) == below.get("use")
    return laid_over(below, above) if same else above


def _moved(value: Any, here: Path, there: Path) -> Any:  # noqa: ANN401
    """Return values whose relative paths start at another folder."""
    if isinstance(value, dict):
        return {key: _moved(each, here, there) for key, each in value.items()}
    if isinstance(value, list):
        return [_moved(each, here, there) for each in value]
    if isinstance(value, str) and value.startswith(("./", "../")) and here != there:
        moved = os.path.relpath(here / value, there)
        return moved if moved.startswith("..") else f"./{moved}"
    return value
