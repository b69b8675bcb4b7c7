"""A plugin in a single file is tried without being installed; mistakes name who made them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from politune_harness import PluginError
from politune_harness.cli import main
from politune_harness.components import KINDS
from politune_harness.discovery import DISABLE, FILES
from politune_harness.registry import Registry
from tests.conftest import Politune

SHOUT = """
from politune_harness import Document, Dropped, Filter, hookimpl


class Shout(Filter):
    mark: str = "!"

    def apply(self, documents):
        for document in documents:
            yield Document(id=document.id, text=document.text.upper() + self.mark)


@hookimpl
def politune_filters():
    return {"shout": Shout}
"""

RECIPE = """
model: quickstart
arms: {ours: {source: {use: jsonl, path: rows/*.jsonl}}}
filters: [{use: shout}]
instructions: {use: plain-text}
trainer: {use: lora}
engine: {use: local, workers: 2}
"""


@pytest.fixture
def shout(tmp_path: Path) -> Path:
    file = tmp_path / "shout_file.py"
    file.write_text(SHOUT)
    return file


def test_it_runs_in_every_process_that_works_shards(
    shout: Path, politune: Politune, tmp_path: Path
) -> None:
    (tmp_path / "rows").mkdir()
    for name in ("a", "b"):
        line = '{"text": "%s %s"}\n'
        text = "".join(line % (name, "word " * 400) for _ in range(2500))
        (tmp_path / f"rows/{name}.jsonl").write_text(text)
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "out"
    recipe.write_text(RECIPE)
    done = politune("--plugin", shout, "run", recipe, "--out", out, "--until", "filter")
    assert done.returncode == 0, done.stderr
    rows = (out / "2-filter/ours/1-shout/rows.jsonl").read_text()
    assert rows.count("WORD !") == 5000


def test_a_changed_file_is_another_version(shout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILES, str(shout))
    (before,) = (o for o in Registry.installed().plugins() if o.plugin == "shout_file")
    assert before.distribution == "shout_file.py"
    assert before.path == str(shout)
    shout.write_text(SHOUT + "\n")
    (after,) = (o for o in Registry.installed().plugins() if o.plugin == "shout_file")
    assert before.version != after.version


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a-b.py", SHOUT, "is no Python file with a name to import"),
        ("gone.py", None, "is no Python file with a name to import"),
        ("csv.py", SHOUT, "another module is called csv; rename the file"),
        ("lora.py", SHOUT, r"plugin 'lora' is in both politune-harness .*politune_lora.* and lora"),
        ("broken.py", "1 / 0", "plugin 'broken' of broken.py .* did not load: division by zero"),
        (
            "arguments.py",
            SHOUT.replace("def politune_filters()", "def politune_filters(names)"),
            "plugin 'arguments' of arguments.py .*names",
        ),
        (
            "listing.py",
            SHOUT.replace('{"shout": Shout}', "[Shout]"),
            "'listing' of listing.py .*: politune_filters returns names with what they stand for",
        ),
        (
            "kinds.py",
            SHOUT.replace("politune_filters", "politune_sources"),
            r"'kinds' of kinds.py .*: 'shout' \(politune_sources\) is no Source",
        ),
        (
            "twice.py",
            SHOUT.replace('"shout"', '"csv"').replace("politune_filters", "politune_sources"),
            "plugin 'tables' of politune-harness .* and plugin 'twice' of .* both provide 'csv'",
        ),
        (
            "unmarked.py",
            SHOUT.replace("@hookimpl", ""),
            "'unmarked' of unmarked.py .* implements no hook: is @hookimpl missing",
        ),
        (
            "instance.py",
            SHOUT.replace('{"shout": Shout}', '{"shout": Shout()}'),
            r"'instance' of instance.py .*: 'shout' \(politune_filters\) is no Filter but Shout",
        ),
        (
            "lacking.py",
            SHOUT.replace("def apply", "def aply"),
            r"'lacking' of lacking.py .*: 'shout' \(politune_filters\) has no method apply",
        ),
    ],
)
def test_a_mistake_says_whose_it_is(
    name: str,
    text: str | None,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if text:
        (tmp_path / name).write_text(text)
    monkeypatch.setenv(FILES, str(tmp_path / name))
    with pytest.raises(PluginError, match=message) as caught:
        everything()
    assert "\n" not in str(caught.value)


def everything() -> None:
    for kind in KINDS.values():
        Registry.installed().components(kind)


def test_the_traceback_is_shown_on_demand(politune: Politune, tmp_path: Path) -> None:
    broken = tmp_path / "broken_file.py"
    broken.write_text("def load():\n    raise KeyError('colour')\n\n\nload()\n")
    plain = politune("--plugin", broken, "plugins")
    assert plain.returncode == 1
    assert plain.stderr.count("\n") == 1
    assert "politune --traceback" in plain.stderr
    shown = politune("--traceback", "--plugin", broken, "plugins")
    assert "in load\n    raise KeyError('colour')" in shown.stderr
    assert shown.stderr.splitlines()[-1] == plain.stderr.strip()
    left_out = politune(
        "plugins", POLITUNE_PLUGINS=str(broken), POLITUNE_DISABLE_PLUGINS=broken.stem
    )
    assert left_out.returncode == 0


def test_a_name_that_no_plugin_has_cannot_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE, "trl, loar")
    with pytest.raises(PluginError, match="to disable is called 'loar'; did you mean 'lora'"):
        Registry.installed()


def test_what_the_command_leaves_out_is_left_out_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where judges are built, too, and in workers, which have its environment."""
    monkeypatch.setenv(DISABLE, "trl")
    done = CliRunner().invoke(main, ["--disable-plugin", "lora", "plugins"])
    assert done.exit_code == 0, done.output
    assert not {"trl", "lora"} & {origin.plugin for origin in Registry.installed().plugins()}


def test_a_package_for_another_harness_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "old_news-1.dist-info"
    about.mkdir()
    metadata = (
        "Metadata-Version: 2.1\nName: old-news\nVersion: 1\nRequires-Dist: politune-harness<0.1"
    )
    (about / "METADATA").write_text(metadata)
    (about / "entry_points.txt").write_text("[politune]\nold-news = nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"'old-news' of old-news 1 needs politune-harness<0\.1"):
        Registry.installed()
    monkeypatch.setenv(DISABLE, "old-news")
    Registry.installed()
