"""What must not be in the code, and what must not come out of it: pickles, paths, secrets."""

import ast
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from politune_openai import OpenAI
from pydantic import ValidationError

from politune_harness import Document, HarnessError, PluginError, Prompt, RecipeError, Source
from politune_harness.cli.options import planned
from politune_harness.hookspecs import hookimpl
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry
from tests.chat_server import Reply, failing, serving

ROOT = Path(__file__).parents[1]
SOURCES = [
    p for top in ("politune_harness", "plugins", "tasks") for p in (ROOT / top).rglob("*.py")
]
REFUSED = {"pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
KEY = "sk-planted-4711"


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Yield each call in a file, with what is called as it is written."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_nothing_is_pickled_and_no_code_of_a_model_runs_unasked() -> None:
    assert len(SOURCES) > 200
    for path in SOURCES:
        assert not REFUSED & set(imported(path)), path
        for call, name in calls(path):
            place, given = (
                f"{path}:{call.lineno}",
                {k.arg: ast.unparse(k.value) for k in call.keywords},
            )
            if name == "torch.load":
                assert given.get("weights_only") == "True", place
            if name.startswith("Auto") and name.endswith((".from_pretrained", ".from_config")):
                assert given.get("trust_remote_code") not in {None, "True"}, place
            if name.startswith("AutoModel") and name.endswith(".from_pretrained"):
                assert {"use_safetensors", None} & given.keys(), place
            assert name not in {"yaml.load", "eval", "exec", "os.system"}, place
            assert given.get("shell") != "True", place
            assert given.get("allow_pickle") != "True", place


class Motto(Source):
    def load(self) -> Iterator[Document]:
        yield Document(id="a", text="a")


@pytest.mark.parametrize("name", ["../motto", "a/b", "..", "", ".hidden", "a\nb"])
def test_a_plugin_gives_no_name_that_is_a_path(name: str) -> None:
    @hookimpl
    def politune_sources() -> Mapping[str, type[Source]]:
        return {name: Motto}

    registry = Registry({"mottos": SimpleNamespace(politune_sources=politune_sources)})
    with pytest.raises(PluginError, match=r"plugin 'mottos': .* is no name"):
        registry.components(Source)


@pytest.mark.parametrize("name", ["../left", "a/b", "..", "", "a\0b", "base", "left\n"])
def test_an_arm_has_no_name_that_is_a_path(name: str) -> None:
    with pytest.raises(ValidationError, match=r"a name is made of letters|is taken"):
        Recipe.model_validate({"model": "m", "arms": {name: {"adapter": "a"}}})


def test_a_recipe_has_no_name_that_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "...yaml").write_text("model: quickstart\narms: {a: {adapter: a}}\n")
    with pytest.raises(RecipeError, match="say where with --out"):
        planned(str(tmp_path / "...yaml"), (), None)


@pytest.mark.parametrize("url", ["https://me:word@example.org/a.csv", "s3://key:word@bucket/a.csv"])
def test_a_recipe_holds_no_password(url: str) -> None:
    registry = Registry.installed()
    with pytest.raises(HarnessError, match="no password in a URL") as caught:
        registry.build(Source, "csv", {"path": url})
    assert "word@" not in str(caught.value)
    with pytest.raises(HarnessError, match="no password in a URL"):
        OpenAI(model="m", base_url="http://me:word@localhost/v1")


@pytest.mark.parametrize("reply", [failing(401, f"bad {KEY}"), failing(400, f"so {KEY}")])
def test_no_key_is_in_a_traceback(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)
    with serving(lambda _: reply) as server:
        judge = OpenAI(model="m", base_url=server.url, retries=0, api_key_env="A_KEY")
        with judge.session() as answer, pytest.raises(HarnessError) as caught:
            list(answer([Prompt(id="a", prompt="Well?")]))
    assert "(key)" in str(caught.value) or "refused" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))
