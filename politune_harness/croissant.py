"""Metadata of an exported table in MLCommons' Croissant format, with its responsible-AI fields.

Croissant 1.1, https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, and its RAI
vocabulary 1.0, https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html. What nobody said,
such as a licence, is left out and never guessed.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.records import JSON

CONTEXT: dict[str, JSON] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
CONFORMS: list[JSON] = [
    "http://mlcommons.org/croissant/1.1",
    "http://mlcommons.org/croissant/RAI/1.0",
]
TYPES = {"string": "sc:Text", "int64": "sc:Integer", "double": "sc:Float"}
FORMATS = {
    ".parquet": "application/x-parquet",
    ".json": "application/json",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".yaml": "application/yaml",
    ".txt": "text/plain",
}
RAI: Mapping[str, str] = {
    "dataUseCases": "To study how the choice of training text moves the positions that a language "
    "model takes, to check the scores of this run, and to analyse them by other statistics. Not to "
    "train models that persuade, nor to say what any person or group thinks.",
    "dataCollection": "Answers of a base model and of adapters trained on it to the items of "
    "lm-evaluation-harness tasks; recipe.yaml and capsule.json say which, and how.",
    "dataCollectionType": "Others: output of language models",
    "dataCollectionMissingData": "A refused, unparsed, truncated or empty answer and a missing "
    "judgement are marked in the column `status`, and have no score.",
    "dataImputationProtocol": "Nothing is imputed.",
    "dataPreprocessingProtocol": "An answer that repeats eight words in a row, or the whole, of a "
    "text that the run read or trained on is left out, and marked in the column `repeats`.",
    "dataBiases": "Adapters were tuned so that they lean, on texts that may be one-sided; items, "
    "wordings and judges are a choice, and judges err. Positions of unlike instruments are not "
    "comparable.",
    "dataLimitations": "The answers are those of the models named, under the settings named, and "
    "say nothing of other models, prompts or languages, nor of people.",
    "dataSocialImpact": "Read without their arm, instrument and interval, answers of tuned models "
    "can be taken for what a model, or a political camp, holds.",
    "personalSensitiveInformation": "Political statements, written by models. Names of persons in "
    "the public eye may occur in them. No source text and no author is included.",
}
"""What holds of every export, by property of the RAI vocabulary."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What only whoever publishes a table can say of it."""

    licence: str | None = None
    creator: str | None = None
    url: str | None = None
    published: str | None = None
    """The day, as in 2026-11-25."""

    @property
    def unsaid(self) -> list[str]:
        """Return what a publication needs, and nobody said."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is None]


def metadata(
    run: str,
    folder: Path,
    columns: Mapping[str, tuple[str, str]],
    judges: list[str],
    about: About,
) -> dict[str, JSON]:
    """Return what describes the files in a folder, and the columns of its samples.parquet."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix in FORMATS]
    rai = {**RAI, "dataAnnotationProtocol": _judged(judges)}
    said: dict[str, JSON] = {
        "license": about.licence,
        "creator": {"@type": "Person", "name": about.creator} if about.creator else None,
        "url": about.url,
        "datePublished": about.published,
    }
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": run,
        "description": f"Answers and scores of the run {run} of PoliTune Harness: how fine-tuning "
        "moved the political positions of a language model.",
        "version": "1.0.0",
        **{key: value for key, value in said.items() if value},
        **{f"rai:{key}": value for key, value in rai.items()},
        **({"rai:machineAnnotationTools": [*judges]} if judges else {}),
        "distribution": [_file(path) for path in files if path.name != NAME],
        "recordSet": [_records(columns)],
    }


NAME = "croissant.json"


def _judged(judges: list[str]) -> str:
    if not judges:
        return "Scores are computed from the answers; no person and no model judged them."
    return (
        "Open answers were scored by the judges named as machineAnnotationTools; each row names "
        "its judge. No person judged them."
    )


def _file(path: Path) -> dict[str, JSON]:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": FORMATS[path.suffix],
        "sha256": digest,
    }


def _records(columns: Mapping[str, tuple[str, str]]) -> dict[str, JSON]:
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "One row a response.",
        "field": [_field(name, *column) for name, column in columns.items()],
    }


def _field(name: str, kind: str, text: str) -> dict[str, Any]:
    inner = kind.removeprefix("list<").removesuffix(">")
    return {
        "@type": "cr:Field",
        "@id": f"samples/{name}",
        "name": name,
        "description": text,
        "dataType": TYPES[inner],
        **({"repeated": True} if inner != kind else {}),
        "source": {"fileObject": {"@id": "samples.parquet"}, "extract": {"column": name}},
    }
