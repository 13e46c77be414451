"""A short storm over a real deployment (`make chaos` is the whole one), and what its plan says."""

import pytest

from tg_fetcher_dagster_tests.chaos.commands import commands
from tg_fetcher_dagster_tests.chaos.plan import plan
from tg_fetcher_dagster_tests.chaos.report import SHORT, carry_out


@pytest.mark.flow
def test_every_command_ends_once_and_nothing_is_left_over_after_a_storm() -> None:
    report = carry_out(SHORT, seed=41)

    assert report.faults == [], "\n".join(report.lines)


def test_a_seed_always_makes_the_same_storm() -> None:
    sizes = {"commands": 50, "seconds": 60.0, "faults": 9, "losses": 2, "long": 1}

    assert plan(4, **sizes) == plan(4, **sizes)
    assert commands(4, 50) == commands(4, 50)


def test_a_plan_pushes_every_command_and_loses_as_many_seconds_as_it_says() -> None:
    steps = plan(4, commands=50, seconds=60, faults=9, losses=2, long=1)

    assert sum(step.push for step in steps) == 50
    assert sum(step.fault is not None for step in steps) == 9 + 2 + 1
    assert [step.fault for step in steps].count("lose Redis' last second") == 2
