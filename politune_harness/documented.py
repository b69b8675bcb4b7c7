"""What the fields of a model mean: the docstrings under them, read where they are shown.

Pydantic itself would read them at each start, and take longer for it than for all else.
"""

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterator
from itertools import pairwise

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def described(cls: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields with their docstrings as descriptions; its JSON Schema gets them too.

    >>> from politune_harness.recipe import Select
    >>> described(Select)["keep"].description
    'How many of the best checkpoints stay on disk.'
    """
    for model in _within(cls, set()):
        known = _docstrings(model)
        bare = [name for name, info in model.model_fields.items() if info.description is None]
        for name in (told := [name for name in bare if name in known]):
            model.model_fields[name].description = known[name]
        if told:
            model.model_rebuild(force=True)
    return cls.model_fields


def _within(cls: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """Yield a model, after those that its fields hold."""
    seen.add(cls)
    for info in cls.model_fields.values():
        for inner in _models(info.annotation):
            if inner not in seen:
                yield from _within(inner, seen)
    yield cls


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def _docstrings(cls: type[BaseModel]) -> dict[str, str]:
    """Return what stands under each field, in the model or in what it inherits from."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base is not BaseModel and issubclass(base, BaseModel):
            found |= _under_fields(base)
    return found


def _under_fields(cls: type[BaseModel]) -> Iterator[tuple[str, str]]:
    try:
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, TypeError):
        return  # made without a file
    assert isinstance(body, ast.ClassDef)
    for field, after in pairwise(body.body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(after.value.value)
