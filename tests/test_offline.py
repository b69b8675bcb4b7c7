"""What leaves this machine, and what must not."""

import subprocess
import sys
from pathlib import Path

from tests.chat_server import Asked, Reply, saying, serving
from tests.conftest import SECRET, Politune

TRY = """
import socket, sys
from politune_harness.offline import stay_offline
stay_offline()
from urllib.request import urlopen
urlopen(sys.argv[1] + "/models").read()
for address in ("192.0.2.1", "example.org"):
    try:
        socket.create_connection((address, 80), timeout=0.1)
    except Exception as error:
        print(error)
"""


def test_this_machine_may_be_asked_and_no_other() -> None:
    def answer(asked: Asked) -> Reply:
        return saying("yes")

    with serving(answer) as server:
        done = subprocess.run(
            [sys.executable, "-c", TRY, server.url], capture_output=True, text=True, check=False
        )
    assert done.stdout.splitlines() == [
        f"{host} was not asked, because of --offline" for host in ("192.0.2.1", "example.org")
    ], done.stderr


def test_a_judge_elsewhere_is_refused_in_one_line(politune: Politune, tmp_path: Path) -> None:
    judge = "judges=[{use: gpt-score, model: m, base_url: 'http://192.0.2.1/v1'}]"
    out = tmp_path / "out"
    done = politune("run", "quickstart", "--offline", "--quiet", "--set", judge, "--out", out)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: judges.0: ")
    assert "because of --offline" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_secret_is_in_anything_that_a_run_leaves(small_run: Path) -> None:
    files = [path for path in small_run.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
