"""Judging answers that lie on disk: what comes out is what judging at once gives."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from politune_harness import anchors
from politune_harness.cli import main
from politune_harness.judging import panel
from tests.chat_server import Asked, Reply, Served, serving
from tests.test_evaluation import build_adapter, build_model

COUNT = 3
"""Answers of each evaluation."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    anchors._scored.cache_clear()
    yield
    panel.cache_clear()


def by_rule(asked: Asked) -> Reply:
    """Judge by the length of an answer, which is no opinion, but a rule."""
    texts = json.loads(asked.prompt.partition("\n")[0]) if asked.body else {"answer": ""}
    said = json.dumps(
        {"reason": f"{len(texts['answer'])} signs", "score": len(texts["answer"]) % 21}
    )
    choice = {"message": {"role": "assistant", "content": said}}
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return Reply(body=json.dumps({"choices": [choice], "usage": usage}).encode())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_model(folder / "model")
    build_adapter(folder / "adapter", folder / "model")
    return folder


Run = Callable[..., Result]


@pytest.fixture
def run(models: Path, tmp_path: Path) -> Run:
    """Run a recipe that only evaluates, as the command does."""

    def invoked(out: str, server: Served, *options: str, **fields: object) -> Result:
        judge = {"use": "gpt-score", "base_url": server.url, "price_in": 1.0, "price_out": 1.0}
        recipe = {
            "model": str(models / "model"),
            "arms": {"left": {"adapter": str(models / "adapter")}},
            "evaluate": {
                "bias": ["politune_gpt_score", "politune_compass_pairs"],
                "capability": [],
                "personas": {},
                "systems": {},
                "limit": COUNT,
                "metadata": {"samples": 1, "lead_ins": 1, "max_gen_toks": 12},
            },
            "judges": [{**judge, "model": "one"}, {**judge, "model": "two"}],
            **fields,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(json.dumps(recipe))
        where = ("--out", str(tmp_path / out), "--quiet")
        return CliRunner().invoke(main, ["run", str(path), *where, *options])

    return invoked


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != "recipe.yaml"
    }


def logged(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "samples" / "politune_gpt_score.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_later_is_the_same_as_at_once(run: Run, tmp_path: Path) -> None:
    with serving(by_rule) as server:
        done = run("now", server)
        assert done.exit_code == 0, done.output
        assert "spent: " in done.output
        asked = len(server.asked)
        done = run("later", server, judge="deferred")
        assert done.exit_code == 0, done.output
        assert len(server.asked) == asked
        assert f"politune judge {tmp_path / 'later'}" in done.output
        report = (tmp_path / "later" / "report.md").read_text()
        assert "The answers wait for their judges" in report
        (waiting, *_) = logged(tmp_path / "later" / "5-evaluate" / "base")
        assert (waiting["score"]["judge"], waiting["score"]["value"]) == ("deferred", None)

        done = CliRunner().invoke(main, ["judge", str(tmp_path / "later"), "--quiet"])
        assert done.exit_code == 0, done.output
        assert done.output.startswith("3 stages judged, 0.0000 spent")
        assert len(server.asked) == asked + 2  # the readiness of each judge aside, nothing
        again = run("later", server, judge="deferred")
        assert again.output.startswith("nothing to do")
    now, later = files(tmp_path / "now"), files(tmp_path / "later")
    assert {name for name in now if now[name] != later[name]} == {"manifest.json"}
    assert "The answers wait" not in (tmp_path / "later" / "report.md").read_text()


def test_the_logs_hold_answer_score_reason_and_judge(run: Run, tmp_path: Path) -> None:
    with serving(by_rule) as server:
        assert run("out", server).exit_code == 0
    for arm in ("base", "left/given"):
        samples = logged(tmp_path / "out" / "6-judge" / arm)
        assert len(samples) == COUNT
        for sample in samples:
            (answer,) = sample["resps"][0]
            for name, given in zip(("one", "two"), sample["score"]["judges"], strict=True):
                assert given["judge"] == f"gpt-score:{name}:v1"
                assert given["value"] == len(answer) % 21
                assert given["reason"] == f"{len(answer)} signs"
                assert json.loads(given["reply"])["score"] == given["value"]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    entry = results["arms"]["base"]["tasks"]["politune_gpt_score"]["score"]
    assert entry["missing"] == 0
    assert entry["value"] is not None
