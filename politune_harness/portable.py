"""A recipe as another machine can run it: without a path of this one.

    path: /data/2026/politosphere    ->    path: inputs/politosphere

What a component reads is known by the types of its fields, not by what looks like a path. Only its
last name is kept, which is all that fingerprints hold of it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from politune_harness.components import PARTS, Component
from politune_harness.errors import ModelError
from politune_harness.files import fixed_part
from politune_harness.models import locate
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry

INPUTS = "inputs"
"""The folder, beside the recipe, in which it looks for what it reads."""


@dataclass
class Portable:
    """Rewrites one recipe; `places` is then what it reads, by where it lies here."""

    registry: Registry
    folder: Path
    """Where the recipe's relative paths start."""
    places: dict[Path, str] = field(default_factory=dict)

    def recipe(self, recipe: Recipe) -> dict[str, Any]:
        """Return the recipe's values. Raises HarnessError where a plugin or a model is missing."""
        values: dict[str, Any] = recipe.model_dump(mode="json", exclude_defaults=True)
        values["model"] = self._base(recipe.model)
        for part in (values, *values["arms"].values()):
            for name, kind in PARTS.items():
                given = part.get(name)
                if isinstance(given, list):
                    part[name] = [self._use(kind, each, name) for each in given]
                elif given is not None:
                    part[name] = self._use(kind, given, name)
            if "adapter" in part:
                part["adapter"] = self._path(self.folder / part["adapter"])
        asked = values.get("evaluate", {})
        if "norms" in asked:
            asked["norms"] = [self._path(self.folder / path) for path in asked["norms"]]
        for name in ("metadata", "trajectory_metadata"):
            if name in asked:
                asked[name] = {key: self._setting(value) for key, value in asked[name].items()}
        return values

    def _use(self, kind: type[Component], given: Mapping[str, Any], where: str) -> dict[str, Any]:
        fields = {key: value for key, value in given.items() if key != "use"}
        built = self.registry.build(kind, given["use"], fields, folder=self.folder, where=where)
        return self._component(built)

    def _component(self, component: Component) -> dict[str, Any]:
        plain = component.model_dump(mode="json")
        found: dict[str, Any] = {"use": self.registry.identity(component)["use"]}
        for name, info in type(component).model_fields.items():
            if name not in component.model_fields_set:
                continue
            value, extra = getattr(component, name), info.json_schema_extra
            if isinstance(extra, dict) and extra.get("model") is True and value is not None:
                found[name] = self._model(value)
            else:
                found[name] = self._value(value, plain[name])
        return found

    def _value(self, value: object, plain: object) -> object:
        if isinstance(value, Path):
            return self._path(value)
        if isinstance(value, Component):
            return self._component(value)
        if isinstance(value, tuple) and isinstance(plain, list):
            return [self._value(v, p) for v, p in zip(value, plain, strict=True)]
        return plain

    def _model(self, located: str) -> str:
        named = {str(path): name for name, path in self.registry.models().items()}
        if located in named:
            return named[located]
        return self._path(Path(located)) if Path(located).is_dir() else located

    def _base(self, name: str) -> str:
        """Return the base model's name, which may be gone from this machine."""
        try:
            return self._model(locate(name, self.registry.models(), self.folder))
        except ModelError:
            return self._path(Path(name)) if Path(name).is_absolute() else name

    def _setting(self, value: object) -> object:
        """Return a task's setting: a file of this machine by its place, all else as it is."""
        if isinstance(value, str) and Path(value).is_absolute() and Path(value).exists():
            return self._path(Path(value))
        return value

    def _path(self, path: Path) -> str:
        """Return the place of a file, a folder, or a glob's matches."""
        path = Path(os.path.normpath(path))
        fixed = fixed_part(path)
        if fixed not in self.places:
            taken = set(self.places.values())
            wanted = (f"{INPUTS}/{n or ''}/{fixed.name}".replace("//", "/") for n in count())
            self.places[fixed] = next(place for place in wanted if place not in taken)
        rest = path.relative_to(fixed).as_posix()
        return self.places[fixed] + (f"/{rest}" if rest != "." else "")
