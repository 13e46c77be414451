"""What stands in a ledger's outbox, and what consumers were told, as tests look at it."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import redis

from tg_fetcher_dagster.events.models import Event
from tg_fetcher_dagster.events.recording import record
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger


def ledger_of(data_dir: Path) -> Ledger:
    """Opens the ledger that DATA_DIR has by default."""
    return Ledger.open(f"sqlite:///{data_dir.absolute() / '.ledger' / 'ledger.sqlite'}")


def recorded(data_dir: Path) -> list[dict[str, Any]]:
    """Returns the events in the outbox of DATA_DIR, published or not, in order."""
    with ledger_of(data_dir) as ledger:
        return recorded_in(ledger)


def recorded_in(ledger: Ledger) -> list[dict[str, Any]]:
    """Returns the events in an outbox, published or not, in order."""
    with ledger.read() as connection:
        return [orjson.loads(each.body) for each in outbox.recorded_after(connection, 0, 100_000)]


def put(ledger: Ledger, *events: Event, request_id: str) -> list[bool]:
    """Records events of one request, each in a transaction of its own."""
    answers = []
    for event in events:
        with ledger.write() as connection:
            answers.append(record(connection, event, request_id=request_id))
    return answers


def pending(ledger: Ledger) -> list[tuple[str, date | None]]:
    """Returns chat and date of what nobody was told yet, in order."""
    with ledger.read() as connection:
        waiting = [orjson.loads(each.body) for each in outbox.pending(connection, 100_000)]
    return [(each["chat"], each["date"]) for each in waiting]


def pending_count(ledger: Ledger) -> int:
    """Returns how many events nobody was told yet."""
    with ledger.read() as connection:
        return outbox.pending_count(connection)


def on_the_stream(client: redis.Redis) -> list[dict[str, Any]]:
    """Returns the events on the stream, in order."""
    entries: Iterable[Any] = client.xrange("tg_events:stream")
    return [orjson.loads(fields[b"event"]) for _, fields in entries]
