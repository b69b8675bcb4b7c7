"""The compass: propositions on axes, put to a model through four channels.

`bank` reads propositions and weights, `prompts` what is said around them, `channels` makes
documents of both, `results` makes metrics of answers, and `task` is the class by which
lm-evaluation-harness runs it all. Positions run from -10 to 10; a proposition and its reversed
statement are one item, hence one cluster. Nothing here loads a model.
"""

from politune_harness.compass.bank import Axis, Bank, Item, read_bank

__all__ = ["Axis", "Bank", "Item", "read_bank"]
