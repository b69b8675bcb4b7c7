"""What people answer to a bank, and what that says about the bank.

Reliability, factor structure, known groups and differential item functioning, over persons: the
evidence that a set of sentences measures what its axes say. Nothing here prints or keeps a
person's row, and no group of fewer than ten persons is reported alone.
"""

from politune_harness.compass.people.answers import Answers, read_answers
from politune_harness.compass.people.norms import Norms, norms, write_norms
from politune_harness.compass.people.records import Validation
from politune_harness.compass.people.validation import validate

__all__ = ["Answers", "Norms", "Validation", "norms", "read_answers", "validate", "write_norms"]
