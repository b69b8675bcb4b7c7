"""The recipe as JSON Schema, with every installed component, for editors."""

from typing import Any

from politune_harness.components import KINDS, PARTS, Component
from politune_harness.documented import described
from politune_harness.recipe import STUDY, Recipe
from politune_harness.recipe_files import EXTENDS
from politune_harness.registry import Registry
from politune_harness.study import Study

Schema = dict[str, Any]


def schema(registry: Registry) -> Schema:
    """Return the JSON Schema of recipes that name what `registry` holds."""
    described(Recipe)
    whole = Recipe.model_json_schema()
    defs: Schema = whole["$defs"]
    for owner in (whole, defs["Arm"]):
        for key, kind in PARTS.items():
            if key in owner["properties"]:
                owner["properties"][key] = _pointed(owner["properties"][key], "Use", kind.__name__)
    del defs["Use"]
    _add_files(whole)
    for kind in KINDS.values():
        several = [
            _component(name, each, f"{kind.__name__}.{name}.", defs)
            for name, each in registry.components(kind).items()
        ]
        defs[kind.__name__] = {"oneOf": several}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "$defs": defs}


def _add_files(whole: Schema) -> None:
    """Add what a file may say beside a recipe: what it extends, without which arms, and a study."""
    described(Study)
    study = Study.model_json_schema(ref_template="#/$defs/{model}")
    whole["$defs"] |= study.pop("$defs")
    extends = {"type": "string", "description": "A recipe to build on: its name or its file."}
    whole["properties"] |= {EXTENDS: extends, STUDY: study}
    arms = whole["properties"]["arms"]
    left_out = {"type": "null", "description": "Without this arm of what it extends."}
    arms["additionalProperties"] = {"anyOf": [arms["additionalProperties"], left_out]}
    whole["anyOf"] = [{"required": whole.pop("required")}, {"required": [EXTENDS]}]


def _component(name: str, cls: type[Component], prefix: str, defs: Schema) -> Schema:
    """Return one component's schema; what its fields are made of goes to `defs`."""
    described(cls)
    found = cls.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    kinds = {kind.__name__ for kind in KINDS.values()}
    for part, inner in found.pop("$defs", {}).items():
        defs[f"{prefix}{part}"] = {"$ref": f"#/$defs/{part}"} if part in kinds else inner
    use = {"const": name, "description": found.get("description", "")}
    return {
        **found,
        "title": name,
        "properties": {"use": use, **found.get("properties", {})},
        "required": ["use", *found.get("required", ())],
    }


def _pointed(part: Any, old: str, new: str) -> Any:  # noqa: ANN401
    """Return a schema in which references to one definition are to another."""
    if isinstance(part, dict):
        if part.get("$ref") == f"#/$defs/{old}":
            return {**part, "$ref": f"#/$defs/{new}"}
        return {key: _pointed(value, old, new) for key, value in part.items()}
    if isinstance(part, list):
        return [_pointed(value, old, new) for value in part]
    return part
