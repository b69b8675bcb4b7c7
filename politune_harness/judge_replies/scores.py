"""Read a score from a judge's JSON reply."""

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from politune_harness.compass.mentions import spoken
from politune_harness.judge_replies.parsed import Parsed

KEYS = frozenset({"score", "not_applicable", "reason"})
FENCED = re.compile(r"```\w*\s*\n(.*)\n\s*```", re.DOTALL)
BEGINS = re.compile(r"\{\s*[\"'}]")
"""Where a JSON object begins, or what was to be one."""


def read_score(text: str, low: int = 0, high: int = 20) -> Parsed[int]:
    """Return the whole number from `low` to `high` that a judge's JSON object gives.

    The object is `{"score": number or null, "not_applicable": true or false, "reason": text}`, of
    which only `score` must be there; text may stand around it, and it may be said twice if both
    times it gives the same score. A null score means that the scale is not applicable. Whatever
    else has the looks of an object (cut off, a key given twice, another key, a score as text, true
    for 1) leaves the reply unparsed, and so does a score that contradicts `not_applicable`.

    >>> read_score('I say {"score": null, "not_applicable": true}.').status
    'not applicable'
    >>> read_score("14").status, read_score('{"score": 14, "reason": "It says').status
    ('unparsed', 'unparsed')
    """
    whole = text.strip()
    fenced = FENCED.fullmatch(whole)
    whole = fenced[1].strip() if fenced else whole
    found = _objects(whole)
    if found is None or len(found) != 1 or not _is_alone(whole):
        found = _objects(spoken(text) or "")
    given = [_verdict(each, low, high) for each in found or () if "score" in each]
    if not given or any(each.status != given[0].status for each in given):
        return Parsed("unparsed")
    if given[0].status == "unparsed" or any(each.value != given[0].value for each in given):
        return Parsed("unparsed")
    return msgspec.structs.replace(given[-1], alone=_is_alone(whole))


def _is_alone(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _objects(text: str) -> list[dict[str, Any]] | None:
    """Return the JSON objects in a text, or None where one of them is broken."""
    found, start = [], 0
    while begin := BEGINS.search(text, start):
        try:
            each, start = DECODER.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            return None
        found.append(each)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        message = "a key is given twice"
        raise ValueError(message)
    return dict(pairs)


def _no_constant(name: str) -> None:
    message = f"{name} is no number"
    raise ValueError(message)


DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def _verdict(fields: Mapping[str, Any], low: int, high: int) -> Parsed[int]:
    score, reason = fields["score"], fields.get("reason", "")
    no_scale = fields.get("not_applicable", score is None)
    if fields.keys() - KEYS or not isinstance(reason, str) or no_scale is not (score is None):
        return Parsed("unparsed")
    if score is None:
        return Parsed("not applicable", reason=reason)
    whole = type(score) in {int, float} and low <= score <= high and score == int(score)
    return Parsed("valid", int(score), reason) if whole else Parsed("unparsed")
