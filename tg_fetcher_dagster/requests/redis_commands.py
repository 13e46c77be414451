"""Commands in the Redis list of COMMANDS_QUEUE, and what Redis shows of them to those who look there.

A handful is moved into `processing` under a token; one transaction of the ledger writes the token and the
commands; then the handful is let go. A kill at any line, a lost answer or two ticks at once neither lose nor
double a command: whoever finds the token first asks the ledger whether it knows it.
"""

import hashlib
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final, cast

import redis

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.epoch import redis_lost_time
from tg_fetcher_dagster.ledger import claims, conditions, dead_letters, requests
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.redis_connection import redis_failures
from tg_fetcher_dagster.requests.keys import CommandKeys
from tg_fetcher_dagster.requests.reappearing import Reappearing
from tg_fetcher_dagster.requests.received import received_row
from tg_fetcher_dagster.requests.redis_scripts import CLAIM, MIRROR, RELEASE
from tg_fetcher_dagster.requests.waiting import REDIS_AWAY

HANDFUL: Final = 1_000
HANDFUL_BYTES: Final = 8 * 1024 * 1024
"""Commands of one handful: as many as a transaction writes in a moment, and the memory that they take."""

SHOWN: Final = 1_000
"""Commands that `:delayed` names at most; `tg-fetcher status` counts them all."""

MIRRORED_AT_ONCE: Final = 200

_NOT_SHOWN: Final = "redis_shown"
"""The condition that stands while Redis does not take what is shown there."""

_LOOKS: Final = 0.05
"""Seconds between two looks at an empty queue: a blocking move would take a command out of the queue."""


class RedisCommands:
    """One queue, for one tick; Redis being away is said once, and then nothing is taken."""

    def __init__(self, client: redis.Redis, queue: str, *, channel: str) -> None:
        """Takes the queue's name and the events' channel, after which Redis' epoch is named."""
        self.keys = CommandKeys(queue)
        self.notes: list[str] = []
        self._client = client
        self._channel = channel
        self._claim = client.register_script(CLAIM)
        self._release = client.register_script(RELEASE)
        self._mirror = client.register_script(MIRROR)
        self._away = False
        self._looked_back = False

    def push(self, command: bytes) -> None:
        """Appends a command, as a producer does."""
        with redis_failures(self._client):
            self._client.rpush(self.keys.queue, command)

    def take(self, ledger: Ledger, now: float, *, wait_seconds: float = 0) -> int:
        """Moves a handful of commands into the ledger; returns how many, 0 where none are left."""
        if self._away:
            return 0
        try:
            reappearing = self._lost_time(ledger)
            token, entries = self._claimed(wait_seconds)
            if not token:
                self._passed(ledger, REDIS_AWAY)
                return 0
            with ledger.write() as connection:
                requests.lock_planning(connection)
                if not claims.is_known(connection, token):
                    claims.note(connection, token, now)
                    _write(connection, token, entries, reappearing, now=now)
            with redis_failures(self._client):
                self._release(keys=[self.keys.processing, self.keys.claim], args=[token, len(entries)])
        except FetchError as error:
            if error.error_type is not ErrorType.NETWORK:
                raise
            self._away = True
            self._trouble(ledger, REDIS_AWAY, f"{error.message}; commands wait there until it is back")
            return 0
        self._passed(ledger, REDIS_AWAY)
        return len(entries)

    def left(self) -> int:
        """Returns how many commands stand in the queue, or were taken and stand in no ledger yet."""
        if self._away:
            return 0
        try:
            with redis_failures(self._client):
                return int(self._client.llen(self.keys.queue)) + int(self._client.llen(self.keys.processing))
        except FetchError:
            self._away = True
            return 0

    def show(self, ledger: Ledger, now: float) -> None:
        """Puts new dead letters into `:failed` and the commands that wait into `:delayed`."""
        if self._away:
            return
        try:
            self._show_failed(ledger, now)
            self._hide_removed(ledger)
            self._show_delayed(ledger, now)
        except FetchError as error:
            if error.error_type is not ErrorType.NETWORK:
                raise
            self._trouble(ledger, _NOT_SHOWN, f"{error.message}; what waits and failed is not shown there")
        else:
            self._passed(ledger, _NOT_SHOWN)

    def _claimed(self, wait_seconds: float) -> tuple[str, list[bytes]]:
        until = time.monotonic() + wait_seconds
        keys = [self.keys.queue, self.keys.processing, self.keys.claim]
        while True:
            with redis_failures(self._client):
                answer = self._claim(keys=keys, args=[uuid.uuid4().hex, HANDFUL, HANDFUL_BYTES])
                token, entries = cast("tuple[bytes, list[bytes]]", answer)
                if token:
                    return token.decode(), entries
                while not self._client.llen(self.keys.queue):
                    if time.monotonic() >= until:
                        return "", []
                    time.sleep(_LOOKS)

    def _lost_time(self, ledger: Ledger) -> Reappearing:
        """Looks once a tick whether Redis has lost time: commands that were taken since then reappear."""
        if not self._looked_back:
            redis_lost_time(ledger, self._client, self._channel)
            self._looked_back = True
        with redis_failures(self._client):
            here = self._client.llen(self.keys.queue) + self._client.llen(self.keys.processing)
        return Reappearing(entries_now=int(here))

    def _show_failed(self, ledger: Ledger, now: float) -> None:
        with ledger.read() as connection:
            letters = dead_letters.to_mirror(connection, MIRRORED_AT_ONCE)
        if not letters:
            return
        with redis_failures(self._client):
            self._mirror(keys=[self.keys.failed], args=[each.letter for each in letters])
        with ledger.write() as connection:
            dead_letters.mark_mirrored(connection, [each.seq for each in letters], now)

    def _hide_removed(self, ledger: Ledger) -> None:
        with ledger.read() as connection:
            letters = dead_letters.to_unmirror(connection, MIRRORED_AT_ONCE)
        if not letters:
            return
        with redis_failures(self._client):
            pipe = self._client.pipeline(transaction=False)
            for each in letters:
                pipe.lrem(self.keys.failed, 1, cast("str", each.letter))  # typed as text; bytes do as well
            pipe.execute()
        with ledger.write() as connection:
            dead_letters.forget(connection, [each.seq for each in letters])

    def _show_delayed(self, ledger: Ledger, now: float) -> None:
        with ledger.read() as connection:
            waiting = requests.waiting_commands(connection, now, SHOWN)
        with redis_failures(self._client):
            found = cast(
                "list[tuple[bytes, float]]", self._client.zrange(self.keys.delayed, 0, -1, withscores=True)
            )
            shown = {member.decode(errors="replace"): score for member, score in found}
            changed = {name: until for name, until in waiting.items() if shown.get(name) != until}
            gone = [member for member, _ in found if member.decode(errors="replace") not in waiting]
            if changed:
                self._client.zadd(self.keys.delayed, cast("dict[Any, float]", changed))
            if gone:
                self._client.zrem(self.keys.delayed, *gone)

    def _trouble(self, ledger: Ledger, name: str, why: str) -> None:
        """Says once that a trouble begins."""
        with ledger.write() as connection:
            begins = conditions.condition_begins(connection, name, why)
        if begins:
            self.notes.append(why)

    def _passed(self, ledger: Ledger, name: str) -> None:
        """Says once that a trouble has passed."""
        with ledger.read() as connection:
            if not any(each.name == name for each in conditions.standing_conditions(connection)):
                return
        with ledger.write() as connection:
            ended = conditions.condition_ends(connection, name)
        if ended:
            self.notes.append(f"Redis is in order again (it was: {ended.why})")


def _write(
    connection: Connection, token: str, entries: Sequence[bytes], reappearing: Reappearing, *, now: float
) -> None:
    """Writes a handful down; a command that Redis has given back is kept as `repeated` and not done again."""
    hashes = [hashlib.sha256(entry).hexdigest() for entry in entries]
    again = reappearing.among(connection, hashes)
    rows = [
        received_row(
            f"{token}-{number:04d}",
            "redis",
            entry,
            sha256=sha256,
            now=now,
            repeated=number in again,
        )
        for number, (entry, sha256) in enumerate(zip(entries, hashes, strict=True))
    ]
    requests.insert(connection, rows)
