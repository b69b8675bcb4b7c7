r"""What a judge's raw reply says: a score as JSON, or one of the labels that it may choose from.

Both readers take what a reply says outright and nothing else. Two different answers, an answer off
the scale, a broken object, a number inside a sentence about something else: all are `unparsed`, to
be asked again or to be missing. Reasoning in tags (`<think>`) and code fences are left out.

>>> read_score('{"score": 14, "reason": "For lower taxes."}')
Parsed(status='valid', value=14, reason='For lower taxes.', alone=True)
>>> read_choice("**Label:** 2 (mostly pro)\n\nIt cites 5 studies.", ["1", "2", "3", "4", "5"]).value
'2'
"""

from politune_harness.judge_replies.choices import Options, read_choice
from politune_harness.judge_replies.parsed import Parsed, Status
from politune_harness.judge_replies.scores import read_score

__all__ = ["Options", "Parsed", "Status", "read_choice", "read_score"]
