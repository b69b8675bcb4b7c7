"""The site: its reference names everything, signatures exact, and it builds without a warning."""

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from politune_harness import hookspecs
from politune_harness.cli import main
from politune_harness.components import KINDS
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs/site")
        return importlib.import_module("reference")


def headings(page: str, level: int = 2) -> list[str]:
    return re.findall(rf"^{'#' * level} `?([^`\n]+)`?$", page, re.MULTILINE)


def test_every_hook_is_a_heading_with_its_exact_signature(reference: ModuleType) -> None:
    page = reference.hooks()
    hooks = [name for name in vars(hookspecs) if name.startswith("politune_")]
    source = inspect.getsource(hookspecs)
    written = [re.search(rf"def ({name}\(.*\) -> .*):$", source, re.MULTILINE) for name in hooks]
    assert sorted(headings(page)) == sorted(found[1] for found in written if found)
    assert len(hooks) == len(headings(page))


def test_every_component_field_and_key_is_there(reference: ModuleType) -> None:
    registry, page = Registry.installed(), reference.components()
    for word, kind in KINDS.items():
        part = page.split(f"\n## {word}\n")[1].split("\n## ")[0]
        known = registry.components(kind)
        assert headings(part, 3) == list(known)
        for cls in known.values():
            assert all(f"| `{field}` | " in part for field in cls.model_fields)
    keys = reference.recipes()
    assert all(f"| `{key}` | " in keys for key in Recipe.model_fields)


def test_every_command_is_there(reference: ModuleType) -> None:
    found = headings(reference.commands())
    assert {f"politune {name}" for name in main.commands} < set(found)
    assert "politune curate audit labels" in found


def test_it_builds_with_warnings_as_errors(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="comes with the docs extra")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    nav = (ROOT / "mkdocs.yml").read_text()
    pages = re.findall(r"- ([\w/-]+)\.md$", nav, re.MULTILINE)
    for page in set(pages) - {"index"}:
        assert (tmp_path / page / "index.html").is_file(), page
    metrics = (tmp_path / "reference/metrics/index.html").read_text()
    assert "politune_gpt_score" in metrics
    assert "economic_high" in metrics


@pytest.mark.parametrize(
    "file",
    [
        "CITATION.cff",
        ".pre-commit-config.yaml",
        *(p.relative_to(ROOT).as_posix() for p in (ROOT / ".github").rglob("*.yml")),
    ],
)
def test_a_project_file_can_be_read(file: str) -> None:
    assert yaml.safe_load((ROOT / file).read_text())
