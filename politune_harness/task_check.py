"""Whether a recipe's tasks are there, with the judges that they need: before anything runs."""

from politune_harness.errors import located
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.lm import quiet
from politune_harness.plan import Plan

KEYS = ("bias", "capability", "side_effects", "trajectory")
"""The keys of `evaluate` that name tasks."""


def check_tasks(plan: Plan) -> None:
    """Raise RecipeError for a task that does not exist, or that needs a judge and has none.

    Takes seconds, most of them for imports; more where a task is lm-eval's own.
    """
    settings, registry = plan.recipe.evaluate, plan.registry
    evaluator = Evaluator(
        plan.model,
        settings,
        task_dirs=task_folders(registry.task_dirs()),
        judges=[registry.describe(judge) for judge in plan.judges],
        deferred=True,
    )
    with quiet():
        for key in KEYS:
            with located(f"evaluate.{key}"):
                evaluator.check(getattr(settings, key) or ())
