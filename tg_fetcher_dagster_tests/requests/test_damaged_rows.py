"""A damaged row of the ledger spoils what it is about, and no tick: everybody else's requests go on."""

import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.epoch import EPOCH, LOSS
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.days import put as put_day
from tg_fetcher_dagster.ledger.facts import keep_fact
from tg_fetcher_dagster.ledger.tables import asks, batches, chats, days, requests
from tg_fetcher_dagster.requests import forgetting, reappearing
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster.requests.runs import RunStatus
from tg_fetcher_dagster_tests.requests.office import Office

NONSENSE = ["no json", "[1, 2]", "null", "7", "{}", '{"since": "soon", "noticed_at": []}', "inf"]


def damage(office, table, where=True, **values):
    with office.ledger.write() as connection:
        assert connection.execute(sa.update(table).where(where).values(**values)).rowcount


@pytest.mark.parametrize("value", NONSENSE)
def test_facts_that_cannot_be_read_count_as_none(office: Office, redis_client, value):
    with office.ledger.write() as connection:
        for name in (EPOCH, LOSS, reappearing.FACT, forgetting._FACT, "stray_partitions"):
            keep_fact(connection, name, value)
    redis_client.rpush("tg_commands", b'{"command":"fetch","chat":"@ru_python"}')
    office.sources = [RedisCommands(redis_client, "tg_commands", channel="tg_events")]
    assert len(office.tick().start) == 1


@pytest.mark.parametrize("value", ["no json", "7", "[]", "null"])
def test_the_days_of_a_batch_whose_row_is_damaged_get_another_one(office: Office, value):
    office.push(command_id="c1")
    (lost,) = office.tick().start
    damage(office, batches, chats=value)
    office.tick()
    office.now += 60
    (again,) = office.tick().start
    assert (again.chats, again.days) == (lost.chats, lost.days)
    assert again.batch_id != lost.batch_id
    office.carries_out(again)
    office.tick()
    assert [event["command_ids"] for event in office.events()] == [["c1"]]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (chats, {"identity": "no json"}),
        (chats, {"refused_type": "nonsense", "refused_since": 1.0}),
        (days, {"coverage": "no json", "error_type": "nonsense", "checksum_sha256": "nonsense"}),
        (requests, {"raw": b"[" * 300, "state": "nonsense", "strategy": "nonsense", "source": "nonsense"}),
        (asks, {"strategy": "nonsense", "error_type": "nonsense", "batch_id": "nonsense"}),
        (asks, {"state": "nonsense"}),
    ],
)
def test_a_row_that_makes_no_sense_spoils_no_other_request(office: Office, table, values):
    office.knows("aaaaa")
    office.push("@aaaaa")
    (batch,) = office.tick().start
    office.fetches(batch)
    office.push("@aaaaa", date="2025-11-01")
    office.tick()
    where = table.c.key == "aaaaa" if table is chats else True
    damage(office, table, where, **values)
    office.push("@ru_python", command_id="other")
    for batch in office.tick().start:
        office.carries_out(batch)
    office.tick()
    assert ["other"] in [event["command_ids"] for event in office.events()]


WRONG = [
    *(
        ("asks", name, "soon")
        for name in ("seq", "priority", "tries", "waits", "wait_until", "message_limit")
    ),
    *(("batches", name, "soon") for name in ("priority", "asked_at", "first")),
    *(("requests", name, "soon") for name in ("received_at", "wait_until", "tries", "open_days")),
    *((table, name, 7) for table, name in (("asks", "date"), ("batches", "last"), ("days", "date"))),
    ("asks", "date", "2025-99-99"),
]


@pytest.mark.parametrize(("table", "column", "value"), WRONG)
@pytest.mark.parametrize("when", ["asked", "running"])
def test_a_word_in_the_place_of_a_number_or_a_day_ends_no_tick(tmp_path, table, column, value, when):
    """Only SQLite holds such a thing, after somebody has edited the file."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        office = Office(ledger, tmp_path)
        office.knows("aaaaa", "ru_python")
        office.push("@aaaaa", command_id="odd")
        office.push("@nobody_here", command_id="unresolved")
        started = office.tick().start
        for batch in started if when == "running" else ():
            office.begins(batch)
            with ledger.write() as connection:
                put_day(connection, "aaaaa", batch.first, {"failed_rounds": 1})
            office.ends(batch, RunStatus.FAILED, error=FetchError(ErrorType.NETWORK, "lost"))
        with ledger.write() as connection:
            connection.exec_driver_sql(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))
        office.push("@ru_python", command_id="other")
        for _ in range(3):
            for batch in office.tick().start:
                if batch.chats == ("ru_python",):
                    office.carries_out(batch)
            office.now += 4_000
        assert ["other"] in [event["command_ids"] for event in office.events()]
