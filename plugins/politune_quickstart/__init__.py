"""The quickstart: a small synthetic model, its posts and its recipes, all made by this package.

One grammar made the base model, the posts and the judge's training text: what is measured here
shows that the harness works, and says nothing of any real model.
"""

from collections.abc import Mapping
from pathlib import Path

from politune_harness import hookimpl

HERE = Path(__file__).parent


@hookimpl
def politune_models() -> Mapping[str, Path]:
    return {"quickstart": HERE / "model"}


@hookimpl
def politune_recipes() -> Mapping[str, Path]:
    kinds = ("", "-blimp", "-overtrained", "-selected")
    names = [f"quickstart{kind}" for kind in kinds]
    return {name: HERE / "recipes" / f"{name}.yaml" for name in names}
