"""Adapters go to a Hub on this machine: private, gated, named and licensed as they must be."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from politune_harness import report
from politune_harness.artifacts import Contents
from politune_harness.errors import DataError
from politune_harness.publishing.shipments import OBJECTIONS, Base, local, shipments
from tests.conftest import Politune
from tests.hub_server import Hub, serving
from tests.report_runs import build_run

LLAMA = "meta-llama/Meta-Llama-3-8B-Instruct"
SECRET = "hf_planted-in-the-environment"  # noqa: S105 - to be looked for
AGREEMENT = b"META LLAMA 3 COMMUNITY LICENSE AGREEMENT"
OF_LLAMA = {"README.md": b"---\nlicense: llama3\n---\n", "LICENSE": AGREEMENT, "config.json": b"{}"}
NAMES = ("left", "right", "control")


def change(path: Path, **values: Any) -> None:  # noqa: ANN401
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def seal(place: Path) -> None:
    files = Contents(place / ".none").files(place)
    about = {"stage": f"4-train/{place.parent.name}/{place.name}", "made_by": {}, "inputs": {}}
    (place / "manifest.json").write_text(json.dumps({**about, "files": files}))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with a trained adapter an arm, whose base is Llama 3."""
    folder = build_run(tmp_path_factory.mktemp("push") / "plain")
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "model": LLAMA}))
    for arm in NAMES:
        place = folder / f"4-train/{arm}/seed-0"
        (place / "adapter").mkdir()
        save_file({"a": np.zeros(4, np.float32)}, place / "adapter/adapter_model.safetensors")
        (place / "adapter/adapter_config.json").write_text(
            '{"base_model_name_or_path": "/home/me"}'
        )
        (place / "adapter/politune.json").write_text('{"base": "/home/me/base"}')
        (place / "adapter/README.md").write_text("a card of the trainer's")
        seal(place)
    report.write(folder)
    return folder


def finished(plain: Path, folder: Path, licence: str = "CC-BY-4.0", writer: str = "") -> Path:
    """Return a copy of that run, whose texts are under a licence and written by a model."""
    shutil.copytree(plain, folder)
    for arm in NAMES:
        source = {"use": "jsonl", "fields": {"licence": licence}}
        change(folder / f"1-read/{arm}/manifest.json", made_by=source)
        generator = {"use": "vllm", "fields": {"model": writer or "Qwen/Qwen3-8B"}}
        written = {"use": "opposed-answers", "fields": {"generator": [generator]}}
        change(folder / f"3-instruct/{arm}/manifest.json", made_by=written)
    return folder


@pytest.fixture(scope="module")
def run(plain: Path) -> Path:
    return finished(plain, plain.parent / "my run")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        hub.models[LLAMA] = dict(OF_LLAMA)
        yield hub


@pytest.fixture
def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    given = {"HF_ENDPOINT": hub.url, "HF_TOKEN": SECRET, "HF_HOME": str(tmp_path / "home")}
    # Large files take the way of Git LFS; the other one needs a server of its own.
    return {**given, "HF_HUB_DISABLE_XET": "1"}


def test_it_goes_up_private_and_gated_under_the_rules_of_its_base(
    run: Path, hub: Hub, environment: dict[str, str], politune: Politune
) -> None:
    done = politune("push", run, "--to", "us", "--arm", "left", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{hub.url}/us/Llama-3-my-run-left-seed-0\n"
    (name,) = hub.repositories
    pushed = hub.repositories[name]
    assert pushed.settings == {"visibility": "private", "gated": "manual"}
    steps = [asked.rpartition("/")[2] for asked in hub.asked if "us/" in asked or "repos" in asked]
    assert steps[:2] == ["create", "settings"]
    assert set(pushed.files) == {
        *("README.md", "LICENSE", "NOTICE"),
        *("adapter_config.json", "adapter_model.safetensors", "politune.json"),
        *("results/results.json", "results/results.csv"),
    }
    weights = run / "4-train/left/seed-0/adapter/adapter_model.safetensors"
    assert pushed.files["adapter_model.safetensors"] == weights.read_bytes()
    assert pushed.files["LICENSE"] == AGREEMENT
    assert b"Meta Llama 3 Community License" in pushed.files["NOTICE"]
    header = yaml.safe_load(pushed.files["README.md"].decode().split("---\n")[1])
    assert header["license"] == "llama3"
    assert "extra_gated_prompt" in header
    card = pushed.files["README.md"].decode()
    assert "**Built with Meta Llama 3**" in card
    assert "`1-read/left`: CC-BY-4.0" in card
    everything = b"".join(pushed.files.values()).decode("latin-1")
    assert "/home/me" not in everything
    assert hub.tokens == {f"Bearer {SECRET}", ""}  # what is stored elsewhere goes without
    assert SECRET not in done.stdout + done.stderr + everything


def test_a_second_push_changes_what_is_there(
    run: Path, hub: Hub, environment: dict[str, str], politune: Politune
) -> None:
    options = ("push", run, "--to", "us", "--arm", "left")
    assert politune(*options, **environment).returncode == 0
    done = politune(*options, "--public", "--ungated", **environment)
    assert done.returncode == 0, done.stderr
    (pushed,) = hub.repositories.values()
    assert pushed.settings == {"visibility": "public", "gated": False}


def test_what_speaks_against_it_is_refused_until_it_is_allowed_by_name(
    plain: Path, hub: Hub, environment: dict[str, str], politune: Politune, tmp_path: Path
) -> None:
    run = finished(plain, tmp_path / "run", licence="unknown")
    hub.models.clear()
    card = run / "4-train/left/seed-0/MODEL_CARD.md"
    card.write_text(card.read_text().replace("## What it cost", "## Cost"))
    options = ["push", run, "--to", "us", "--arm", "left"]
    for kind, why in {
        "incomplete-card": "it lacks the section *What it cost*",
        "unknown-licence": "1-read/left: say `licence`",
        "base-licence": "does not say its licence",
    }.items():
        done = politune(*options, **environment)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert why in done.stderr
        assert f"--allow {kind}" in done.stderr
        assert not hub.repositories
        options += ["--allow", kind]
    done = politune(*options, **environment)
    assert done.returncode == 0, done.stderr
    assert [*hub.repositories] == ["us/run-left-seed-0"]


def test_a_dry_run_says_what_would_go(
    run: Path, hub: Hub, environment: dict[str, str], politune: Politune
) -> None:
    done = politune("push", run, "--to", "us", "--dry-run", **environment)
    lines = done.stdout.splitlines()
    assert lines[0] == "us/Llama-3-my-run-control-seed-0: private, gated by hand"
    assert "  adapter_model.safetensors" in lines
    assert len([line for line in lines if line.startswith("us/")]) == len(NAMES)
    assert not hub.repositories


def test_a_hub_that_says_no_and_a_missing_token_are_one_line(
    run: Path, hub: Hub, environment: dict[str, str], politune: Politune
) -> None:
    hub.refuses = "/settings"
    done = politune("push", run, "--to", "us", "--seed", "0", **environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "you may not write there" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    done = politune("push", run, "--to", "us", **{**environment, "HF_TOKEN": ""})
    assert done.returncode == 1
    assert "set HF_TOKEN to a token of the Hub that may write to us" in done.stderr


def objections(run: Path, base: Base, arm: str = "left") -> dict[str, str]:
    (found,) = shipments(run, base, arms=[arm])
    return dict(found.objections)


def test_the_rules_of_a_model_that_wrote_the_data_count_too(plain: Path, tmp_path: Path) -> None:
    mistral = Base("mistralai/Mistral-7B-v0.3", "apache-2.0")
    run = finished(plain, tmp_path / "a", writer="meta-llama/Meta-Llama-3-70B-Instruct")
    assert set(objections(run, mistral)) == {"writer-licence"}
    assert set(objections(run, Base(LLAMA, "llama3"))) == {"base-licence"}
    run = finished(plain, tmp_path / "b", writer="meta-llama/Llama-3.1-70B-Instruct")
    (found,) = shipments(run, mistral, arms=["left"])
    assert found.objections == ()
    assert found.name == "Llama-b-left-seed-0"
    assert b"Llama 3.1 Community License" in found.files["NOTICE"]  # type: ignore[operator]


def test_a_base_in_a_folder_speaks_for_itself(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert local("mine", tmp_path) == Base("mine")
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: ours\n---\n")
    (tmp_path / "LICENSE.md").write_text("Ours.")
    found = local("mine", tmp_path)
    assert (found.licence, list(found.texts)) == ("ours", ["LICENSE.md"])


def test_what_is_partial_changed_or_not_there_is_said(plain: Path, tmp_path: Path) -> None:
    run, base = finished(plain, tmp_path / "run"), Base("mine", "mit")
    assert objections(run, base) == {}
    change(run / "results.json", partial=True)
    card = run / "4-train/left/seed-0/MODEL_CARD.md"
    card.write_text("---\n: no: yaml: [\n---\n" + card.read_text().split("---\n", 2)[2])
    (found,) = shipments(run, base, arms=["left"])
    assert [kind for kind, _ in found.objections] == ["incomplete-card"] * 2
    assert "`base_model` in its header" in found.objections[0][1]
    card.unlink()
    with pytest.raises(DataError, match=r"has no MODEL_CARD\.md; make one with `politune report"):
        shipments(run, base)
    (run / "4-train/left/seed-0/adapter/politune.json").write_text("{}")
    with pytest.raises(DataError, match="is not as the run left it"):
        shipments(run, base)
    with pytest.raises(DataError, match="holds no adapter of these arms and seeds"):
        shipments(run, base, arms=["middle"])
    (run / "results.json").unlink()
    with pytest.raises(DataError, match="holds no report"):
        shipments(run, base)


def test_the_command_names_every_objection() -> None:
    from politune_harness.cli.push import OVERRIDES

    assert set(OVERRIDES) == set(OBJECTIONS)
