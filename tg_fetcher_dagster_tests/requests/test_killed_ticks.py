"""A tick that is killed at any step loses nothing and tells nothing twice: the next ones come to the same."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import batches, days
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.requests import counts
from tg_fetcher_dagster.ledger.tables import asks as asks_table
from tg_fetcher_dagster.ledger.tables import batches as batches_table
from tg_fetcher_dagster.ledger.tables import days as days_table
from tg_fetcher_dagster.ledger.tables import dead_letters, requests
from tg_fetcher_dagster.requests import spool
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.requests.batch_end import note_failure
from tg_fetcher_dagster.requests.runs import RunStatus
from tg_fetcher_dagster_tests.fixtures_ledger import NewLedger
from tg_fetcher_dagster_tests.measured import totals_of
from tg_fetcher_dagster_tests.requests.killed_tick import QUEUE, Moment, tick_killed_at
from tg_fetcher_dagster_tests.requests.office import Office

CHATS = ("aaaaa", "bbbbb", "ccccc", "ddddd", "eeeee", "fffff")
FAILS = {
    "aaaaa": FetchError(ErrorType.NO_ACCESS, "may not read"),
    "bbbbb": FetchError(ErrorType.NETWORK, "lost"),
    "ddddd": FetchError(ErrorType.NO_ACCESS, "is closed"),
}
PUSHED = (
    {"command_id": "another day", "chat": "aaaaa", "date": "2025-11-11"},
    {"command_id": "complete", "chat": "eeeee", "date": "2025-11-12"},
    {"command_id": "duplicate", "chat": "eeeee", "date": "2025-11-12"},
    {"command_id": "joins", "chat": "fffff", "date": "2025-11-08"},
    {"command_id": "refused", "chat": "ccccc", "date": "2025-13-01"},
    {"command_id": "unknown", "chat": "nobody_here", "date": "2025-11-12"},
)
POISON = b'{"command":"fetch","x":' + b"[" * 300 + b"1" + b"]" * 300 + b"}"
SPOOLED = {"command": "fetch", "command_id": "of a file", "chat": "ccccc", "date": "2025-11-05"}

MOST_TICKS = 12
STEPS = 10
"""There are more in each tick; fewer would mean that they are not counted."""

NAMES = {
    "is being read",
    *(f"of {chat}" for chat in CHATS),
    *(str(each["command_id"]) for each in (*PUSHED, SPOOLED)),
}

CopyOf = Callable[[str], str]


@pytest.fixture
def copy_of(request: pytest.FixtureRequest, tmp_path: Path) -> CopyOf:
    """Copies a ledger that nobody has open; returns where the copy is."""
    made = iter(range(10_000))

    def of_file(url: str) -> str:
        copy = tmp_path / f"copy-{next(made)}" / "ledger.sqlite"
        copy.parent.mkdir()
        shutil.copyfile(url.removeprefix("sqlite:///"), copy)
        return f"sqlite:///{copy}"

    def of_database(url: str) -> str:
        server = request.getfixturevalue("postgres")
        name = f"{url.rsplit('/', 1)[1]}_{next(made)}"
        server.run(f"CREATE DATABASE {name} TEMPLATE {url.rsplit('/', 1)[1]}")
        return str(server.url(name))

    return of_database if request.config.getoption("--ledger") == "postgres" else of_file


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A deployment before a tick, which can be made again as often as there are steps to be killed at."""

    moment: Moment
    in_redis: dict[bytes, bytes]

    def again(self, copy_of: CopyOf) -> Moment:
        """Makes the same ledger, Redis and spool folder once more."""
        with redis.Redis.from_url(self.moment.redis_url) as client:
            client.flushall()
            for key, value in self.in_redis.items():
                client.restore(key, 0, value)
        return replace(self.moment, url=copy_of(self.moment.url))


def stage_of(office: Office, url: str, redis_url: str) -> Stage:
    with redis.Redis.from_url(redis_url) as client:
        kept = {key: client.dump(key) for key in client.scan_iter()}
    moment = Moment(
        url=url, redis_url=redis_url, data_dir=office.data_dir, runs=dict(office.runs),
        order=list(office.order), now=office.now,
    )  # fmt: skip
    return Stage(moment=moment, in_redis=kept)


def in_the_middle_of_its_work(office: Office, redis_url: str) -> None:
    """Runs have just ended: well, with a day to be tried again, to be given up, of a round; one goes on."""
    with office.ledger.write() as connection:
        days.put(connection, "eeeee", dt.date(2025, 11, 12), {"settled": True, "checksum_sha256": "a" * 64})
        of_a_round = NewRequest(source="schedule", days={"ddddd": (dt.date(2025, 11, 12),)})
        ask(connection, of_a_round, now=office.now)
    for chat in ("aaaaa", "bbbbb", "ccccc"):
        office.push(f"@{chat}", command_id=f"of {chat}", date="2025-11-10")
    office.push("@fffff", command_id="is being read", date="2025-11-08")
    for batch in office.tick().start:
        office.begins(batch)
        if batch.chats != ("fffff",):
            carry_out(office, batch)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        client.rpush(QUEUE, *(json.dumps({"command": "fetch", **each}) for each in PUSHED), POISON)


def carry_out(office: Office, batch: batches.Batch) -> None:
    """A run that has begun comes to its end."""
    (chat,) = batch.chats
    if chat in FAILS:
        with office.ledger.write() as connection:
            note_failure(connection, batch.batch_id, chat, batch.first, FAILS[chat])
        office.ends(batch, RunStatus.FAILED)
    else:
        office.fetches(batch)
        office.ends(batch)


def goes_on(office: Office) -> None:
    """A tick, and the runs that it asks for."""
    result = office.tick()
    with office.ledger.read() as connection:
        flying = batches.in_flight(connection)
    asked = {each.batch_id for each in flying if each.state == "asked"}
    assert asked == {each.batch_id for each in result.start}, "what was cut is asked for until it begins"
    for batch in flying:
        if batch.state == "asked":
            office.begins(batch)
        carry_out(office, batch)
    for each in result.resolve:
        office.resolves(each, error=FetchError(ErrorType.NOT_FOUND, "nobody has that name"))
    office.now += 1_000


def come_to_its_end(moment: Moment) -> dict[str, Any]:
    """Goes on until nothing is open, and returns what it came to."""
    with Ledger.open(moment.url) as ledger, redis.Redis.from_url(moment.redis_url) as client:
        office = moment.office(ledger, client)
        for _ in range(MOST_TICKS):
            office.sources = moment.office(ledger, client).sources
            goes_on(office)
            if not is_anything_open(office):
                break
        office.sources = moment.office(ledger, client).sources
        office.tick()
        return outcome(office, client)


def is_anything_open(office: Office) -> bool:
    with office.ledger.read() as connection:
        return bool(batches.in_flight(connection) or counts(connection))


def outcome(office: Office, client: redis.Redis) -> dict[str, Any]:
    """What a deployment came to, without what is made up anew each time (ids, moments)."""
    with office.ledger.read() as connection:
        found = connection.execute(sa.select(requests)).mappings()
        who = {row["request_id"]: _known(row["command_id"]) or row["source"] for row in found}
    told = [
        (each["event"], each["chat"], each["date"], each.get("reason"), each.get("error"),
         tuple(_known(name) for name in each["command_ids"]))
        for each in office.events()
    ]  # fmt: skip
    shown = [json.loads(each) for each in client.lrange(f"{QUEUE}:failed", 0, -1)]
    columns = {
        requests: ("state", "error_type", "error", "tries", "open_days", "failed_days", "wait_until", "chat"),
        asks_table: ("chat", "date", "state", "tries", "waits", "error_type", "error"),
        dead_letters: ("chat", "error_type", "error", "retry_count"),
    }
    return {
        "told": _sorted(told),
        "counted": totals_of(office.ledger),
        **{
            table.name: _sorted(
                (who[row["request_id"]], *(row[name] for name in names)) for row in office.rows(table)
            )
            for table, names in columns.items()
        },
        "batches": _sorted(
            (row["chats"], row["first"], row["last"], row["state"], row["priority"])
            for row in office.rows(batches_table)
        ),
        "days": _sorted(
            (row["chat"], row["date"], row["failed_rounds"], row["error"], row["settled"])
            for row in office.rows(days_table)
        ),
        "shown": _sorted((each.get("command_id"), each["error"], each["retry_count"]) for each in shown),
        "in Redis": [client.exists(QUEUE, f"{QUEUE}:processing", f"{QUEUE}:claim", f"{QUEUE}:delayed")],
        "spooled": spool.left_in(office.data_dir),
    }


def _known(command_id: str | None) -> str | None:
    """A command's id, where it is none that was made up."""
    return command_id if command_id in NAMES else None


def _sorted(rows: Any) -> list[Any]:
    return sorted(rows, key=repr)


@pytest.fixture
def stages(new_ledger: NewLedger, copy_of: CopyOf, redis_url: str, tmp_path: Path) -> list[Stage]:
    """The moments before the first tick, and before the one that tries again what that has put off."""
    url = new_ledger()
    found = []
    for number in range(2):
        with Ledger.open(url) as ledger, redis.Redis.from_url(redis_url) as client:
            if number == 0:
                office = Office(ledger, tmp_path / "data", rules=replace(Office.rules, runs_ahead=10))
                office.knows(*CHATS)
                in_the_middle_of_its_work(office, redis_url)
            else:
                spool.put(office.data_dir, SPOOLED)
                office = replace(found[-1].moment, url=url).office(ledger, client)
                goes_on(office)
        found.append(stage_of(office, url, redis_url))
        url = copy_of(url)
    return found


@pytest.mark.parametrize("number", [0, 1])
def test_a_tick_that_is_killed_at_any_step_comes_to_the_same(stages, copy_of, number):
    stage = stages[number]

    def made() -> Moment:
        moment = stage.again(copy_of)
        if number == 0:
            spool.put(moment.data_dir, SPOOLED)
        return moment

    undisturbed = come_to_its_end(made())
    assert not {row[1] for row in undisturbed["requests"]} & {"new", "waiting", "unresolved", "planned"}
    assert {row[3] for row in undisturbed["batches"]} == {"ended"}
    step = 1
    while tick_killed_at(step, moment := made()):
        assert come_to_its_end(moment) == undisturbed, f"killed at step {step}"
        step += 1
    assert step > STEPS
    assert come_to_its_end(moment) == undisturbed, "a whole tick"
