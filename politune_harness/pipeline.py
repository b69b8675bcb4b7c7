"""The stages of one experiment in the order of work, each run at most once.

`layout` says which there are; one is skipped where its artifact stands, and `stage.why` says when.
"""

from pathlib import Path

from politune_harness.artifacts import Contents, disk_errors
from politune_harness.judging import check_judges
from politune_harness.layout import stages
from politune_harness.plan import Plan
from politune_harness.progress import note, working
from politune_harness.run_folder import keep_recipe, locked
from politune_harness.stage import DAMAGED, STEPS, take_or_make, why
from politune_harness.store import Store
from politune_harness.task_check import check_tasks

EFFORT = dict(zip(STEPS, (1, 2, 1, 1, 1, 4, 20, 1, 20, 4, 4), strict=True))
"""About how long a stage of each step takes beside the others, for the overall progress bar."""


def run(plan: Plan, folder: Path, until: str = STEPS[-1], store: Store | None = None) -> list[str]:
    """Run every stage up to the step `until`; return the names of those that had to run.

    What `store` has is taken from there, and what is made is put there. Raises HarnessError, in one
    line, for whatever a user can mend. A stage that fails leaves no manifest, and the next run
    takes it up again.
    """
    ran: list[str] = []
    checked = False
    with locked(folder), disk_errors(folder):
        contents = Contents(folder / ".contents.json")
        wanted = [s for s in stages(plan, folder, contents) if _reaches(s.step, until)]
        keep_recipe(plan, folder)
        with working("all stages", sum(EFFORT[s.step] for s in wanted)) as overall:
            for stage in wanted:
                if (reason := why(stage, contents)) is not None:
                    if reason.startswith(DAMAGED):
                        note(f"{stage.name} is made again: {reason}")
                    if not checked and stage.step != "report":
                        _check(plan, until)
                        checked = True
                    with working(stage.name):
                        made = take_or_make(stage, contents, store)
                    ran += [stage.name] if made else []
                overall.advance(EFFORT[stage.step])
        contents.save()
    return ran


def _check(plan: Plan, until: str) -> None:
    """Raise HarnessError where tasks or judges would fail after hours of other work."""
    if _reaches("overlap", until):
        check_tasks(plan)
    asked = "train" if plan.recipe.evaluate.every_steps else "evaluate"
    if _reaches(asked, until):
        check_judges(plan.judges, plan.model, plan.recipe.judge)


def _reaches(step: str, until: str) -> bool:
    return STEPS.index(step) <= STEPS.index(until)
