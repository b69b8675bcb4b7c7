"""Disks that are full, locked or damaged, and folders that are somebody else's."""

import time
from pathlib import Path

from tests.conftest import CACHE, Politune
from tests.faults.conftest import Start, finished, same, superuser, tmpfs


def one_line(stderr: str) -> str:
    assert stderr.startswith("Error: "), stderr
    assert stderr.count("\n") == 1, stderr
    return stderr


@superuser
def test_a_full_disk_is_one_line_and_with_more_room_the_run_goes_on(
    start: Start, small_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "disk" / "run"
    with tmpfs(out.parent, "size=100k") as remount:
        places = []
        for kib in (100, 300, 600, 900, 1300, 2000):
            remount(f"size={kib}k")
            process = start(out)
            _, said = process.communicate()
            if process.returncode == 0:
                break
            assert process.returncode == 1, said
            assert "no space left" in one_line(said)
            places.append(said)
        else:
            remount("size=50m")
            process = start(out)
            _, said = process.communicate()
            assert process.returncode == 0, said
        assert len(places) >= 3
        assert same(out, small_run)


@superuser
def test_a_read_only_folder_is_one_line(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "disk" / "run"
    with tmpfs(out.parent, "ro,size=1m"):
        process = start(out)
        _, said = process.communicate()
        assert process.returncode == 1
        assert "read-only file system" in one_line(said)


@superuser
def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(
    start: Start, small_run: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    with tmpfs(cache, "ro,size=1m"):
        process = start(tmp_path / "run", **{CACHE: str(cache / "replies.sqlite")})
        _, said = process.communicate()
        assert process.returncode == 0, said
    assert same(tmp_path / "run", small_run)


def test_a_second_run_into_a_folder_is_refused_and_the_first_goes_on(
    start: Start, small_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    first = start(out)
    while first.poll() is None and not (out / "1-read").exists():
        time.sleep(0.01)
    second = start(out)
    _, said = second.communicate()
    assert second.returncode == 1
    assert "another run is writing to" in one_line(said)
    finished(first)
    assert same(out, small_run)


def test_a_damaged_artifact_is_named_and_made_again(
    start: Start, politune: Politune, small: list[str], small_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    finished(start(out))
    rows = out / "3-instruct/left/rows.jsonl"
    whole = rows.read_bytes()
    rows.write_bytes(whole[:100] + b"X" + whole[101:])
    adapter = out / "4-train/right/seed-0/adapter/adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:1000])
    explained = politune("explain", "quickstart", "--out", out, *small).stdout
    assert "3-instruct/left" in explained
    assert "its files were changed: rows.jsonl" in explained
    assert "its files were changed: adapter/adapter_model.safetensors" in explained
    finished(start(out))
    assert rows.read_bytes() == whole
    assert same(out, small_run)


def test_a_truncated_adapter_is_one_line(
    politune: Politune, small_run: Path, tmp_path: Path
) -> None:
    whole = small_run / "4-train/left/seed-0/adapter"
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    for file in whole.iterdir():
        if file.is_file():
            (adapter / file.name).write_bytes(file.read_bytes()[:4000])
    recipe = tmp_path / "given.yaml"
    recipe.write_text(
        f"model: quickstart\narms: {{left: {{adapter: {adapter}}}}}\n"
        "evaluate: {bias: [politune_compass_pairs], capability: [], limit: 4, systems: {}}\n"
    )
    done = politune("run", recipe, "--out", tmp_path / "out", "--quiet")
    assert done.returncode == 1
    assert str(adapter) in one_line(done.stderr)
