"""Whether a recipe's tasks are there, with the judges that they need: before anything runs."""

from politune_harness.errors import RecipeError, located
from politune_harness.evaluation import Evaluator
from politune_harness.lm import quiet
from politune_harness.plan import Plan
from politune_harness.registry import nearest

KEYS = ("bias", "capability", "side_effects", "trajectory")
"""The keys of `evaluate` that name tasks."""


def check_tasks(plan: Plan) -> None:
    """Raise RecipeError for a task that does not exist, or that needs a judge and has none.

    Takes seconds, most of them for imports; more where a task is lm-eval's own.
    """
    settings, evaluator = plan.recipe.evaluate, Evaluator.of(plan, judging="later")
    with quiet():
        for key in KEYS:
            with located(f"evaluate.{key}"):
                evaluator.check(getattr(settings, key) or ())


def check_measure(plan: Plan, task: str, metric: str) -> None:
    """Raise RecipeError where a recipe's tasks do not measure something.

    That is known of our own tasks alone; others are not looked into.
    """
    with quiet():
        known = Evaluator.of(plan, judging="later").metrics(task)
    if known is not None and metric not in known:
        message = f"{task} has no metric {metric!r}; {nearest(metric, known)}"
        raise RecipeError(message)
