"""`python -m politune_harness.cli`: the same as `politune`."""

from politune_harness.cli import main

main(prog_name="politune")
