"""`politune doctor`: what is here, what is missing, and the command that mends it."""

import platform
from importlib.util import find_spec

import click

NEEDED = ("torch", "transformers", "peft", "lm-eval", "datasets", "pluggy", "scikit-learn")
EXTRAS = {"openai": "openai", "vllm": "vllm"}
TASKS = ("politune_compass", "politune_gpt_score", "politune_even_handed", "politune_capability")


@click.command()
def doctor() -> None:
    """Show versions, devices and tasks, and what is missing."""
    from politune_harness.registry import Registry

    click.echo(f"python {platform.python_version()}")
    for package in ("politune-harness", *NEEDED):
        click.echo(f"{package} {_version(package) or 'MISSING: pip install politune-harness'}")
    click.echo(f"device: {_device()}")
    click.echo(f"plugins: {len(Registry.installed().plugins())} loaded")
    missing = _unseen_tasks()
    if missing:
        mend = "pip install --force-reinstall --no-deps politune-harness"
        click.echo(f"lm-eval does not see {', '.join(missing)}: {mend}")
    else:
        click.echo("lm-eval sees our tasks")
    for extra, module in EXTRAS.items():
        here = f"installed ({_version(module)})" if find_spec(module) else "not installed"
        mend = "" if find_spec(module) else f": pip install 'politune-harness[{extra}]'"
        click.echo(f"extra {extra}: {here}{mend}")
    if missing:
        raise SystemExit(1)


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return f"cpu, {torch.get_num_threads()} threads"


def _unseen_tasks() -> list[str]:
    from lm_eval.tasks import TaskManager

    from politune_harness.evaluation import task_folders

    seen = TaskManager(include_defaults=False, include_path=[str(f) for f in task_folders(())])
    return [task for task in TASKS if task not in seen.all_tasks]
