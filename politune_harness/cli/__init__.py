"""The `politune` command: one small module a subcommand.

A HarnessError ends it with one line and exit code 1, and on demand its traceback before that; any
other error is a bug and keeps its traceback.
"""

import os
import traceback
from pathlib import Path
from typing import Any

import click

from politune_harness.cli.bank import bank
from politune_harness.cli.check import check
from politune_harness.cli.check_data import check_data
from politune_harness.cli.compare import compare
from politune_harness.cli.compass import compass
from politune_harness.cli.components import components
from politune_harness.cli.curate import curate
from politune_harness.cli.doctor import doctor
from politune_harness.cli.explain import explain
from politune_harness.cli.export import export
from politune_harness.cli.judge import judge
from politune_harness.cli.new_plugin import new_plugin
from politune_harness.cli.plan import plan
from politune_harness.cli.plugins import plugins
from politune_harness.cli.push import push
from politune_harness.cli.rate import rate
from politune_harness.cli.report import report
from politune_harness.cli.run import run
from politune_harness.cli.schema import schema
from politune_harness.cli.study import study
from politune_harness.cli.verify import verify
from politune_harness.cli.watch import watch
from politune_harness.discovery import DISABLE, FILES
from politune_harness.errors import HarnessError
from politune_harness.memory import out_of_memory


class Group(click.Group):
    """A group of commands that tells a user's error from a bug."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        try:
            return super().invoke(ctx)
        except HarnessError as error:
            if ctx.params["show_traceback"]:
                click.echo(traceback.format_exc(), err=True, nl=False)
            raise click.ClickException(str(error)) from error
        except click.NoSuchOption as error:
            if (own := error.option_name) not in {o for each in self.params for o in each.opts}:
                raise
            told = f"{own} stands before the command: politune {own} …"
            raise click.NoSuchOption(own, told, ctx=error.ctx) from None
        except (MemoryError, OSError, RuntimeError, ImportError) as error:
            if (message := out_of_memory(error)) is None:
                raise
            raise click.ClickException(message) from error


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="politune-harness")
@click.option(
    "--disable-plugin", "disabled", multiple=True, metavar="NAME", help="Do not load this plugin."
)
@click.option(
    "--plugin",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Load the plugin in this Python file, too; or name it in {FILES}.",
)
@click.option("--traceback", "show_traceback", is_flag=True, help="Show where an error came from.")
def main(
    disabled: tuple[str, ...],
    files: tuple[Path, ...],
    show_traceback: bool,  # noqa: ARG001, FBT001
) -> None:
    """Choose data, fine-tune a model on it, and measure where its politics move.

    Start with `politune run quickstart`.
    """
    # In the environment, where tasks that ask judges look as well, and workers.
    for variable, given, between in (
        (FILES, [str(file.resolve()) for file in files], os.pathsep),
        (DISABLE, disabled, ","),
    ):
        if given:
            os.environ[variable] = between.join(filter(None, (os.environ.get(variable), *given)))


for command in (
    *(run, judge, check, check_data, curate, bank, compass, explain, report, rate),
    *(plugins, components, new_plugin, schema, doctor),
    *(plan, compare, export, verify, push, study, watch),
):
    main.add_command(command)
