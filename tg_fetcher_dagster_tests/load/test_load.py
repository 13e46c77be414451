"""Some hundred commands at once (`make load`: 10,000): each ends, in few runs, and late ones soon."""

import datetime as dt
import itertools

import pytest
import redis

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster_tests.load.entries import CHATS, pushed_at_once
from tg_fetcher_dagster_tests.load.pressure import NEW_CHAT, Pressure

NOON = dt.datetime(2025, 11, 14, 12, tzinfo=dt.UTC).timestamp()
COMMANDS = 300


@pytest.fixture
def pressure(ledger: Ledger, redis_client: redis.Redis) -> Pressure:
    return Pressure(ledger, redis_client, NOON, days=60)


def test_every_command_ends_and_what_makes_no_sense_is_a_dead_letter(pressure: Pressure) -> None:
    pushed = pushed_at_once(COMMANDS, seed=7, today=pressure.today, days=60)
    pressure.push(pushed.entries)

    assert pressure.plan_all() == COMMANDS
    runs = list(pressure.carry_all_out())

    assert pressure.left() == {"requests": 0, "asks": 0, "batches": 0, "processing": 0}
    assert pressure.letters() == pushed.senseless > 0
    assert pressure.ends_told_wrongly() == 0
    assert len(runs) <= 5 * len(CHATS), "60 days of a chat are two runs, and a few where nobody asked for all"


def test_a_day_of_a_chat_that_nobody_reads_is_next_although_much_waits(pressure: Pressure) -> None:
    pressure.push(pushed_at_once(COMMANDS, seed=7, today=pressure.today, days=60).entries)
    pressure.plan_all()
    runs = pressure.carry_all_out()
    turns = len(list(itertools.islice(runs, len(CHATS))))
    asked_for = len(pressure.runs.waiting)

    pressure.ask_late(NEW_CHAT)

    order = [chat for chat, _, _ in runs]
    assert turns == len(CHATS)
    assert order.index(NEW_CHAT) <= asked_for < len(order) - 1
