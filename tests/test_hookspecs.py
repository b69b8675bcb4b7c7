"""Every hook is documented, has an example that runs, and is used by a built-in plugin."""

import inspect
import textwrap
from types import ModuleType

import pytest

from politune_harness import hookspecs
from politune_harness.components import KINDS, Component
from politune_harness.documented import described
from politune_harness.registry import Registry

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("politune_"))


def example(hook: str) -> ModuleType:
    """Return the example in a hook's docstring as a plugin."""
    doc = inspect.getdoc(getattr(hookspecs, hook)) or ""
    plugin = ModuleType("example")
    exec(textwrap.dedent(doc.split("Example::")[1]), vars(plugin))  # noqa: S102
    return plugin


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hooks_example_is_a_working_plugin(hook: str) -> None:
    registry = Registry({"example": example(hook)})
    (hooks,) = registry.plugins().values()
    assert hooks == [hook]
    kinds = [kind for kind in KINDS.values() if kind.hook == hook]
    provided = registry.components(kinds[0]) if kinds else example(hook).__dict__[hook]()
    assert len(provided) == 1


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
def test_a_kind_has_a_hook(kind: type[Component]) -> None:
    assert kind.hook in HOOKS


def test_every_hook_but_task_dirs_is_used_by_a_built_in() -> None:
    used = {hook for hooks in Registry.installed().plugins().values() for hook in hooks}
    # Our own tasks are installed into lm-eval itself.
    assert used == set(HOOKS) - {"politune_task_dirs"}


@pytest.mark.parametrize("name", [origin.plugin for origin in Registry.installed().plugins()])
def test_a_plugin_annotates_what_its_hook_promises(name: str) -> None:
    registry = Registry.installed()
    plugin = registry._manager.get_plugin(name)
    hooks = next(hooks for origin, hooks in registry.plugins().items() if origin.plugin == name)
    for hook in hooks:
        promised = inspect.get_annotations(getattr(hookspecs, hook), eval_str=True)
        assert inspect.get_annotations(getattr(plugin, hook), eval_str=True) == promised


@pytest.mark.parametrize("word", KINDS)
def test_every_component_and_field_says_what_it_is(word: str) -> None:
    for name, component in Registry.installed().components(KINDS[word]).items():
        assert inspect.getdoc(component), name
        for field, info in described(component).items():
            assert info.description or field == "model", f"{name}.{field}"
