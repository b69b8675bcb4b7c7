"""Find plugins: on the `politune` entry point, and in single files that are not installed.

Nothing is imported before it is loaded; what cannot be loaded is one line that says who and what.
"""

import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from politune_harness.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

NAMESPACE = "politune"
"""The group of entry points, and what hooks are marked with."""

DISABLE = "POLITUNE_DISABLE_PLUGINS"
"""Environment variable: a comma-separated list of plugins not to load."""

FILES = "POLITUNE_PLUGINS"
"""Environment variable: files, separated as in PATH, each a plugin that is not installed."""

OURS = "politune-harness"


@dataclass(frozen=True)
class Origin:
    """Where a plugin comes from."""

    plugin: str
    distribution: str
    """The package that brings it; of a single file, its name."""
    version: str
    """That package's version; of a single file, a digest of what it holds."""
    path: str = ""
    """Where its module lies, once it is loaded."""

    @property
    def made_by(self) -> str:
        """Distribution and version, as manifests have them."""
        return f"{self.distribution} {self.version}".strip()

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}" + (f" of {self.made_by}" if self.made_by else "")


@dataclass(frozen=True)
class Candidate:
    """A plugin that could be loaded."""

    origin: Origin
    load: Callable[[], object]
    """Imports and returns it. Raises PluginError where it is not meant for this version."""

    def loaded(self) -> object:
        """Return the plugin. Raises PluginError, in one line, whatever its module raises."""
        try:
            return self.load()
        except PluginError:
            raise
        except Exception as error:
            message = (
                f"{self.origin} did not load: {error}; leave it out with "
                f"{DISABLE}={self.origin.plugin}, or see where with politune --traceback"
            )
            raise PluginError(message) from error


def candidates() -> Iterator[Candidate]:
    """Yield what is installed, by name, then the files that FILES names."""
    from importlib.metadata import entry_points

    for entry in sorted(entry_points(group=NAMESPACE), key=lambda e: e.name):
        origin = Origin(entry.name, *(_named(entry.dist) if entry.dist else ("", "")))
        yield Candidate(origin, partial(_entry, entry, origin))
    for name in dict.fromkeys(filter(None, os.environ.get(FILES, "").split(os.pathsep))):
        file = Path(name).expanduser().resolve()
        if file.suffix != ".py" or not file.stem.isidentifier() or not file.is_file():
            message = f"plugin {file} is no Python file with a name to import, such as my_news.py"
            raise PluginError(message)
        content = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        origin = Origin(file.stem, file.name, content, str(file))
        yield Candidate(origin, partial(_file, file, origin))


def disabled() -> list[str]:
    """Return the names of the plugins that are not to be loaded."""
    named = (name.strip() for name in os.environ.get(DISABLE, "").split(","))
    return [name for name in named if name]


def path_of(plugin: object) -> str:
    """Return where a plugin's module lies, if it is one."""
    return plugin.__file__ or "" if isinstance(plugin, ModuleType) else ""


@cache
def _named(dist: "Distribution") -> tuple[str, str]:
    """Return a distribution's name and version: each look at them reads its metadata anew."""
    return dist.name, dist.version


def _entry(entry: "EntryPoint", origin: Origin) -> object:
    if entry.dist is not None and _named(entry.dist)[0] != OURS:
        _refuse_other_harness(origin, entry.dist)
    return entry.load()


def _refuse_other_harness(origin: Origin, dist: "Distribution") -> None:
    """Raise PluginError where a plugin's package asks for another version of this one."""
    from importlib.metadata import version

    from packaging.requirements import Requirement

    ours = version(OURS)
    for asked in map(Requirement, dist.requires or ()):
        fits = asked.specifier.contains(ours, prereleases=True)
        if asked.name == OURS and asked.marker is None and not fits:
            message = (
                f"{origin} needs {OURS}{asked.specifier}, and {ours} is installed: install "
                f"another version of either, or leave it out with {DISABLE}={origin.plugin}"
            )
            raise PluginError(message)


def _file(file: Path, origin: Origin) -> object:
    """Import a file by its name, so that the processes which work shards find it too."""
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    plugin = importlib.import_module(file.stem)
    if path_of(plugin) != str(file):
        message = f"{origin}: another module is called {file.stem}; rename the file"
        raise PluginError(message)
    return plugin
