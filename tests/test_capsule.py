"""A capsule is run again from its own folder, and holds nothing that was read or trained on."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from politune_harness import capsule, exported
from politune_harness.cli import main
from politune_harness.errors import DataError
from politune_harness.portable import Portable
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry
from politune_harness.repeats import gone, repeated, texts
from politune_harness.testing import run_recipe, tiny_model

PLANTED = "Planted posts must never leave, whatever else the capsule says about number {}."
RECIPE: dict[str, Any] = {
    "model": "base",
    "arms": {
        "left": {"source": {"use": "csv", "path": "data/posts.csv", "licence": "CC0-1.0"}},
        "right": {"source": {"use": "jsonl", "path": "data/**/*.jsonl"}},
    },
    "filters": [{"use": "min-words", "words": 3}],
    "instructions": {"use": "plain-text"},
    "trainer": {"use": "lora", "objective": "clm", "rank": 2, "max_steps": 1, "batch_size": 2},
    "evaluate": {
        "bias": ["politune_compass_pairs"],
        "capability": [],
        "metadata": {"lead_ins": 1},
        "limit": 4,
        "personas": {},
        "systems": {},
    },
    "overlap": None,
}


def politune(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a finished run, in run/, and its capsule, in capsule/."""
    folder = tmp_path_factory.mktemp("machine")
    tiny_model(folder / "base")
    data = folder / "data"
    (data / "deep").mkdir(parents=True)
    posts = [PLANTED.format(n) for n in range(4)]
    (data / "posts.csv").write_text("text\n" + "".join(f'"{post}"\n' for post in posts))
    lines = (json.dumps({"id": str(n), "text": post}) + "\n" for n, post in enumerate(posts))
    (data / "deep" / "posts.jsonl").write_text("".join(lines))
    recipe = {**RECIPE, "model": str(folder / "base")}
    run = run_recipe(recipe, folder, until="report")
    done = politune("export", run, "--out", folder / "capsule")
    assert done.exit_code == 0, done.output
    assert "croissant.json does not say licence, creator, url, published" in done.output
    return folder


@pytest.fixture(scope="module")
def there(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the capsule on another machine, with its inputs in place."""
    folder = tmp_path_factory.mktemp("another") / "capsule"
    shutil.copytree(here / "capsule", folder)
    (folder / "inputs").mkdir()
    for name, lies in {"posts.csv": "data/posts.csv", "data": "data", "base": "base"}.items():
        (folder / "inputs" / name).symlink_to(here / lies)
    return folder


def test_the_recipe_names_no_place_of_this_machine(here: Path) -> None:
    text = (here / "capsule/recipe.yaml").read_text()
    assert yaml.safe_load(text) == {
        **RECIPE,
        "model": "inputs/base",
        "arms": {
            "left": {"source": {**RECIPE["arms"]["left"]["source"], "path": "inputs/posts.csv"}},
            "right": {"source": {"use": "jsonl", "path": "inputs/data/**/*.jsonl"}},
        },
    }
    readme = (here / "capsule/README.md").read_text()
    assert "- `inputs/data`" in readme
    assert "| `1-read/left` | `csv` | CC0-1.0 | unknown |" in readme


def held(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield all that stands in a capsule, as text."""
    from pyarrow import parquet

    for file in (each for each in folder.rglob("*") if each.is_file()):
        if file.suffix == ".parquet":
            yield file.name, json.dumps(parquet.read_table(file).to_pylist(), default=str)
        else:
            yield file.name, file.read_text()


def test_no_post_no_row_and_no_path_is_in_it(here: Path) -> None:
    known = set(texts(here / "run"))
    assert PLANTED.format(0) in known
    for name, text in held(here / "capsule"):
        assert "must never leave" not in text, name
        assert str(here) not in text, name


def test_it_gives_the_same_bytes_elsewhere(there: Path) -> None:
    before = politune("verify", there)
    assert before.exit_code == 0, before.output
    assert "inputs, settings and plugins" in before.output
    done = politune("run", there / "recipe.yaml", "--out", there / "again", "--quiet")
    assert done.exit_code == 0, done.output
    after = politune("verify", there, there / "again")
    assert after.exit_code == 0, after.output
    assert "files, byte for byte" in after.output


def test_what_differs_is_one_line(there: Path, tmp_path: Path) -> None:
    folder = tmp_path / "capsule"
    shutil.copytree(there, folder, symlinks=True, ignore=shutil.ignore_patterns("again"))
    (folder / "inputs/posts.csv").unlink()
    done = politune("verify", folder)
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "arms.left: " in done.output
    assert "posts.csv does not exist" in done.output
    (folder / "inputs/posts.csv").write_text("text\nAnother text of several words.\n")
    assert politune("verify", folder).output.startswith("1-read/left: differs in input path\n")
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    recipe["filters"] = [{"use": "min-words", "words": 4}]
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    said = politune("verify", folder).output
    assert "2-filter/left/1-min-words and 1 more: differs in words\n" in said


def test_a_run_that_came_out_otherwise_is_named_where_it_began(
    here: Path, there: Path, tmp_path: Path
) -> None:
    made = capsule.read(here / "capsule")
    run = tmp_path / "run"
    shutil.copytree(here / "run", run)
    old = run / "1-read/of-an-earlier-recipe"
    shutil.copytree(run / "1-read/left", old)
    values = json.loads((old / "manifest.json").read_text())
    values["stage"] = "1-read/of-an-earlier-recipe"
    (old / "manifest.json").write_text(json.dumps(values))
    path = run / "4-train/left/seed-0/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["log.jsonl"] = "0"
    path.write_text(json.dumps(manifest))
    shutil.rmtree(run / "5-evaluate/right")
    assert capsule.manifests(run).keys() == made.stages.keys() - {"5-evaluate/right/seed-0"}
    assert capsule.differing(made, run) == {
        "gave other bytes from the same inputs: log.jsonl": ["4-train/left/seed-0"],
        "is missing": ["5-evaluate/right/seed-0"],
    }


def test_other_versions_are_named(here: Path, tmp_path: Path) -> None:
    shutil.copytree(here / "capsule", tmp_path / "capsule")
    path = tmp_path / "capsule/capsule.json"
    values = json.loads(path.read_text())
    assert values["made_by"] == ["lm-eval 0.4.13", "politune-harness 0.1.0"]
    values["distributions"] |= {"click": "1.0", "no-such-thing": "2"}
    path.write_text(json.dumps(values))
    said = politune("verify", tmp_path / "capsule", here / "run")
    assert said.exit_code == 0
    assert "click " in said.output
    assert "no-such-thing is not installed (was 2)" in said.output
    pinned = (tmp_path / "capsule/requirements.txt").read_text().splitlines()
    assert all("==" in line for line in pinned)
    assert "torch==" in "".join(pinned)


def test_a_folder_without_a_capsule_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no capsule"):
        capsule.read(tmp_path)


def test_an_answer_that_repeats_a_text_is_left_out_and_marked(here: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(here / "run", run)
    said = f"I say: {PLANTED.format(2)}"
    doc = {"item": "q", "question": "What?"}
    sample = {"doc": doc, "doc_id": 0, "doc_hash": "ab", "filter": "none", "metrics": ["score"]}
    sample |= {"arguments": [["What?", {"until": []}]]}
    judge = {"judge": "a", "value": 4.0, "reason": "he says: " + PLANTED.format(2)}
    sample["score"] = {"item": "q", "value": 4.0, "judge": "a", "judges": [judge]}
    lines = [{**sample, "resps": [[answer]]} for answer in (said, "Nothing of it.")]
    place = run / "5-evaluate/base/samples/open.jsonl"
    place.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = politune("export", run)
    assert "1 answers are left out because they repeat a training text" in done.output
    for name, text in held(run / "export"):
        assert "must never leave" not in text, name
    table = dict(held(run / "export"))["samples.parquet"]
    rows = [row for row in json.loads(table) if row["task"] == "open"]
    assert [(r["answer"], r["score"], r["repeats"]) for r in rows] == [
        (None, 4.0, 1),
        ("Nothing of it.", 4.0, 0),
    ]
    # Once the texts are deleted, nobody can tell any more.
    (run / "1-read/left/rows.jsonl").unlink()
    assert gone(run) == ["1-read/left"]
    written = exported.write(run, tmp_path / "samples.parquet")
    assert written.left_out.startswith("No answer in text is given: what 1-read/left read is gone")


@pytest.mark.parametrize(
    ("answer", "text", "repeats"),
    [
        (
            "one two three four five six seven EIGHT, nine",
            "0 one two three four five six seven eight",
            1,
        ),
        (
            "one two three four five six seven, then eight",
            "0 one two three four five six seven eight",
            0,
        ),
        ("He said: down with taxes now.", "Down with taxes now!", 1),
        ("Yes.", "Yes.", 0),
    ],
)
def test_a_repetition_is_eight_words_or_a_whole_text(answer: str, text: str, repeats: int) -> None:
    assert len(repeated([answer], [text])) == repeats


@pytest.mark.filterwarnings("ignore")  # of the validator and the libraries that it rests on
def test_croissant_validates_and_says_what_is_known(here: Path, tmp_path: Path) -> None:
    from mlcroissant import Dataset

    given = {"licence": "CC-BY-4.0", "creator": "A group", "url": "https://example.org/run"}
    options = [part for key, value in given.items() for part in (f"--{key}", value)]
    done = politune(
        *("export", here / "run", "--out", tmp_path, "--published", "2026-11-25"), *options
    )
    assert "does not say" not in done.output
    dataset = Dataset(jsonld=tmp_path / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    # How to cite it is for whoever publishes it.
    assert all("citeAs" in warning for warning in dataset.metadata.ctx.issues.warnings)
    rows = list(dataset.records("samples"))
    assert len(rows) == len(json.loads(dict(held(tmp_path))["samples.parquet"]))
    found = json.loads((tmp_path / "croissant.json").read_text())
    assert found["license"] == "CC-BY-4.0"
    for name in ("dataCollection", "dataBiases", "dataLimitations", "personalSensitiveInformation"):
        assert found[f"rai:{name}"]


def test_a_portable_recipe_keeps_names_and_parts_equal_ones(tmp_path: Path) -> None:
    for name in ("a", "b", "writer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "posts.csv").write_text("text\nx\n")
    written = {"use": "opposed-answers", "generator": {"use": "transformers", "model": "writer"}}
    values = {
        "model": "quickstart",
        "arms": {
            **{n: {"source": {"use": "csv", "path": f"{n}/posts.csv"}} for n in ("a", "b")},
            "theirs": {"adapter": "b"},
        },
        "instructions": written,
        "trainer": {"use": "lora"},
        "judges": [{"use": "gpt-score", "model": "gpt-4o", "base_url": "http://localhost:1/v1"}],
        "evaluate": {
            "metadata": {"bank": str(tmp_path / "a"), "samples": 2},
            "norms": ["people.json"],
        },
    }
    portable = Portable(Registry.installed(), tmp_path)
    found = portable.recipe(Recipe.model_validate(values))
    assert found["model"] == "quickstart"
    assert [found["arms"][name]["source"]["path"] for name in ("a", "b")] == [
        "inputs/posts.csv",
        "inputs/1/posts.csv",
    ]
    assert found["arms"]["theirs"] == {"adapter": "inputs/b"}
    assert found["instructions"]["generator"] == {"use": "transformers", "model": "inputs/writer"}
    assert found["judges"] == values["judges"]
    asked = {"metadata": {"bank": "inputs/a", "samples": 2}, "norms": ["inputs/people.json"]}
    assert found["evaluate"] == asked


@pytest.mark.parametrize(
    ("model", "written"),
    [("meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B"), ("/gone/base", "inputs/base")],
)
def test_a_base_that_is_not_here_keeps_its_name(model: str, written: str, tmp_path: Path) -> None:
    recipe = Recipe.model_validate({"model": model, "arms": {"a": {"adapter": "x"}}})
    assert Portable(Registry.installed(), tmp_path).recipe(recipe)["model"] == written
