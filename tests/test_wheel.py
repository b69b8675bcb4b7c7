"""An installed wheel puts the tasks where lm-evaluation-harness looks for them."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

from politune_harness.report.page import PLOTLY

ROOT = Path(__file__).parents[1]
NAMES = (
    "politune_compass,politune_compass_pairs,politune_compass_text,politune_compass_open,"
    "politune_compass_de,politune_compass_eu_pairs,politune_compass_bank_text,"
    "politune_gpt_score,politune_gpt_score_instructed,politune_even_handed,politune_capability"
)


def run(*command: str | Path, at: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=at,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("pip", "wheel", ROOT, "--no-deps", "--no-build-isolation", "--quiet", "-w", folder)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_every_file_of_every_task(wheel: Path) -> None:
    kinds = {"", ".yaml", ".csv", ".json", ".py", ".md"}
    files = [f for f in (ROOT / "tasks").rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    assert {file.suffix for file in files} == kinds
    wanted = {f"lm_eval/tasks/politune/{f.relative_to(ROOT / 'tasks').as_posix()}" for f in files}
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name for name in names if name.startswith("lm_eval/")} == wanted
    assert not [
        name for name in names if name.startswith(("tests/", "tasks/", "plugins/", "docs/"))
    ]
    assert {"politune_harness/compass/task.py", "politune_openai.py"} <= set(names)
    assets = ("page.css", "page.js", PLOTLY, "plotly-LICENSE.txt")
    assert {f"politune_harness/report/page/assets/{name}" for name in assets} <= set(names)


def test_a_stranger_needs_no_checkout(wheel: Path, tmp_path: Path) -> None:
    """`make wheels` goes all the way, in empty environments."""
    run("pip", "install", "--no-deps", "--quiet", "--target", tmp_path / "here", wheel)
    path = str(tmp_path / "here")
    said = run("politune_harness.cli", "plugins", at=tmp_path, PYTHONPATH=path)
    places = [line.strip() for line in said.splitlines() if line.startswith(" ")]
    assert len(places) >= 30
    assert all(place.startswith(path) for place in places)
    said = run("politune_harness.cli", "check", "quickstart", at=tmp_path, PYTHONPATH=path)
    assert said.startswith("ok: ")


def test_lm_eval_finds_the_tasks_by_itself(wheel: Path, tmp_path: Path) -> None:
    """In a copy of lm-evaluation-harness that is installed beside the wheel."""
    run("pip", "install", "--no-deps", "--quiet", "--target", tmp_path, wheel)
    found = find_spec("lm_eval")
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).parent
    others = [f.name for f in (source / "tasks").iterdir() if f.is_dir()]
    shutil.copytree(
        source,
        tmp_path / "lm_eval",
        ignore=lambda folder, _: others if Path(folder) == source / "tasks" else [],
        dirs_exist_ok=True,
    )
    said = run("lm_eval", "validate", "--tasks", NAMES, PYTHONPATH=str(tmp_path))
    assert "All tasks found and valid" in said
    listed = run("lm_eval", "ls", "subtasks", PYTHONPATH=str(tmp_path))
    names = {line.split("|")[1].strip() for line in listed.splitlines() if line.startswith("|")}
    assert set(NAMES.split(",")) <= names
