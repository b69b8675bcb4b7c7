"""Judging answers that lie on disk: what comes out is what judging at once gives."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from politune_harness import anchors
from politune_harness.cli import main
from politune_harness.errors import RecipeError
from politune_harness.judge_stage import recipe_of
from politune_harness.judging import panel, refuse_self
from politune_harness.records import JSON
from politune_harness.registry import Registry
from tests.chat_server import Asked, Reply, Served, failing, saying, serving
from tests.test_evaluation import build_adapter, build_model
from tests.test_tasks import TASKS, lm_eval

JUDGE = Path(__file__).parents[1] / "plugins" / "politune_quickstart" / "classifier.json"

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
            "model": os.path.relpath(models / "model", tmp_path),
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
        assert f"politune judge {tmp_path / 'later'}" in done.output
        report = (tmp_path / "later" / "report.md").read_text()
        assert "The answers wait for their judges" in report
        (waiting, *_) = logged(tmp_path / "later" / "5-evaluate" / "base")
        assert (waiting["score"]["judge"], waiting["score"]["value"]) == ("deferred", None)
        done = judge(tmp_path / "later")
        assert done.output.startswith("3 judged, 0.0000 spent")
        assert len(server.asked) == asked  # the replies were known
        assert run("later", server, judge="deferred").output.startswith("nothing to do")
    now, later = files(tmp_path / "now"), files(tmp_path / "later")
    assert {name for name in now if now[name] != later[name]} == {"manifest.json"}
    assert "The answers wait" not in (tmp_path / "later" / "report.md").read_text()
    for arm in ("base", "left/given"):
        samples = logged(tmp_path / "now" / "6-judge" / arm)
        assert len(samples) == COUNT
        for sample in samples:
            check(sample, sample["resps"][0][0])
    entry = json.loads(now["results.json"])["arms"]["base"]["tasks"]["politune_gpt_score"]["score"]
    assert entry["missing"] == 0
    assert entry["value"] is not None


def judge(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["judge", str(folder), "--quiet", *options])


def check(sample: dict[str, Any], answer: str) -> None:
    for name, given in zip(("one", "two"), sample["score"]["judges"], strict=True):
        assert given["judge"] == f"gpt-score:{name}:v1"
        assert given["value"] == len(answer) % 21
        assert given["reason"] == f"{len(answer)} signs"
        assert json.loads(given["reply"])["score"] == given["value"]


def test_a_limit_stops_judging_and_the_same_command_goes_on(run: Run, tmp_path: Path) -> None:
    with serving(by_rule) as server:
        assert run("out", server, "--until", "evaluate").exit_code == 0
        assert not server.asked
        # A judgement costs 0.00011, and at the most 0.0026.
        stopped = judge(tmp_path / "out", "--max-cost", "0.003")
        assert stopped.exit_code == 1
        assert "stopped at 0.00" in stopped.output
        assert "--max-cost 0.003; run the same command again" in stopped.output
        first = len(server.asked)
        assert 0 < first < 2 * 2 * COUNT
        assert judge(tmp_path / "out").exit_code == 0
    texts = Counter((asked.body["model"], asked.prompt) for asked in server.asked)
    assert set(texts.values()) == {1}
    assert (tmp_path / "out" / "report.md").is_file()


def test_what_a_judge_failed_on_is_asked_again(run: Run, tmp_path: Path) -> None:
    """Whichever judge it is, and however it failed."""
    down = [True]

    def rule(asked: Asked) -> Reply:
        if down and asked.body and asked.body["model"] == "two":
            return failing(400)
        return by_rule(asked)

    with serving(rule) as server:
        assert run("out", server).exit_code == 0
        (first, *_) = logged(tmp_path / "out" / "6-judge" / "base")
        assert (first["score"]["value"], first["score"]["failed"]) == (None, True)
        down.clear()
        assert judge(tmp_path / "out").output.startswith("2 judged")
        (first, *_) = logged(tmp_path / "out" / "6-judge" / "base")
        check(first, first["resps"][0][0])
        assert judge(tmp_path / "out").output.startswith("0 judged")


def test_what_the_recipe_has_no_longer_is_not_judged(run: Run, tmp_path: Path) -> None:
    with serving(by_rule) as server:
        assert run("out", server, judge="deferred").exit_code == 0
        evaluated = tmp_path / "out" / "5-evaluate"
        shutil.copytree(evaluated / "left" / "given", evaluated / "left" / "seed-9")
        assert judge(tmp_path / "out").output.startswith("3 judged")
    assert not (tmp_path / "out" / "6-judge" / "left" / "seed-9").exists()


@pytest.mark.parametrize("given", [None, "a folder that is elsewhere"])
def test_the_model_is_no_judge_of_itself_later_either(tmp_path: Path, given: str | None) -> None:
    asked = {"use": "transformers", "model": "quickstart"}
    judges = [{"use": "label-score", "name": "q", "generator": asked}]
    recipe = {"model": given or "quickstart", "arms": {"a": {"adapter": "a"}}, "judges": judges}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    refused = pytest.raises(RecipeError, match="is the model under test")
    with nullcontext() if given else refused:
        recipe_of(tmp_path, Registry.installed())


def lm_eval_files(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (results,), (samples,) = folder.rglob("results_*.json"), folder.rglob("samples_*.jsonl")
    lines = samples.read_text().splitlines()
    return json.loads(results.read_text()), [json.loads(line) for line in lines]


def test_plain_lm_eval_now_and_later(models: Path, tmp_path: Path) -> None:
    with serving(by_rule) as server:
        one = {"use": "gpt-score", "model": "one", "base_url": server.url}
        judges = [one, {**one, "model": "two"}]
        for name, when in (("now", {}), ("later", {"judge": "deferred"})):
            command = lm_eval(
                *("run", "--model", "hf", "--device", "cpu", "--tasks", "politune_gpt_score"),
                *("--model_args", f"pretrained={models / 'model'},dtype=float32"),
                *("--include_path", TASKS, "--limit", str(COUNT), "--log_samples"),
                *("--metadata", json.dumps({"judges": judges, "max_gen_toks": 12, **when})),
                *("--output_path", tmp_path / name, "--apply_chat_template"),
                path=models,
            )
            assert command.returncode == 0, command.stderr
        asked = len(server.asked)
        assert asked
        _, waiting = lm_eval_files(tmp_path / "later")
        assert {row["score"]["judge"] for row in waiting} == {"deferred"}
        done = judge(tmp_path / "later")
        assert done.output.startswith("1 judged"), done.output
        assert judge(tmp_path / "later").output.startswith("0 judged")
    (now, samples), (later, judged) = map(lm_eval_files, (tmp_path / "now", tmp_path / "later"))
    assert judged == samples
    for same in ("results", "versions", "task_hashes"):
        assert later[same] == now[same]
    told = [each["configs"]["politune_gpt_score"]["metadata"] for each in (now, later)]
    assert told[0] == told[1]
    for sample in samples:
        check(sample, sample["resps"][0][0])


def test_a_judge_that_drifts_is_flagged(caplog: pytest.LogCaptureFixture) -> None:
    shift = [0]

    def rule(asked: Asked) -> Reply:
        (expected,) = (
            score
            for text, score in anchors.anchors().values()
            if json.dumps(text.completion)[1:-1] in asked.prompt
        )
        return saying(json.dumps({"reason": "r", "score": min(20, int(expected) + shift[0])}))

    with serving(rule) as server:
        judge: dict[str, JSON] = {"use": "gpt-score", "model": "m", "base_url": server.url}
        for shift[0], flagged in ((0, False), (0, False), (2, True)):
            anchors._scored.cache_clear()
            rows = [row for poles in (False, True) for row in anchors.scored(judge, poles=poles)]
            found = anchors.compared(rows)
            assert [each.judge for each in found] == ["gpt-score:m:v1", "gpt-score:m:stance-v1"]
            assert [each.flagged for each in found] == [flagged] * 2
            assert found[0].drift.change.value == pytest.approx(shift[0])
    assert len(server.asked) == 3 * len(anchors.anchors())
    assert len(caplog.records) == 2
    assert "scores anchor texts otherwise than at first, by +2.0" in caplog.text


def test_anchors_are_balanced() -> None:
    kinds: dict[bool, list[float]] = {}
    for text, expected in anchors.anchors().values():
        kinds.setdefault(bool(text.poles), []).append(expected)
    assert set(kinds) == {True, False}
    assert all(sum(each) / len(each) == 10 for each in kinds.values())


@pytest.mark.parametrize(("allowed", "refused"), [(None, True), ("model", False), ("other", True)])
def test_a_model_judges_itself_only_by_name(allowed: str | None, *, refused: bool) -> None:
    given = {"use": "gpt-score", "model": "model", "base_url": "http://there/v1"}
    (judge,) = panel(json.dumps([{**given, "allow_self": allowed}]))
    with pytest.raises(RecipeError, match="is the model under test") if refused else nullcontext():
        refuse_self([judge], {"pretrained": "somebody/Model"})


def test_a_judge_that_asks_nobody_does_without_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("POLITUNE_CACHE", str(tmp_path / "file" / "replies.sqlite"))
    anchors._scored.cache_clear()
    judge: dict[str, JSON] = {"use": "classifier-score", "path": str(JUDGE), "name": "quick"}
    rows = anchors.scored(judge, poles=False)
    anchors._scored.cache_clear()
    assert rows
    assert [row.first for row in rows] == [row.value for row in rows]
    assert "whether a judge has drifted since it was first asked is unknown" in caplog.text
