from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from politune_harness import Document, Filter, Generator, InputPath, hookimpl
from politune_harness.components import Component
from politune_harness.errors import PluginError, RecipeError
from politune_harness.registry import Registry


class Keep(Filter):
    n: int = 1
    path: InputPath | None = None

    def apply(self, documents: Iterable[Document]) -> Iterator[Document]:
        return iter(documents)


class Either(Filter):
    first: Filter
    rest: tuple[Filter, ...] = ()

    def apply(self, documents: Iterable[Document]) -> Iterator[Document]:
        return iter(documents)


def plugin(**filters: type[Filter]) -> object:
    @hookimpl
    def politune_filters() -> Mapping[str, type[Filter]]:
        return filters

    return SimpleNamespace(politune_filters=politune_filters)


def build(fields: Mapping[str, object], use: str = "keep", folder: Path | None = None) -> Component:
    registry = Registry({"p": plugin(keep=Keep, either=Either)})
    return registry.build(Filter, use, fields, folder=folder)


def test_a_name_builds_its_component() -> None:
    assert build({"n": 3}) == Keep(n=3)


def test_components_nest() -> None:
    fields = {"first": {"use": "keep", "n": 2}, "rest": [{"use": "keep"}, {"use": "keep", "n": 4}]}
    assert build(fields, "either") == Either(first=Keep(n=2), rest=(Keep(), Keep(n=4)))


def test_a_description_builds_the_same_component_again() -> None:
    registry = Registry({"p": plugin(keep=Keep, either=Either)})
    either = Either(first=Keep(n=2), rest=(Keep(), Keep(path=Path("/a"))))
    described = registry.describe(either)
    assert described["use"] == "either"
    assert described["rest"] == [
        {"use": "keep", "n": 1, "path": None},
        {"use": "keep", "n": 1, "path": "/a"},
    ]
    fields = {name: value for name, value in described.items() if name != "use"}
    assert registry.build(Filter, "either", fields) == either


def test_relative_paths_start_at_the_recipe() -> None:
    assert build({"path": "a.csv"}, folder=Path("/r")) == Keep(path=Path("/r/a.csv"))
    assert build({"path": "/a.csv"}, folder=Path("/r")) == Keep(path=Path("/a.csv"))


def test_two_plugins_may_not_share_a_name() -> None:
    registry = Registry({"a": plugin(keep=Keep), "b": plugin(keep=Keep)})
    with pytest.raises(PluginError, match="'a' and plugin 'b' both provide 'keep'"):
        registry.components(Filter)


@pytest.mark.parametrize(
    ("use", "fields", "message"),
    [
        ("kep", {}, r"kep: no Filter is called 'kep'; did you mean 'keep'\?"),
        ("keep", {"n": "x"}, "keep.n: Input should be a valid integer"),
        ("keep", {"paht": 1}, r"keep.paht: there is no such field; did you mean 'path'\?"),
        ("either", {"first": {"use": "keap"}}, "either.first: no Filter is called 'keap'"),
        ("either", {"first": {"use": "keep", "m": 1}}, "either.first.m: there is no such field"),
    ],
)
def test_a_mistake_is_one_line_with_place_and_remedy(
    use: str, fields: Mapping[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        build(fields, use)
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_named_with_its_place() -> None:
    with pytest.raises(Exception, match=r"transformers: model 'quickstrat' is .*'quickstart'"):
        Registry.installed().build(Generator, "transformers", {"model": "quickstrat"})


def test_a_misspelt_hook_is_refused() -> None:
    @hookimpl
    def politune_filter() -> Mapping[str, type[Filter]]:
        return {}

    with pytest.raises(PluginError, match="unknown hook 'politune_filter'"):
        Registry({"p": SimpleNamespace(politune_filter=politune_filter)})


def test_a_hook_with_wrong_arguments_is_refused() -> None:
    @hookimpl
    def politune_filters(names: list[str]) -> Mapping[str, type[Filter]]:
        return {}

    with pytest.raises(PluginError, match=r"plugin 'p'.*names"):
        Registry({"p": SimpleNamespace(politune_filters=politune_filters)})


def test_built_ins_come_through_the_entry_point_and_can_be_disabled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert {"lora", "vllm"} <= {o.plugin for o in Registry.installed().plugins()}
    monkeypatch.setenv("POLITUNE_DISABLE_PLUGINS", "vllm, lora ,")
    left = {o.plugin for o in Registry.installed().plugins()}
    assert not {"lora", "vllm"} & left
