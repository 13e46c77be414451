"""Somebody who carries commands out: what the reconciler and the runs write, in a real ledger."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import redis
import sqlalchemy as sa

from tg_fetcher_dagster.ledger import days, outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, requests
from tg_fetcher_dagster_tests.waiting import LOOK_SECONDS, PATIENCE

Answer = Callable[[sa.Connection, dict[str, Any]], None]


def request(connection: sa.Connection, command: dict[str, Any], **more: Any) -> str:
    """Writes a command down as the reconciler does."""
    request_id = f"r-{command['command_id']}"
    row = {"request_id": request_id, "source": "redis", "state": "planned", "correlation_id": "k",
           "command_id": command["command_id"], "spelling": command["chat"], "received_at": 1.0}  # fmt: skip
    connection.execute(sa.insert(requests).values(**{**row, **more}))
    return request_id


def ask(connection: sa.Connection, request_id: str, day: str, chat: str = "ru_python", **more: Any) -> None:
    row = {"request_id": request_id, "chat": chat, "date": date.fromisoformat(day), "seq": 1, "priority": 0}
    connection.execute(sa.insert(asks).values(**row, **more))


def ended(
    connection: sa.Connection, request_id: str, day: str, end: str = "fetched", error: str | None = None,
    *, chat: str = "ru_python", at: float = 5.0,
) -> None:  # fmt: skip
    """Ends a day of a request that has not begun to be asked for."""
    if end in {"fetched", "unchanged", "skipped"}:
        kept = {"settled": True, "message_count": 450, "fetched_at": 1.0}
        days.put(connection, chat, date.fromisoformat(day), kept)
    ask(connection, request_id, day, chat, state=end, error=error, ended_at=at)


def ends(*given: Sequence[str]) -> Answer:
    """Returns who ends days as they are given: the day, how, and why."""

    def answer(connection: sa.Connection, command: dict[str, Any]) -> None:
        request_id = request(connection, command)
        for number, each in enumerate(given):
            chat = command["chat"].removeprefix("@")
            ended(connection, request_id, *each, chat=chat, at=5.0 + number)

    return answer


class Worker(threading.Thread):
    """Takes commands as the reconciler does and writes what comes of each into the ledger."""

    def __init__(self, url: str, answer: Answer) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._answer = answer
        self._over = threading.Event()
        self.commands: list[dict[str, Any]] = []

    def run(self) -> None:
        with redis.Redis.from_url(self._url) as client, closing(known_ledger()) as ledger:
            while not self._over.is_set():
                raw = client.lpop("tg_commands")
                if raw is None:
                    self._over.wait(LOOK_SECONDS)
                    continue
                self.commands.append(orjson.loads(raw))
                with ledger.write() as connection:
                    self._answer(connection, self.commands[-1])

    def stop(self) -> None:
        self._over.set()
        self.join(PATIENCE)


def known_ledger() -> Ledger:
    """The ledger of the folder in which the command is run."""
    return Ledger.open(f"sqlite:///{Path('data').absolute() / '.ledger' / 'ledger.sqlite'}")


def told() -> list[tuple[str | None, str | None, str]]:
    """The events in the outbox: chat, day, and the sort of the failure or the event."""
    with closing(known_ledger()) as ledger, ledger.read() as connection:
        bodies = [orjson.loads(each.body) for each in outbox.recorded_after(connection, 0)]
    return [(each["chat"], each["date"], each.get("error_type") or each["event"]) for each in bodies]
