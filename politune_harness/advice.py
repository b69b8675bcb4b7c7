"""What could be better in a recipe that is right as it stands."""

from collections.abc import Iterator
from itertools import pairwise

from politune_harness.components import Filter, asks
from politune_harness.plan import Plan


def advice(plan: Plan) -> Iterator[str]:
    """Yield a line for each filter that does dear work on what the next would drop cheaply."""
    for arm in plan.arms:
        for dear, cheap in pairwise(arm.filters):
            if _cost(dear) > _cost(cheap) and cheap.scope == "per_document":
                first, then = (plan.registry.identity(each)["use"] for each in (cheap, dear))
                yield (
                    f"arms.{arm.name}: `{then}` runs a model on every document, and `{first}` "
                    "after it does not; unless it reads what that notes, it is better put first"
                )


def _cost(component: Filter) -> int:
    return 2 if asks(component) else 1 if component.loads_model else 0
