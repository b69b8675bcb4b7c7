from pathlib import Path

import pytest

from politune_harness.errors import HarnessError, RecipeError
from politune_harness.plan import Plan, plan
from politune_harness.recipe import Recipe, find
from politune_harness.registry import Registry

SMALL = """
model: quickstart
arms:
  left: {source: {use: csv, path: left.csv}}
  right: {source: {use: csv, path: right.csv}, filters: []}
filters: [{use: min-words, words: 3}]
instructions: {use: matched-posts, topics: topics.txt, against: {use: csv, path: right.csv}}
trainer: {use: lora}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def planned(path: Path, *overrides: str) -> Plan:
    return plan(Recipe.load(path, overrides), path.parent, Registry.installed())


def test_a_recipe_is_built_whole(recipe: Path) -> None:
    made = planned(recipe, "trainer.rank=4", "seeds=[0, 1]")
    left, right = made.arms
    assert len(left.filters) == 1
    assert right.filters == ()
    assert made.trainer is not None
    assert made.trainer.model_dump()["rank"] == 4
    assert made.recipe.seeds == (0, 1)


def test_an_arm_with_an_adapter_needs_no_trainer(tmp_path: Path) -> None:
    path = tmp_path / "evaluate.yaml"
    path.write_text("model: quickstart\narms: {mine: {adapter: adapters/mine}}\n")
    made = planned(path)
    assert made.trainer is None
    assert made.arms[0].adapter == tmp_path / "adapters" / "mine"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("modle=x", r"small.yaml: modle: there is no such field; did you mean 'model'\?"),
        ("arms.left.sorce=x", r"arms.left.sorce: there is no such field; did you mean 'source'\?"),
        ("evaluate.bais=[]", r"evaluate.bais: there is no such field; did you mean 'bias'\?"),
        ("evaluate.personas={economic: {lo: x}}", "personas.economic.lo: .*did you mean 'low'"),
        ("evaluate.personas={left: You are on the left.}", "evaluate.personas.left: Input should"),
        ("seeds=0", r"seeds: .*; write a list, such as \[0\]$"),
        ("filters=min-words", r"filters: .*; write a list, such as \[{use: min-words}\]$"),
        ("instructions=plain-text", r"instructions: .*; write {use: plain-text}$"),
        ("evaluate.margin=0", "evaluate.margin: Input should be greater than 0"),
        ("evaluate.trajectory=[politune_compass]", "evaluate: `trajectory` is about checkpoints"),
        ("evaluate.trajectory_metadata={samples: 1}", "`trajectory_metadata` is about checkpoints"),
        ("seeds=[]", "seeds: "),
        ("seeds=[0, 0]", "seeds: each seed once: 0 is there 2 times"),
        ("arms.persona-x={adapter: x}", "'persona-x' is taken"),
        ("arms={}", "arms: Dictionary should have at least 1 item"),
        ("arms.left={}", "arms.left: an arm has either a source or an adapter"),
        ("arms.base={adapter: x}", "'base' is taken"),
        ("arms.left.source.use=csvv", r"arms.left.source: no Source is called .*'csv'\?"),
        ("trainer.rnak=8", r"trainer.rnak: there is no such field; did you mean 'rank'\?"),
        ("filters.0.words=few", "arms.left.filters.0.words: Input should be a valid integer"),
        ("instructions=null", "arms.left: 'csv' yields Document rows"),
        ("trainer=null", "the recipe needs `trainer:`; known: lora"),
        ("model=./not/there", "model './not/there' is no folder"),
        ("filters.7.use=x", "the recipe has no such place"),
        ("rank", "'rank' is not key=value"),
        ("judges=[{use: gpt-scor}]", r"judges.0: no Metric is called .*'gpt-score'\?"),
    ],
)
def test_a_mistake_is_one_line(recipe: Path, override: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message) as caught:
        planned(recipe, override)
    assert "\n" not in str(caught.value)


def test_every_run_puts_the_base_under_neutral_and_symmetrical_prompts(recipe: Path) -> None:
    evaluate = planned(recipe).recipe.evaluate
    assert {"economic", "social", "score"} <= evaluate.personas.keys()
    assert evaluate.systems.keys() == {"default", "deployment"}
    for poles in evaluate.personas.values():
        assert poles.low != poles.high
        assert abs(len(poles.low.split()) - len(poles.high.split())) <= 4
    assert evaluate.prompts["persona-social-low"] == (evaluate.personas["social"].low, "social")
    assert evaluate.prompts["system-default"] == ("You are a helpful assistant.", None)


def test_system_prompts_can_be_replaced_and_turned_off(recipe: Path) -> None:
    made = planned(recipe, "evaluate.personas={galtan: {low: a, high: b}}", "evaluate.systems={}")
    prompts = {"persona-galtan-low": ("a", "galtan"), "persona-galtan-high": ("b", "galtan")}
    assert made.recipe.evaluate.prompts == prompts
    assert planned(recipe, "evaluate.personas={}").recipe.evaluate.personas == {}


def test_norms_are_beside_the_recipe(recipe: Path) -> None:
    assert planned(recipe, "evaluate.norms=[n.json]").norms == (recipe.parent / "n.json",)


@pytest.mark.parametrize("text", ["", "- a", "a: [", "model: \x00"])
def test_a_file_that_is_no_recipe_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        Recipe.load(path)
    assert "\n" not in str(caught.value)


def test_pairs_go_straight_to_the_trainer(recipe: Path) -> None:
    left, right = planned(recipe, "arms.left.source={use: preferences, path: p.csv}").arms
    assert (left.filters, left.writer) == ((), None)
    assert right.writer is not None


def test_pairs_take_no_filters(recipe: Path) -> None:
    with pytest.raises(RecipeError, match="ready-made pairs, which filters do not apply to"):
        planned(
            recipe,
            "arms.left.source={use: preferences, path: p.csv}",
            "arms.left.filters=[{use: unique}]",
        )


@pytest.mark.parametrize(
    "arm",
    [
        "{like: left, seeds: [1], filters: null}",
        "{of: {left: 1}, merge: linear, seeds: [0]}",
        "{adapter: a, pairs: null}",
    ],
)
def test_what_an_arm_says_holds_when_its_run_is_read_again(recipe: Path, arm: str) -> None:
    made = Recipe.load(recipe, [f"arms.other={arm}"])
    kept = made.model_dump(mode="json", exclude_defaults=True)
    assert Recipe.model_validate(kept) == made


def test_recipes_go_by_path_or_name(recipe: Path) -> None:
    registry = Registry.installed()
    assert find(str(recipe), registry) == recipe.resolve()
    assert find("quickstart", registry).name == "quickstart.yaml"
    with pytest.raises(RecipeError, match=r"did you mean 'quickstart'\?"):
        find("quickstrt", registry)


@pytest.mark.parametrize("name", Registry.installed().recipes())
def test_every_built_in_recipe_can_be_planned(name: str) -> None:
    registry = Registry.installed()
    path = find(name, registry)
    assert plan(Recipe.load(path), path.parent, registry).arms


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("{like: lefd, pairs: [{use: permute}]}", "did you mean 'left'?"),
        ("{like: left}", "give it `pairs`, `seeds`, `trainer` or `after`"),
        ("{like: left, seeds: []}", "arms.other.seeds: "),
        ("{like: left, seeds: [1, 0, 1]}", "arms.other.seeds: each seed once: 1 is there 2 times"),
        ("{like: left, seeds: [1], filters: []}", "`filters` has no effect on an arm with `like`"),
        ("{like: left, seeds: [1], merge: ties}", "`merge` has no effect on an arm with `like`"),
        ("{of: {left: 1}, pairs: []}", "arms.other: `pairs` has no effect on an arm with `of`"),
        ("{of: {left: 1}, toward: [left]}", "`toward` has no effect on an arm with `of`"),
        ("{adapter: a, instructions: {use: neutral}}", "`instructions` has no effect on an arm"),
        ("{adapter: a, density: 0.2}", "`density` has no effect on an arm with `adapter`"),
        ("{adapter: a, seeds: [1]}", "`seeds` has no effect on an arm with `adapter`"),
        ("{like: left, source: {use: csv, path: a}}", "either a source or an adapter"),
        ("{like: left, pairs: [{use: permute, sed: 1}]}", "did you mean 'seed'?"),
        ("{like: left, pairs: [{use: permut}]}", "did you mean 'permute'?"),
        ("{like: left, after: lefd}", "arms.other.after: no arm that is trained from the base"),
        ("{like: left, after: left, seeds: [0, 7]}", "left has no seed 7"),
        ("{like: left, trainer: {use: lora, objective: dop}}", "arms.other.trainer"),
        ("{of: {left: 1}, after: left}", "`after` has no effect on an arm with `of`"),
    ],
)
def test_an_arm_like_another_is_checked(arm: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "model: quickstart\narms:\n  left: {source: {use: preferences, path: a.csv}}\n"
        f"  other: {arm}\ntrainer: {{use: lora}}\n"
    )
    with pytest.raises(RecipeError) as caught:
        plan(Recipe.load(path), tmp_path, Registry.installed())
    assert message in str(caught.value)
