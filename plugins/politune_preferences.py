"""Ready-made preference pairs, such as PoliTune's own data (`scale-lab/politune-left`, `-right`).

The columns are TRL's: `prompt`, `chosen` and `rejected`, of text or, in JSON lines, of messages.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b

import msgspec
from politune_tables import Delimiter, Row, read_csv, read_jsonl

from politune_harness import Dropped, InputPath, Preference, Source, hookimpl
from politune_harness.files import find
from politune_harness.records import JSON


class Message(msgspec.Struct):
    """A turn of a conversation."""

    role: str
    content: str


class Preferences(Source):
    """Pairs from a table, without those that teach nothing: equal answers and repeated rows.

    Conversations are taken where they are one question and its answer. A hash of each row is held
    in memory.
    """

    yields = Preference

    path: InputPath
    """A `.csv` or `.jsonl` file, a folder of them or a glob; plain or `.bz2`, `.gz`, `.zst`."""
    prompt: str = "prompt"
    """The column of the prompt; may be missing where the answers are whole conversations."""
    chosen: str = "chosen"
    """The column of the preferred answer."""
    rejected: str = "rejected"
    """The column of the other answer."""
    delimiter: Delimiter = ","
    """What stands between the columns of a CSV file."""

    def load(self) -> Iterator[Preference | Dropped]:
        seen: set[bytes] = set()
        for row in self._rows():
            pair = row if isinstance(row, Dropped) else self._pair(*row)
            if isinstance(pair, Preference):
                content = msgspec.json.encode((pair.prompt, pair.chosen, pair.rejected))
                key = blake2b(content, digest_size=16).digest()
                if key in seen:
                    pair = Dropped(id=pair.id, reason="repeats an earlier row")
                seen.add(key)
            yield pair

    def _rows(self) -> Iterator[Row | Dropped]:
        columns = self.prompt, self.chosen, self.rejected
        for path in find(self.path, "csv", "jsonl"):
            if ".jsonl" in path.suffixes:
                yield from read_jsonl(path)
            else:
                yield from read_csv(path, columns, self.delimiter)

    def _pair(self, place: str, row: Mapping[str, JSON]) -> Preference | Dropped:
        """Return a row as a pair, or say what is wrong with it."""
        for column in (self.chosen, self.rejected, self.prompt):
            whole = column == self.prompt and isinstance(row[self.chosen], list)
            if row.get(column) is None and not whole:
                return Dropped(id=place, reason=f"no {column!r}", malformed=True)
        try:
            prompt = _turns(row.get(self.prompt) or [], "user")
            chosen = prompt + _turns(row[self.chosen], "assistant")
            rejected = prompt + _turns(row[self.rejected], "assistant")
        except msgspec.ValidationError:
            return Dropped(id=place, reason="neither text nor messages", malformed=True)
        roles = {tuple(turn.role for turn in turns) for turns in (chosen, rejected)}
        if roles != {("user", "assistant")} or chosen[0] != rejected[0]:
            return Dropped(id=place, reason="not one question and its answer")
        question, better, worse = (t.content for t in (*chosen, rejected[1]))
        if not all(text.strip() for text in (question, better, worse)):
            return Dropped(id=place, reason="empty field", malformed=True)
        if better == worse:
            return Dropped(id=place, reason="chosen equals rejected")
        return Preference(id=place, prompt=question, chosen=better, rejected=worse)


def _turns(value: JSON, role: str) -> list[Message]:
    """Return a column as messages: plain text is one message of `role`."""
    if isinstance(value, str):
        return [Message(role, value)]
    return msgspec.convert(value, list[Message])


@hookimpl
def politune_sources() -> Mapping[str, type[Source]]:
    return {"preferences": Preferences}
