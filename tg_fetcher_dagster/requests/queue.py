"""The queue of commands in Redis: claim, journal, settle, dead letters.

An entry moves from `tg_commands` to `tg_commands:processing` and stays there until it is settled. A client
may lose the answer to a move that did happen, so what is held is always read from `processing` itself,
never taken from the move's answer. Every write of a decision is one compared-and-swapped step (`commit`):
two ticks at once, a retried call or a death at any line neither lose nor double a command.
"""

import hashlib
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, cast

import orjson
import redis
import structlog
from pydantic import ValidationError

from tg_fetcher_dagster.redis_connection import LONGEST_BLOCK, redis_failures
from tg_fetcher_dagster.requests.dead_letters import revived
from tg_fetcher_dagster.requests.journal import Change, Claim, Held
from tg_fetcher_dagster.requests.keys import CommandKeys
from tg_fetcher_dagster.requests.plan import Batch
from tg_fetcher_dagster.requests.scripts import COMMIT, READ, REQUEUE

log = structlog.get_logger(__name__)

MAX_HELD = 1_000
"""Claims held at once: beyond that new commands wait in the queue, where they are safe and cheap."""


class CommandQueue:
    """The queue `name` and what belongs to it. Every method raises `FetchError` (network) without Redis."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self.keys = CommandKeys(name)
        self._client = client
        self._read = client.register_script(READ)
        self._commit = client.register_script(COMMIT)
        self._requeue = client.register_script(REQUEUE)
        self._claims: dict[str, str] = {}
        self._batches: dict[str, str] = {}

    def push(self, command: bytes) -> None:
        """Appends a command, as a producer does."""
        with redis_failures(self._client):
            self._client.rpush(self.keys.queue, command)

    def claim(self, limit: int, wait_seconds: float = 0) -> None:
        """Moves up to `limit` commands into `processing`, first in, first out.

        Args:
            limit: fewer are moved where too many are held already.
            wait_seconds: how long to wait for the first one.
        """
        with redis_failures(self._client):
            held = self._client.llen(self.keys.processing)
            for number in range(min(limit, MAX_HELD - held)):
                if self._move(0 if number else wait_seconds) is None:
                    return

    def read(self, now: float) -> Held:
        """Returns what is held, with a claim for each entry of `processing`."""
        with redis_failures(self._client):
            answer = self._read(
                keys=[self.keys.processing, self.keys.journal, self.keys.batches, self.keys.delayed],
                args=[repr(now), f"claim-{uuid.uuid4().hex}"],
            )
        entries, journal, batches, delayed = cast("tuple[list[bytes], ...]", answer)
        self._claims = _texts(journal)
        self._batches = _texts(batches)
        readable, unreadable = self._readable_batches()
        return Held(
            claims=tuple(self._paired(entries)),
            batches=readable,
            unreadable=unreadable,
            delayed={key: float(score) for key, score in _texts(delayed).items()},
        )

    def commit(self, change: Change) -> bool:
        """Applies a change to what was last read; False where something of it moved meanwhile.

        After False nothing has changed, and the next tick decides anew on what is there then.
        """
        claims = {claim.claim_id: claim.model_dump_json() for claim in change.claims}
        batches = {batch.batch_id: batch.model_dump_json() for batch in change.batches}
        touched = {*claims, *change.settled}
        if not touched <= self._claims.keys():
            return False
        step = {
            "expected_claims": {key: self._claims[key] for key in touched},
            "expected_batches": {key: self._batches.get(key, "") for key in (*batches, *change.done)},
            "claims": claims,
            "batches": batches,
            "done": change.done,
            "delayed": change.delayed,
            "settled": change.settled,
            "dead": [letter.decode() for letter in change.dead],
        }
        with redis_failures(self._client):
            applied = self._commit(
                keys=[
                    self.keys.processing,
                    self.keys.journal,
                    self.keys.batches,
                    self.keys.delayed,
                    self.keys.failed,
                ],
                args=[orjson.dumps(step)],
            )
        if not applied:
            log.info("another tick was faster", claims=sorted(touched), batches=sorted(batches))
            return False
        self._claims = {k: v for k, v in (self._claims | claims).items() if k not in change.settled}
        self._batches = {k: v for k, v in (self._batches | batches).items() if k not in change.done}
        return True

    def lengths(self) -> dict[str, int]:
        """Returns how many commands wait, are held, are delayed and are dead, for `status`."""
        with redis_failures(self._client):
            pipe = self._client.pipeline(transaction=False)
            pipe.llen(self.keys.queue)
            pipe.llen(self.keys.processing)
            pipe.zcount(self.keys.delayed, time.time(), "+inf")
            pipe.llen(self.keys.failed)
            answers = pipe.execute()
        return dict(zip(("queued", "processing", "delayed", "failed"), answers, strict=True))

    def dead_letters(self, newest: int = 50) -> list[dict[str, Any]]:
        """Returns the newest dead letters, the newest first."""
        with redis_failures(self._client):
            letters = cast("list[bytes]", self._client.lrange(self.keys.failed, -newest, -1))
        return [orjson.loads(letter) for letter in reversed(letters)]

    def requeue_failed(self, oldest: int | None = None) -> int:
        """Pushes dead letters back into the queue, the oldest first; returns how many.

        A letter is taken out and pushed in one step, and only once: a retried call finds it gone.
        """
        with redis_failures(self._client):
            end = -1 if oldest is None else oldest - 1
            letters = cast("list[bytes]", self._client.lrange(self.keys.failed, 0, end))
            keys = [self.keys.failed, self.keys.queue]
            return sum(int(self._requeue(keys=keys, args=[letter, revived(letter)])) for letter in letters)

    def requeue_one(self, wanted: str) -> bool:
        """Pushes the dead letter with this id (see `letter_id`) back; False where there is none."""
        with redis_failures(self._client):
            letters = cast("list[bytes]", self._client.lrange(self.keys.failed, 0, -1))
            keys = [self.keys.failed, self.keys.queue]
            return any(
                int(self._requeue(keys=keys, args=[letter, revived(letter)]))
                for letter in letters
                if letter_id(orjson.loads(letter)) == wanted
            )

    def _move(self, wait_seconds: float) -> bytes | None:
        queue, processing = self.keys.queue, self.keys.processing
        moved = self._client.lmove(queue, processing, "LEFT", "RIGHT")
        if moved is None and wait_seconds > 0:
            # redis-py types the wait as int; the server takes fractions.
            wait = cast("int", min(wait_seconds, LONGEST_BLOCK))
            moved = self._client.blmove(queue, processing, wait, "LEFT", "RIGHT")
        return cast("bytes | None", moved)

    def _paired(self, entries: Iterable[bytes]) -> Iterable[Claim]:
        """Each entry with a claim of its SHA-1, the oldest claim first."""
        free: dict[str, list[Claim]] = defaultdict(list)
        for claim_id, text in self._claims.items():
            try:
                claim = Claim.model_validate_json(text)
            except ValidationError:
                # Without its journal entry the command is claimed anew at the next reading.
                log.error("a claim that this version cannot read", claim=claim_id)  # noqa: TRY400
                with redis_failures(self._client):
                    self._client.hdel(self.keys.journal, claim_id)
                continue
            free[claim.sha1].append(claim)
        for claims in free.values():
            claims.sort(key=lambda claim: (claim.claimed_at, claim.claim_id), reverse=True)
        for raw in entries:
            claims = free[_sha1(raw)]
            if claims:
                yield claims.pop().changed(raw=raw)

    def _readable_batches(self) -> tuple[dict[str, Batch], frozenset[str]]:
        readable = {}
        for batch_id, text in self._batches.items():
            try:
                readable[batch_id] = Batch.model_validate_json(text)
            except ValidationError:
                log.error("a batch that this version cannot read", batch=batch_id)  # noqa: TRY400
        return readable, frozenset(self._batches.keys() - readable.keys())


def letter_id(letter: dict[str, Any]) -> str:
    """Returns what a dead letter is called: its command's id, else a short hash of what it says."""
    given = letter.get("command_id")
    return str(given) if given else _sha1(orjson.dumps(letter, option=orjson.OPT_SORT_KEYS))[:12]


def _texts(flat: list[bytes]) -> dict[str, str]:
    """A flat answer of Redis (field, value, field, value) as a dict."""
    texts = [item.decode() for item in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _sha1(raw: bytes) -> str:
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()
