"""The packages in docs/examples/plugins: installed with pip, tested, and one run to the compass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Politune

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs/examples/plugins"
NAMES = ("euro-news", "moral-words", "ollama")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([*install, *(str(EXAMPLES / name) for name in NAMES)], check=True)
    return folder


def test_they_pass_their_own_tests(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [str(next((EXAMPLES / name).glob("test_*.py"))) for name in NAMES],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_new_dataset_is_25_lines_and_ends_as_points_on_the_compass(
    site: Path, politune: Politune, tmp_path: Path
) -> None:
    module = EXAMPLES / "euro-news/politune_euro_news.py"
    assert len(list(filter(str.strip, module.read_text().splitlines()))) <= 25
    small = {
        "trainer.epochs": "1",
        "evaluate.bias": "[politune_compass_pairs]",
        "evaluate.capability": "[]",
        "evaluate.limit": "40",
    }
    overrides = [part for item in small.items() for part in ("--set", "=".join(item))]
    recipe, out = EXAMPLES / "euro-news/recipe.yaml", tmp_path / "out"
    done = politune("run", recipe, "--out", out, "--quiet", *overrides, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
    report = (out / "report.md").read_text()
    for side in ("right", "other", "not listed"):
        assert f"outlet: {side}" in report
    assert (out / "figures/compass.png").is_file()
