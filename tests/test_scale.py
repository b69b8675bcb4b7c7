"""The plan for scale: its tables are those that its rates give, and its clock is a real one's."""

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from politune_local import Local

from politune_harness.components import Engine
from tests.benchmarks.replay import Phase, finish
from tests.benchmarks.scale import RATES, tables, total

ROOT = Path(__file__).parents[1]
GIVEN = yaml.safe_load(RATES.read_text())


def test_the_page_shows_the_tables_that_the_rates_give() -> None:
    assert "\n".join(tables(GIVEN)) in (ROOT / "docs/scale.md").read_text("utf-8")


@pytest.mark.parametrize("name", GIVEN["measured"])
def test_a_measured_rate_stands_where_it_is_said_to(name: str) -> None:
    rate = GIVEN["measured"][name]
    assert rate["line"] in (RATES.parent / rate["file"]).read_text()
    if "of" in rate:
        seconds, count = rate["of"]
        assert str(seconds) in rate["line"]
        assert rate["value"] == pytest.approx(seconds / count * 1e6, abs=0.1)
    else:
        assert rate["line"].split()[-1] == str(rate["value"])


@pytest.mark.parametrize("name", GIVEN["scales"])
def test_machines_share_what_can_be_shared_and_no_more(name: str) -> None:
    hours = [total(GIVEN, name, machines).hours for machines in (1, 2, 4, 1000)]
    assert all(later < earlier for earlier, later in pairwise(hours))
    one = total(GIVEN, name)
    assert hours[0] > sum(s.core_hours / 64 + s.gpu_hours / 8 for s in one.stages)
    assert hours[-1] > sum(s.alone for s in one.stages)
    assert one.used < one.rented


def test_phases_wait_for_their_longest_piece_and_for_each_other() -> None:
    phases = [Phase("read", (3.0, 1.0, 1.0, 1.0)), Phase("train", (2.0,) * 3, alone=1.0)]
    assert [finish(phases, n, start=0.5) for n in (1, 2, 3, 9)] == [13.5, 8.5, 6.5, 6.5]


def nap(seconds: float) -> None:
    time.sleep(seconds)


def _took(engine: Engine, phases: Sequence[Phase]) -> float:
    start = time.perf_counter()
    for phase in phases:
        list(engine.map(nap, phase.pieces))
    return time.perf_counter() - start


def test_the_replay_is_what_processes_do() -> None:
    phases = [Phase("read", (0.2, 0.2, 0.8)), Phase("train", (0.4, 0.3, 0.2))]
    with Local(workers=2).kept() as engine:
        took = min(_took(engine, phases) for _ in range(3))
    replayed = finish(phases, 2)
    assert replayed == pytest.approx(1.5)
    assert 0.98 * replayed < took < replayed + 0.5
