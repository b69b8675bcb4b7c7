"""Load plugins, and look up what they provide. The only module that calls hooks.

Names are a contract: an unknown one is answered with the nearest, two plugins with one name are an
error that names both, and a misspelt hook is refused.
"""

import difflib
import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import pluggy
from pydantic import ValidationError

from politune_harness import hookspecs
from politune_harness.components import KINDS, PARTS, Component
from politune_harness.discovery import (
    DISABLE,
    NAMESPACE,
    Candidate,
    Origin,
    candidates,
    disabled,
    path_of,
)
from politune_harness.errors import HarnessError, PluginError, RecipeError
from politune_harness.records import JSON

if typing.TYPE_CHECKING:
    from pydantic_core import ErrorDetails

C = TypeVar("C", bound=Component)
T = TypeVar("T")


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant.

    >>> nearest("uniqe", ["language", "unique"])
    "did you mean 'unique'?"
    """
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"


def explain(error: ValidationError, where: str, fields: Iterable[str] = ()) -> str:
    """Return a validation error as one line: where, what, and the nearest right field."""
    parts = []
    lacking = {e["loc"] for e in error.errors() if e["type"] == "missing"}
    for e in error.errors():
        place = ".".join([where, *map(str, e["loc"])]).strip(".")
        if e["type"] == "extra_forbidden":
            parts.append(f"{place}: there is no such field; {nearest(str(e['loc'][-1]), fields)}")
        elif e["type"] == "missing" and isinstance(last := e["loc"][-1], int):
            if (*e["loc"][:-1], last + 1) not in lacking:
                parts.append(f"{place.rpartition('.')[0]}: it needs {last + 1} entries")
        else:
            parts.append(f"{place}: {e['msg'].removeprefix('Value error, ')}{_remedy(e)}")
    return "; ".join(parts)


def _remedy(error: "ErrorDetails") -> str:
    """Return what to write in place of one value where a list or a component belongs."""
    given = error["input"]
    if isinstance(given, (str, int, float)) and error["type"] in {"tuple_type", "list_type"}:
        one = f"{{use: {given}}}" if error["loc"][-1] in PARTS else given
        return f"; write a list, such as [{one}]"
    if isinstance(given, dict) and error["type"] in {"tuple_type", "list_type"}:
        return "; write a list of such mappings"
    if isinstance(given, str) and error.get("ctx", {}).get("class_name") == "Use":
        return f"; write {{use: {given}}}"
    return ""


class Registry:
    """What the loaded plugins provide, by kind and name."""

    def __init__(self, plugins: Mapping[str, object] | None = None) -> None:
        self._manager = pluggy.PluginManager(NAMESPACE)
        self._manager.add_hookspecs(hookspecs)
        self._origins: dict[str, Origin] = {}
        for name, plugin in (plugins or {}).items():
            self.register(plugin, Origin(name, "", ""))

    @classmethod
    def installed(cls) -> Self:
        """Load every plugin that is installed, the built-in ones among them, or named as a file.

        Raises PluginError, in one line, for the first that does not load or clashes with another,
        and for a name in DISABLE that none has.
        """
        found, blocked = list(candidates()), disabled()
        known = {candidate.origin.plugin for candidate in found}
        for name in blocked:
            if name not in known:
                message = f"no plugin to disable is called {name!r}; {nearest(name, known)}"
                raise PluginError(message)
        registry = cls()
        for candidate in found:
            if candidate.origin.plugin not in blocked:
                registry._load(candidate)
        return registry

    def _load(self, candidate: Candidate) -> None:
        origin = candidate.origin
        if first := self._origins.get(origin.plugin):
            message = (
                f"plugin {origin.plugin!r} is in both {first.made_by} ({first.path}) and "
                f"{origin.made_by} ({origin.path or 'installed'}); leave one of them out"
            )
            raise PluginError(message)
        plugin = candidate.loaded()
        self.register(plugin, replace(origin, path=path_of(plugin)))
        if not self._manager.get_hookcallers(plugin):
            message = f"{origin} implements no hook: is @hookimpl missing above its functions?"
            raise PluginError(message)

    def register(self, plugin: object, origin: Origin) -> None:
        """Add one plugin, refusing hooks that do not exist or that ask for other arguments."""
        self._origins[origin.plugin] = origin
        try:
            self._manager.register(plugin, origin.plugin)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            message = f"{origin}: {' '.join(str(error).split())}"
            raise PluginError(message) from error

    def plugins(self) -> dict[Origin, list[str]]:
        """Return each plugin with the hooks that it implements."""
        return {
            self._origins[name]: sorted(h.name for h in self._manager.get_hookcallers(plugin) or ())
            for name, plugin in sorted(self._manager.list_name_plugin())
            if plugin is not None
        }

    def _provided(self, hook: str) -> dict[str, tuple[Any, Origin]]:
        found: dict[str, tuple[Any, Origin]] = {}
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            origin, given = self._origins[impl.plugin_name], impl.function()
            if not isinstance(given, Mapping):
                message = f"{origin}: {hook} returns names with what they stand for, not {given!r}"
                raise PluginError(message)
            for name, value in given.items():
                if not re.fullmatch(r"\w[\w.-]*", name):
                    message = f"{origin}: {name!r} ({hook}) is no name: letters, digits, -, _ and ."
                    raise PluginError(message)
                if name in found:
                    message = (
                        f"{found[name][1]} and {origin} both provide {name!r} ({hook}); "
                        f"leave one out with {DISABLE}"
                    )
                    raise PluginError(message)
                found[name] = (value, origin)
        return dict(sorted(found.items()))

    def components(self, kind: type[C]) -> dict[str, type[C]]:
        """Return every component of one kind, by name."""
        found = self._provided(kind.hook)
        for name, (value, origin) in found.items():
            if not (isinstance(value, type) and issubclass(value, kind)):
                message = f"{origin}: {name!r} ({kind.hook}) is no {kind.__name__} but {value!r}"
                raise PluginError(message)
            if inspect.isabstract(value):
                lacks = ", ".join(sorted(value.__abstractmethods__))
                message = f"{origin}: {name!r} ({kind.hook}) has no method {lacks}: write it"
                raise PluginError(message)
        return {name: value for name, (value, _) in found.items()}

    def identity(self, component: Component) -> dict[str, JSON]:
        """Return a component's name with the distribution and version that provide it."""
        for name, (cls, origin) in self._provided(component.hook).items():
            if cls is type(component):
                return {"use": name, "plugin": origin.plugin, "distribution": origin.made_by}
        return {"use": type(component).__name__}

    def describe(self, component: Component) -> dict[str, JSON]:
        """Return a component as a recipe would write it: its name, and every field."""

        def described(name: str, plain: JSON) -> JSON:
            value = getattr(component, name)
            if isinstance(value, Component):
                return self.describe(value)
            if isinstance(value, tuple) and any(isinstance(v, Component) for v in value):
                return [self.describe(v) for v in value]
            return plain

        fields = component.model_dump(mode="json")
        name = self.identity(component)["use"]
        return {"use": name, **{k: described(k, v) for k, v in fields.items()}}

    def build(
        self,
        kind: type[C],
        use: str,
        fields: Mapping[str, Any] | None = None,
        *,
        folder: Path | None = None,
        where: str = "",
    ) -> C:
        """Make the component that a recipe asks for.

        `folder` is where relative paths start; `where` names the place in the recipe. Raises
        RecipeError for an unknown name or field, in one line with the nearest right one.
        """
        known = self.components(kind)
        where = where or use
        if use not in known:
            message = f"{where}: no {kind.__name__} is called {use!r}; {nearest(use, known)}"
            raise RecipeError(message)
        cls = known[use]
        values = {
            name: self._nested(cls, name, value, folder, f"{where}.{name}")
            for name, value in (fields or {}).items()
        }
        try:
            return cls.model_validate(values, context={"folder": folder, "models": self.models()})
        except ValidationError as error:
            raise RecipeError(explain(error, where, cls.model_fields)) from None
        except HarnessError as error:
            message = f"{where}: {error}"
            raise type(error)(message) from None

    def _nested(
        self, cls: type[Component], name: str, value: object, folder: Path | None, where: str
    ) -> object:
        """Build the components inside a field's value, where its type asks for one."""
        info = cls.model_fields.get(name)
        kind = _kind_in(info.annotation) if info else None
        if kind is None:
            return value
        if isinstance(value, Mapping) and isinstance(value.get("use"), str):
            fields = {k: v for k, v in value.items() if k != "use"}
            return self.build(kind, value["use"], fields, folder=folder, where=where)
        if isinstance(value, Mapping):
            message = f"{where}: a {kind.__name__} needs `use`, which names one"
            raise RecipeError(message)
        if isinstance(value, (list, tuple)):
            return tuple(self._nested(cls, name, v, folder, where) for v in value)
        return value

    def task_dirs(self) -> list[Path]:
        """Return every folder of lm-evaluation-harness tasks that a plugin provides."""
        return [d for dirs in self._manager.hook.politune_task_dirs() for d in dirs]

    def models(self) -> dict[str, Path]:
        """Return the folders of the base models that plugins name."""
        return {name: path for name, (path, _) in self._provided("politune_models").items()}

    def recipes(self) -> dict[str, Path]:
        """Return the recipes that plugins provide."""
        return {name: path for name, (path, _) in self._provided("politune_recipes").items()}


def _kind_in(annotation: object) -> type[Component] | None:
    """Return the component kind that an annotation mentions, if any."""
    if isinstance(annotation, type) and annotation in KINDS.values():
        return typing.cast("type[Component]", annotation)
    found = (_kind_in(a) for a in typing.get_args(annotation))
    return next((kind for kind in found if kind is not None), None)
