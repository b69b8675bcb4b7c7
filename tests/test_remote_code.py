"""Python code that comes with a model runs only where a recipe says so, and the report tells."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from politune_transformers import Transformers

from politune_harness import HarnessError, ModelError, Prompt
from politune_harness.pipeline import run
from politune_harness.plan import plan
from politune_harness.recipe import Recipe
from politune_harness.registry import Registry
from politune_harness.testing.model import tiny_model
from tests.lora_models import pairs

CODE = {
    "configuration_own.py": (
        "from transformers import LlamaConfig\n"
        "class OwnConfig(LlamaConfig):\n"
        "    model_type = 'own'\n"
    ),
    "modeling_own.py": (
        "import os\n"
        "os.environ['OWN_CODE_RAN'] = 'yes'\n"
        "from transformers import LlamaForCausalLM\n"
        "from .configuration_own import OwnConfig\n"
        "class OwnForCausalLM(LlamaForCausalLM):\n"
        "    config_class = OwnConfig\n"
    ),
}
AUTO = {
    "AutoConfig": "configuration_own.OwnConfig",
    "AutoModelForCausalLM": "modeling_own.OwnForCausalLM",
}
RECIPE = """
model: {model}
arms: {{left: {{source: {{use: preferences, path: pairs.jsonl}}}}}}
overlap: null
trainer: {{use: lora, rank: 2, epochs: 1}}
evaluate:
  bias: [politune_compass_pairs]
  capability: []
  personas: {{}}
  systems: {{}}
  metadata: {{lead_ins: 1, topics: [taxes]}}
"""


@pytest.fixture(autouse=True, scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what Transformers copies of models' code out of the home folder."""
    place = "transformers.dynamic_module_utils.HF_MODULES_CACHE"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, str(tmp_path_factory.mktemp("modules")))
        yield


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return a folder with pairs, a recipe, and a model that comes with code."""
    model = tiny_model(tmp_path / "Own")
    config = json.loads((model / "config.json").read_text())
    config |= {"model_type": "own", "architectures": ["OwnForCausalLM"], "auto_map": AUTO}
    (model / "config.json").write_text(json.dumps(config))
    for name, text in CODE.items():
        (model / name).write_text(text)
    rows = ({"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs())
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(model=model.name))
    return tmp_path


def go(study: Path, *overrides: str, until: str = "report") -> Path:
    recipe = Recipe.load(study / "recipe.yaml", overrides)
    run(plan(recipe, study, Registry.installed()), study / "run", until)
    return study / "run"


@pytest.mark.parametrize("until", ["train", "evaluate"])
def test_by_default_it_is_refused_in_one_line(
    study: Path, monkeypatch: pytest.MonkeyPatch, until: str
) -> None:
    monkeypatch.setenv("OWN_CODE_RAN", "no")
    given = ["arms={left: {adapter: Own}}"] if until == "evaluate" else []
    with pytest.raises(ModelError, match="trust_remote_code: true"):
        go(study, *given, until=until)
    with (
        pytest.raises(HarnessError, match="trust_remote_code: true"),
        Transformers(model=str(study / "Own")).session(),
    ):
        pass
    assert os.environ["OWN_CODE_RAN"] == "no"


def test_where_a_recipe_allows_it_every_record_and_the_report_say_so(study: Path) -> None:
    out = go(study, "trust_remote_code=true")
    base = json.loads((out / "5-evaluate/base/results.json").read_text())
    assert base["remote_code"].keys() == CODE.keys()
    for place in ("4-train/left/seed-0", "5-evaluate/base", "5-evaluate/left/seed-0"):
        manifest = json.loads((out / place / "manifest.json").read_text())
        assert manifest["made_by"]["trust_remote_code"] is True
    report = (out / "report.md").read_text()
    assert "code that came with models was allowed to run (`trust_remote_code`): " in report
    assert "modeling_own.py" in report


def test_a_generator_may_be_allowed_it_for_its_own_model(study: Path) -> None:
    shutil.copytree(study / "Own", study / "Judge")
    generator = Transformers(model=str(study / "Judge"), max_tokens=2, trust_remote_code=True)
    with generator.session() as answer:
        (said,) = answer([Prompt(id="a", prompt="Well?")])
    assert said.id == "a"
