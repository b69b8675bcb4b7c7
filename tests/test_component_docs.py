"""Every component of the built-in plugins, and each of its fields, says what it is."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from politune_harness.components import KINDS, Component
from politune_harness.documented import described
from politune_harness.registry import Registry

PYPROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
PLUGINS = PYPROJECT["project"]["entry-points"]["politune"]


def components() -> dict[str, type[Component]]:
    registry = Registry({name: import_module(module) for name, module in PLUGINS.items()})
    return {
        f"{kind} {name}": cls
        for kind, base in KINDS.items()
        for name, cls in registry.components(base).items()
    }


@pytest.mark.parametrize("name", components())
def test_a_component_and_its_fields_are_documented(name: str) -> None:
    cls = components()[name]
    assert cls.__dict__.get("__doc__"), f"{cls.__name__} has no docstring"
    bare = {f for f, info in described(cls).items() if not info.description}
    assert not bare, f"{cls.__name__} does not say what these fields are: {sorted(bare)}"
