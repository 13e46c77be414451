"""Pushes commands and follows them on the events' stream until each has come to its end.

The stream and not the channel: what is published while nobody listens is lost on a channel. A command is
at its end when every day that it means has its event, or when it has left the queue and no more events come.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import redis
from pydantic import ValidationError

from tg_fetcher_dagster.cli.display import FetchDisplay
from tg_fetcher_dagster.cli.outcomes import DayEnd, Followed, days_counted, recorded_end
from tg_fetcher_dagster.cli.wanted import Asked
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events import keys as event_keys
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.redis_connection import redis_failures
from tg_fetcher_dagster.requests.dates import expand
from tg_fetcher_dagster.requests.keys import CommandKeys
from tg_fetcher_dagster.requests.plan import Batch
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import read_coverage
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import planning_now

BLOCK_SECONDS = 1.0
"""How long one look at the stream waits for an event."""

REDIS_PATIENCE = 60.0
"""Seconds for which Redis may be away while a command is followed."""

QUIET_SECONDS = 3.0
"""After a command has left the queue: seconds without an event of it until no more is expected."""

LATE_SECONDS = 30.0
"""The same where days are known to lack their event: the outbox publishes what Redis missed."""

UNHEARD_SECONDS = 15.0
"""A command that waits in the queue for longer than this has nobody who reads it."""


class Follower:
    """Commands that were pushed, until the end of each."""

    def __init__(self, client: redis.Redis, settings: Settings, display: FetchDisplay) -> None:
        self._client = client
        self._settings = settings
        self._display = display
        self._keys = CommandKeys(settings.commands_queue)
        self._stream = event_keys.stream(settings.events_channel)
        self._from = "0-0"
        self._followed: dict[str, Followed] = {}
        self._heard_at = 0.0
        self._listened_at = 0.0
        self._outbox = Outbox(settings.data_dir)
        self._store = Store.of(settings)

    def push(self, asked: Iterable[Asked]) -> None:
        """Pushes the commands; whatever is published from now on is seen.

        Raises:
            FetchError: (network) Redis is away.
        """
        with redis_failures(self._client):
            newest = cast("list[tuple[bytes, Any]]", self._client.xrevrange(self._stream, count=1))
            self._from = newest[0][0].decode() if newest else "0-0"
            for each in asked:
                self._client.rpush(self._keys.queue, each.raw)
                self._followed[each.command.command_id] = self._begin(each)

    def follow(self, *, timeout: float | None = None) -> list[DayEnd]:
        """Returns how each day ended; a day without an event failed.

        Raises:
            FetchError: (network) Redis stays away, or the time is over: the commands go on without us.
        """
        began = self._heard_at = time.monotonic()
        looked_at = away_since = None
        while True:
            try:
                self._read()
                if looked_at is None or time.monotonic() - looked_at >= BLOCK_SECONDS:
                    self._look(waited=time.monotonic() - began)
                    looked_at = time.monotonic()
                away_since = None
            except FetchError as error:
                away_since = away_since or time.monotonic()
                if error.error_type is not ErrorType.NETWORK or self._since(away_since) > REDIS_PATIENCE:
                    raise
                self._display.note(f"{error.message}; waiting for it")
                time.sleep(BLOCK_SECONDS)
            self._display.days(*days_counted(self._followed.values()))
            if all(self._is_over(each) for each in self._followed.values()):
                return self._ends()
            if timeout is not None and self._since(began) > timeout:
                raise FetchError(
                    ErrorType.NETWORK,
                    f"not over after {timeout:g} s; the command goes on: tg-fetcher status shows the queue",
                )

    def _begin(self, asked: Asked) -> Followed:
        if asked.command.mode in {"full", "incremental"}:
            return Followed(asked)
        today = planning_now(self._settings).astimezone(self._settings.zone).date()
        means = expand(asked.command, today=today, history_start=self._settings.history_start)
        days = {*means.days, *(each.day for each in means.refused), *([means.today] if means.today else [])}
        return Followed(asked, expected=days, all_known=True)

    def _read(self) -> None:
        """Takes in what was published since the last look."""
        began = time.monotonic()
        with redis_failures(self._client):
            answer = cast(
                "Any",
                self._client.xread({self._stream: self._from}, count=500, block=int(BLOCK_SECONDS * 1000)),
            )
        self._listened_at = began
        streams = answer.items() if isinstance(answer, dict) else answer or ()
        for _, batches in streams:
            entries = batches[0] if isinstance(answer, dict) else batches
            for entry_id, fields in entries:
                self._from = entry_id.decode()
                self._take_in(fields.get(b"event", b""))

    def _take_in(self, body: bytes) -> None:
        try:
            event = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        for command_id in event.get("command_ids") or ():
            followed = self._followed.get(command_id)
            if followed is None:
                continue
            self._heard_at = time.monotonic()
            end = followed.see(event)
            if end is not None:
                self._display.end(end)
            elif event["event"] == "fetch_progress":
                self._display.now(f"{event['chat']} {event['date']}: {event['messages_processed']} messages")
            else:
                self._display.now(f"{event['chat']} {event['date']}: {event.get('stage', '')}")

    def _look(self, *, waited: float) -> None:
        """Looks where the commands are, and which days are planned for them."""
        with redis_failures(self._client):
            pipe = self._client.pipeline(transaction=True)
            for each in self._followed.values():
                pipe.lpos(self._keys.queue, each.asked.raw.decode())
                pipe.lpos(self._keys.processing, each.asked.raw.decode())
            pipe.hvals(self._keys.batches)
            pipe.zrangebyscore(self._keys.delayed, time.time(), "+inf", withscores=True)
            *places, batches, delayed = pipe.execute()
        queued = False
        for number, each in enumerate(self._followed.values()):
            in_queue, in_processing = places[2 * number : 2 * number + 2]
            queued = queued or in_queue is not None
            if not each.settled and in_queue is None and in_processing is None:
                each.settled = True
                self._heard_at = time.monotonic()
        self._learn(batches, {key.decode(): score for key, score in delayed})
        if not self._settings.enable_events:
            self._read_recorded()
        if queued and waited > UNHEARD_SECONDS:
            self._display.note("still queued: is Dagster's daemon running (make dev)?")

    def _read_recorded(self) -> None:
        """Where events are switched off nothing is published, but the files say how each day ended."""
        for followed in self._followed.values():
            for request_id in followed.requests:
                for (chat, day), ended in self._outbox.outcomes(request_id).items():
                    if chat is not None and day in followed.missing:
                        self._heard_at = time.monotonic()
                        kept = read_coverage(self._outbox.ledger, self._store.day(chat, day))
                        self._display.end(followed.end(recorded_end(chat, day, ended, kept)))

    def _learn(self, batches: list[bytes], delayed: dict[str, float]) -> None:
        for text in batches:
            try:
                batch = Batch.model_validate_json(text)
            except ValidationError:
                continue  # of another version; the events still tell all
            for each in batch.asked:
                followed = self._followed.get(each.command_id)
                if followed is None:
                    continue
                followed.expected |= {day for day in batch.days if each.first <= day <= each.last}
                followed.requests.add(batch.batch_id)
                if batch.batch_id in delayed:
                    until = datetime.fromtimestamp(delayed[batch.batch_id], UTC)
                    self._display.note(
                        f"{batch.chat_key}: Telegram asks for a pause until {until:%H:%M:%S} UTC"
                    )

    def _is_over(self, followed: Followed) -> bool:
        if followed.answered:
            return True
        if not followed.settled:
            return False
        patience = LATE_SECONDS if followed.missing and self._settings.enable_events else QUIET_SECONDS
        # Up to the last look at the stream, not up to now: a machine that sleeps in between hears nothing.
        return self._listened_at - self._heard_at > patience

    def _ends(self) -> list[DayEnd]:
        ends = []
        for followed in self._followed.values():
            ends += [followed.ends[day] for day in sorted(followed.ends, key=str)]
            chat = next((end.chat for end in followed.ends.values()), followed.asked.command.chat)
            ends += [
                DayEnd(chat=chat, day=day, event="fetch_failed", told="the command ended without an event")
                for day in sorted(followed.missing)
            ]
        return ends

    @staticmethod
    def _since(moment: float) -> float:
        return time.monotonic() - moment
