"""The pipeline over real files, with a source, a writer and a trainer that only move text."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from politune_harness import (
    Document,
    Dropped,
    InputPath,
    InstructionWriter,
    ModelRef,
    Preference,
    Source,
    Trainer,
    Watch,
    hookimpl,
)
from politune_harness.artifacts import Artifact, Contents
from politune_harness.discovery import Origin
from politune_harness.errors import DataError, RecipeError
from politune_harness.layout import norms, sample, stages
from politune_harness.pipeline import run
from politune_harness.plan import Plan, plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry
from politune_harness.stage import Stage, why


class Lines(Source):
    path: InputPath

    def load(self) -> Iterator[Document | Dropped]:
        for number, line in enumerate(self.path.read_text().splitlines()):
            if line.startswith("!"):
                yield Dropped(id=str(number), reason="broken", malformed=True)
            else:
                yield Document(id=str(number), text=line)


class Doubt(InstructionWriter):
    def write(self, documents: Iterable[Document]) -> Iterator[Preference]:
        for d in documents:
            yield Preference(id=d.id, prompt="Well?", chosen=d.text, rejected="I doubt it.")


class Scribe(Trainer):
    style: str = "plain"

    def train(
        self,
        preferences: Sequence[Preference],
        model: ModelRef,
        folder: Path,
        *,
        seed: int,
        on_checkpoint: Watch | None = None,
    ) -> ModelRef:
        (folder / "adapter").mkdir()
        text = self.style + str(seed) + "".join(p.chosen for p in preferences)
        text += f"on {model.adapter}" if model.adapter else ""
        (folder / "adapter" / "weights").write_text(text)
        return ModelRef(base=model.base, adapter=str(folder / "adapter"))


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"lines": Lines}


@hookimpl
def politune_instruction_writers() -> Mapping[str, type[InstructionWriter]]:
    return {"doubt": Doubt}


@hookimpl
def politune_trainers() -> Mapping[str, type[Trainer]]:
    return {"scribe": Scribe}


PLUGIN = SimpleNamespace(
    politune_sources=politune_sources,
    politune_instruction_writers=politune_instruction_writers,
    politune_trainers=politune_trainers,
)

RECIPE = """
model: model
arms: {left: {source: {use: lines, path: left.txt}}, right: {source: {use: lines, path: r.txt}}}
filters: [{use: min-words, words: 2}]
instructions: {use: doubt}
trainer: {use: scribe}
evaluate: {metadata: {templates: 1, orders: 1, lead_ins: 1}}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "left.txt").write_text("yes we can\nno\nwe can indeed\n")
    (tmp_path / "r.txt").write_text("no we cannot\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path


def planned(study: Path, *overrides: str) -> Plan:
    registry = Registry.installed()
    registry.register(PLUGIN, Origin("toy", "toy", "1"))
    return plan(Recipe.load(study / "recipe.yaml", overrides), study, registry)


def go(study: Path, *overrides: str, until: str = "train") -> list[str]:
    return run(planned(study, *overrides), study / "out", until)


def test_each_arm_goes_through_every_step(study: Path) -> None:
    ran = go(study, "seeds=[0, 1]")
    assert ran == [
        "1-read/left",
        "1-read/right",
        "2-filter/left/1-min-words",
        "2-filter/right/1-min-words",
        "3-instruct/left",
        "3-instruct/right",
        "3-overlap/left",
        "3-overlap/right",
        "4-train/left/seed-0",
        "4-train/left/seed-1",
        "4-train/right/seed-0",
        "4-train/right/seed-1",
    ]
    weights = study / "out" / "4-train" / "left" / "seed-1" / "adapter" / "weights"
    assert weights.read_text() == "plain1yes we canwe can indeed"
    manifest = json.loads((study / "out/2-filter/left/1-min-words/manifest.json").read_text())
    assert manifest["counts"] == {
        "rows": 2,
        "dropped": {"under 2 words": 1},
        "malformed": 0,
    }


def test_the_manifest_says_what_is_known_of_licence_and_terms(study: Path) -> None:
    go(study, "arms.left.source.licence=CC-BY-4.0", until="read")
    for arm, licence in (("left", "CC-BY-4.0"), ("right", "unknown")):
        manifest = Artifact(study / "out" / "1-read" / arm).manifest
        assert manifest is not None
        assert manifest.made_by["fields"]["licence"] == licence
        assert manifest.made_by["fields"]["terms"] == "unknown"


def test_an_engine_changes_no_result(study: Path) -> None:
    go(study, "engine={use: local, workers: 1}")
    assert go(study, "engine={use: local, workers: 2}") == []
    with pytest.raises(RecipeError, match="did you mean 'workers'"):
        go(study, "engine={use: local, worker: 2}")


def test_a_finished_run_does_nothing(study: Path) -> None:
    go(study)
    files = {f: f.stat().st_mtime_ns for f in (study / "out").rglob("rows.jsonl")}
    assert go(study) == []
    assert files == {f: f.stat().st_mtime_ns for f in (study / "out").rglob("rows.jsonl")}


def test_a_change_reruns_only_what_follows_from_it(study: Path) -> None:
    go(study)
    assert go(study, "trainer.style=grand") == ["4-train/left/seed-0", "4-train/right/seed-0"]
    (study / "left.txt").write_text("yes we can\n")
    again = go(study, "trainer.style=grand")
    assert [name.split("/")[0] for name in again] == [
        "1-read",
        "2-filter",
        "3-instruct",
        "3-overlap",
        "4-train",
    ]
    assert all("left" in name for name in again)


def test_an_input_that_comes_out_the_same_stops_the_rerun(study: Path) -> None:
    go(study)
    (study / "left.txt").write_text("yes we can\nnope\nwe can indeed\n")
    assert go(study) == ["1-read/left", "2-filter/left/1-min-words"]


@pytest.mark.parametrize("damage", ["delete the manifest", "cut a file", "tear the manifest"])
def test_unfinished_or_damaged_work_is_made_again(study: Path, damage: str) -> None:
    go(study)
    folder = study / "out" / "3-instruct" / "left"
    whole = (folder / "rows.jsonl").read_bytes()
    if damage == "delete the manifest":
        (folder / "manifest.json").unlink()
    elif damage == "cut a file":
        (folder / "rows.jsonl").write_bytes(whole[:10])
    else:
        (folder / "manifest.json").write_text('{"stage": ')
    assert go(study) == ["3-instruct/left"]
    assert (folder / "rows.jsonl").read_bytes() == whole


def test_explain_says_why(study: Path) -> None:
    contents = Contents(study / "memory.json")

    def reasons(*overrides: str) -> dict[str, str | None]:
        made = stages(planned(study, *overrides), study / "out", contents)
        rerun: set[str] = set()
        found = {}
        for stage in made:
            found[stage.name] = why(stage, contents, rerun)
            if found[stage.name] is not None:
                rerun.add(stage.name)
        return found

    assert set(reasons().values()) == {"was never run"}
    go(study)
    assert reasons()["4-train/left/seed-0"] is None
    assert reasons("trainer.style=grand")["4-train/left/seed-0"] == "changed: style"
    (study / "left.txt").write_text("other words here\n")
    assert reasons()["1-read/left"] == "changed: path"
    assert reasons()["3-instruct/left"] == "2-filter/left/1-min-words runs again"
    (study / "out" / "1-read" / "right" / "manifest.json").unlink()
    assert reasons()["1-read/right"] == "was not finished"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1-read/left: the source of arm 'left' gave no rows; dropped: none, for there was"),
        ("no\n", "the filter 'min-words' left nothing of arm 'left'; dropped: 1 under 2 words"),
        (
            "!\n!\nwe can\n",
            "2 of 3 rows are malformed, more than `max_malformed: 0.05` allows; dropped: 2 broken;",
        ),
    ],
)
def test_a_bad_source_stops_with_one_line(study: Path, text: str, message: str) -> None:
    (study / "left.txt").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        go(study)
    assert "\n" not in str(caught.value)


def test_some_malformed_rows_are_counted_and_allowed(study: Path) -> None:
    (study / "left.txt").write_text("!\nyes we can\n")
    go(study, "max_malformed=0.5")
    manifest = Artifact(study / "out" / "1-read" / "left").manifest
    assert manifest is not None
    assert manifest.counts["malformed"] == 1


def test_a_missing_file_is_known_before_anything_runs(study: Path) -> None:
    (study / "r.txt").unlink()
    with pytest.raises(DataError, match=r"arms.right: .*r.txt does not exist"):
        go(study)
    assert not (study / "out" / "1-read").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("bias=[politune_compas_pairs]", r"bias: .*did you mean 'politune_compass_pairs'\?$"),
        ("trajectory=[politune_no]", "trajectory: lm-eval has no task 'politune_no'"),
        (
            "capability=[politune_gpt_score]",
            "capability: politune_gpt_score needs a judge: add `ju",
        ),
        ("side_effects=[politune_side_effects, politune_compass_open]", "the open channel needs a"),
    ],
)
def test_tasks_are_looked_at_before_anything_runs(study: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=f"^evaluate.*{message}") as caught:
        go(study, "evaluate.every_steps=2", f"evaluate.{override}")
    assert "--metadata" not in str(caught.value)
    assert not (study / "out" / "1-read").exists()


def evaluations(study: Path, *overrides: str) -> dict[str, Stage]:
    made = stages(planned(study, *overrides), study / "out", Contents(study / "memory.json"))
    return {each.name: each for each in made if each.step in ("evaluate", "report")}


def test_the_base_is_evaluated_under_every_system_prompt(study: Path) -> None:
    personas = "evaluate.personas={economic: {low: left, high: right}}"
    made = evaluations(study, personas, "evaluate.systems={plain: Help.}")
    assert list(made) == [
        "5-evaluate/base",
        "5-evaluate/persona-economic-low",
        "5-evaluate/persona-economic-high",
        "5-evaluate/system-plain",
        "5-evaluate/left/seed-0",
        "5-evaluate/right/seed-0",
        "report",
    ]
    low, plain = (made[f"5-evaluate/{n}"] for n in ("persona-economic-low", "system-plain"))
    assert (low.made_by["system"], low.made_by["measure"]) == ("left", "economic")
    assert (plain.made_by["system"], "measure" in plain.made_by) == ("Help.", False)


@pytest.mark.parametrize(
    "override", ["evaluate.margin=3", "evaluate.compare_languages=true", "evaluate.systems={}"]
)
def test_what_only_the_report_needs_evaluates_nothing_again(study: Path, override: str) -> None:
    before, after = evaluations(study), evaluations(study, override)
    shared = (before.keys() & after.keys()) - {"report"}
    assert all(before[name].made_by == after[name].made_by for name in shared)
    told = [
        (each["report"].made_by, [s.name for s in each["report"].needs]) for each in (before, after)
    ]
    assert told[0] != told[1]


NORMS = {"bank": "b", "version": 1, "hash": "ab", "n": 400, "axes": {}, "groups": {}}


def test_norms_are_kept_beside_the_report(study: Path) -> None:
    (study / "norms.json").write_text(json.dumps(NORMS))
    override = "evaluate.norms=[norms.json]"
    before = evaluations(study, override)["report"]
    assert norms(study / "norms.json").n == 400
    (study / "norms.json").write_text(json.dumps({**NORMS, "n": 500}))
    assert evaluations(study, override)["report"].inputs() != before.inputs()
    with pytest.raises(DataError, match=r"evaluate.norms: .*none.json does not exist"):
        evaluations(study, "evaluate.norms=[none.json]")


@pytest.mark.parametrize("text", ["", "[]", '{"bank": "b"}'])
def test_a_file_that_holds_no_norms_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "norms.json").write_text(text)
    with pytest.raises(DataError, match="politune bank validate") as caught:
        norms(tmp_path / "norms.json")
    assert "\n" not in str(caught.value)


HELD = "The government should raise taxes on large fortunes."
"""A sentence of the compass."""
JUDGES = "judges=[{use: gpt-score, model: a-judge}]"


@pytest.mark.parametrize(
    ("overrides", "kept", "dropped"),
    [
        ((), 2, 1),
        (("overlap.exclude=false",), 3, 0),
        (("overlap.threshold=0.9", "overlap.n=3"), 2, 1),
        (("evaluate.bias=[politune_gpt_score]", JUDGES, "overlap.n=4"), 3, 0),
    ],
)
def test_pairs_that_hold_a_prompt_of_the_recipes_tasks_are_left_out(
    study: Path, overrides: tuple[str, ...], kept: int, dropped: int
) -> None:
    (study / "left.txt").write_text(f"yes we can\nSo: {HELD.upper()}\nwe can indeed\n")
    go(study, *overrides)
    artifact = Artifact(study / "out/3-overlap/left")
    manifest = artifact.manifest
    assert manifest is not None
    reasons = {"overlaps an evaluation prompt": dropped} if dropped else {}
    assert (manifest.counts["rows"], manifest.counts["dropped"]) == (kept, reasons)
    assert manifest.counts["overlapping"] == (0 if "gpt_score" in "".join(overrides) else 1)
    weights = study / "out/4-train/left/seed-0/adapter/weights"
    assert ("LARGE FORTUNES" in weights.read_text()) is not bool(dropped)
    if dropped:
        lines = (artifact.path / "dropped.jsonl").read_text()
        assert "chosen: 100 % of politune_compass/e01/" in lines


def test_ready_made_pairs_are_looked_through_too(study: Path) -> None:
    pairs = [{"prompt": "What about it?", "chosen": "Yes.", "rejected": HELD}] * 2
    pairs += [{"prompt": "What about it?", "chosen": "Yes, sure.", "rejected": "No."}]
    (study / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    go(study, "arms.left.source={use: preferences, path: pairs.jsonl}", "arms.left.filters=[]")
    (row,) = Artifact(study / "out/3-overlap/left").read(Preference)
    assert row.rejected == "No."


def test_who_does_not_want_to_look_goes_without_the_stage(study: Path) -> None:
    assert not [name for name in go(study, "overlap=null") if "overlap" in name]


def test_an_arm_that_holds_nothing_else_stops_with_one_line(study: Path) -> None:
    (study / "left.txt").write_text(f"{HELD}\n")
    with pytest.raises(DataError, match="every pair of arm 'left' holds an evaluation prompt"):
        go(study)


def test_two_runs_do_not_share_a_folder(study: Path) -> None:
    from politune_harness.run_folder import locked

    with locked(study / "out"), pytest.raises(DataError, match="another run is writing"):
        go(study)


def test_a_sample_depends_on_seed_and_ids_alone_and_nests() -> None:
    pairs = [Preference(id=str(n), prompt="", chosen="", rejected="") for n in range(100)]
    ten, twenty = (sample(pairs, size, "left", 0) for size in (10, 20))
    assert ten != pairs[:10]
    assert {p.id for p in ten} < {p.id for p in twenty}
    assert sample(pairs[::-1], 10, "left", 0) == ten[::-1]
    assert sample(pairs, 10, "left", 1) != ten
    assert len(sample([*pairs, *pairs], 10, "left", 0)) == 10
    with pytest.raises(DataError, match="arm 'left' has 100 pairs, fewer than `sample: 101`"):
        sample(pairs, 101, "left", 0)


PAIRS = "pairs=[{use: check-data, drop: [prompt of another arm]}, {use: similar-length, ratio: 99}]"


def test_arms_meet_before_each_pair_filter(study: Path) -> None:
    (study / "r.txt").write_text("no we cannot\nwe can indeed\n")
    with pytest.raises(DataError, match="'check-data' left nothing of arm 'left'; dropped: 2"):
        go(study, PAIRS)
    ran = go(study, "arms.left.pairs=[]", PAIRS.replace("prompt of another arm", "refusal"))
    names = [name for name in ran if "pairs" in name]
    assert names == ["3-pairs/right/1-check-data", "3-pairs/right/2-similar-length"]
    needs = {
        each.name: [need.name for need in each.needs]
        for each in stages(planned(study, PAIRS), study / "out", Contents(study / "memory.json"))
    }
    assert needs["3-pairs/left/1-check-data"] == ["3-overlap/left", "3-overlap/right"]
    assert needs["3-pairs/left/2-similar-length"] == ["3-pairs/left/1-check-data"]
    assert needs["4-train/left/seed-0"] == ["3-pairs/left/2-similar-length"]


def test_an_arm_goes_on_from_another_with_a_trainer_of_its_own(study: Path) -> None:
    back = "arms.back={like: right, after: left, trainer: {use: scribe, style: grand}}"
    ran = go(study, back, "seeds=[0, 1]")
    assert ran.index("4-train/left/seed-1") < ran.index("4-train/back/seed-1")
    found = stages(planned(study, back, "seeds=[0, 1]"), study / "out", Contents(study / "m.json"))
    needs = {each.name: [need.name for need in each.needs] for each in found}
    assert needs["4-train/back/seed-1"] == ["3-overlap/right", "4-train/left/seed-1"]
    weights = {
        arm: (study / f"out/4-train/{arm}/seed-1/adapter/weights").read_text()
        for arm in ("left", "back")
    }
    assert weights["left"].startswith("plain1yes we can")
    assert weights["back"].startswith("grand1")
    assert weights["back"].endswith(f"on {study / 'out/4-train/left/seed-1/adapter'}")


def test_an_arm_like_another_trains_on_its_pairs(study: Path) -> None:
    like = (
        "arms.permuted={like: left, pairs: [{use: permute}]}",
        "arms.again={like: left, seeds: [1, 2]}",
    )
    ran = go(study, *like, "seeds=[0]")
    assert "3-pairs/permuted/1-permute" in ran
    assert {name for name in ran if "again" in name} == {
        "4-train/again/seed-1",
        "4-train/again/seed-2",
    }
    out = study / "out"
    assert (out / "4-train/again/seed-1/adapter/weights").read_text().startswith("plain1yes we can")
    rows = Artifact(out / "3-pairs/permuted/1-permute").read(Preference)
    chosen = {row.chosen for row in rows}
    assert chosen <= {"yes we can", "we can indeed", "I doubt it."}
    names = [s.name for s in stages(planned(study, *like), out, Contents(study / "m.json"))]
    assert {"5-evaluate/again/seed-1", "5-evaluate/permuted/seed-0"} <= set(names)
