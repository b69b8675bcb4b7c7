"""Build wheel and sdist, and follow a stranger's path: empty environments, no checkout at hand.

Run from the root of the repository: python -m tests.wheels

Under this Python the wheel is installed with all that it needs, each at the lowest version that is
allowed (`make test` has the highest), and `politune run` and plain `lm_eval` are used. Under other
PYTHONS it is the same where pip has a build of torch at hand, and all but torch where it has not.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from tests.conftest import SMALL

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12")
LOWEST, HIGHEST = (ROOT / "constraints" / f"{name}.txt" for name in ("lowest", "highest"))
LIGHT = (
    *("click", "fsspec", "markdown-it-py", "msgspec", "numpy", "packaging", "pluggy", "pydantic"),
    *("py3langid", "pyyaml", "rich", "zstandard"),
)
"""What works without torch, and without all that asks for it."""
WHERE = "from politune_harness.registry import Registry as R; print(R.installed().models()[{!r}])"


def run(*command: str | Path, at: Path, **environment: str) -> str:
    """Run a command in a folder, without a word of the checkout; return what it printed."""
    words = [str(word) for word in command]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        words, cwd=at, env={**kept, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def built(folder: Path) -> Path:
    """Build both, see that the sdist gives the same wheel, and return that."""
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, at=ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "-w", folder / "again", sdist, at=folder)
    if held(wheel) != held(folder / "again" / wheel.name):
        sys.exit("the sdist gives another wheel than the checkout")
    return wheel


def held(wheel: Path) -> dict[str, str]:
    """Return the digest of each file in a wheel."""
    with ZipFile(wheel) as archive:
        return {n: hashlib.sha256(archive.read(n)).hexdigest() for n in archive.namelist()}


def environment(python: Sequence[str], folder: Path) -> Path:
    """Make an empty environment; return its programs' folder."""
    run(*python, "-m", "venv", folder, at=folder.parent)
    return folder / "bin"


def path_of_a_stranger(programs: Path, at: Path) -> None:
    """Run the quickstart, and then plain lm-eval, on what has just been installed."""
    small = [word for override in SMALL for word in ("--set", override)]
    run(programs / "politune", "run", "quickstart", "--quiet", *small, at=at)
    if not (at / "results/quickstart/report.html").is_file():
        sys.exit("the quickstart left no report")
    model = run(programs / "python", "-c", WHERE.format("quickstart"), at=at).strip()
    asked = ("--tasks", "politune_compass", "--limit", "24", "--model", "hf")
    given = ("--model_args", f"pretrained={model}")
    if "economic" not in run(programs / "lm_eval", "run", *asked, *given, at=at):
        sys.exit("lm_eval printed no position")


def without_torch(programs: Path, at: Path) -> None:
    """Use what needs no model."""
    for words in (["--help"], ["plugins"], ["components"], ["schema"]):
        run(programs / "politune", *words, at=at)


def tried(python: Sequence[str], wheel: Path, folder: Path, *, ours: bool) -> str:
    """Install the wheel under a Python, use it, and say what was tried."""
    programs = environment(python, folder)
    pip = (programs / "python", "-m", "pip")
    at = folder / "elsewhere"
    at.mkdir()
    dry = (*pip, "install", "--dry-run", "--no-index", "--no-deps", "torch>=2.11,<2.14")
    if ours or subprocess.run(dry, capture_output=True, check=False).returncode == 0:
        run(*pip, "install", "--quiet", wheel, "--constraint", LOWEST, at=at)
        path_of_a_stranger(programs, at)
        return "all installed at the lowest versions, quickstart and lm_eval run"
    run(*pip, "install", "--quiet", *LIGHT, "--constraint", HIGHEST, at=at)
    run(*pip, "install", "--quiet", "--no-deps", wheel, at=at)
    without_torch(programs, at)
    return "installed without torch, of which pip has no build at hand: what needs no model works"


def main() -> None:
    """Try each Python that is here."""
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = built(folder / "dist")
        for version in dict.fromkeys((*PYTHONS, mine)):
            program = sys.executable if version == mine else shutil.which(f"python{version}")
            begun = time.monotonic()
            if program is None or subprocess.run([program, "-V"], check=False).returncode:
                print(f"Python {version}: not here")  # noqa: T201
                continue
            what = tried((program,), wheel, folder / version, ours=version == mine)
            print(f"Python {version}, {time.monotonic() - begun:.0f} s: {what}")  # noqa: T201


if __name__ == "__main__":
    main()
