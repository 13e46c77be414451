"""The journal of commands in Redis, read and put aside.

Its keys are renamed before they are read, in one step, so that a tick of the old version which still runs
finds nothing to settle; what such a tick claims all the same is put aside by the next try. Dead letters stay
where they are, for those who look there.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

import redis

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.redis_connection import redis_failures
from tg_fetcher_dagster.takeover.old_layout import OldBatch, OldClaim, Unreadable, parsed
from tg_fetcher_dagster.takeover.taking import Report

PARTS: Final = ("processing", "journal", "batches", "delayed")

PAGE: Final = 50
"""Entries read at a time: one may be megabytes long."""

LARGEST_LETTER: Final = 1_048_576
"""Bytes; a longer one is left in Redis alone."""

_PUT_ASIDE: Final = """
-- KEYS: processing, journal, batches, delayed; then where each is put aside. What is there first stays first.
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do redis.call('RPUSH', KEYS[5], entry) end
  redis.call('DEL', KEYS[1])
end
for i = 2, 3 do
  local all = redis.call('HGETALL', KEYS[i])
  for j = 1, #all, 2 do redis.call('HSET', KEYS[i + 4], all[j], all[j + 1]) end
  redis.call('DEL', KEYS[i])
end
local waits = redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES')
for j = 1, #waits, 2 do redis.call('ZADD', KEYS[8], waits[j + 1], waits[j]) end
redis.call('DEL', KEYS[4])
return redis.call('LLEN', KEYS[5])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One command that was in flight.

    Attributes:
        claim: what was written down of it; of one that nobody came to write of, a claim of its own.
        raw: as it was pushed.
    """

    claim: OldClaim
    raw: bytes


class RedisJournal:
    """The journal of one queue. Its methods raise `FetchError` (network) where Redis is away or refuses."""

    def __init__(self, client: redis.Redis, queue: str, report: Report) -> None:
        self._client = client
        self._queue = queue
        self._report = report

    def put_aside(self) -> None:
        """Renames the journal's keys to `{queue}:before-ledger:...`."""
        keys = [f"{self._queue}:{part}" for part in PARTS]
        with redis_failures(self._client):
            self._client.register_script(_PUT_ASIDE)(keys=[*keys, *(self._aside(part) for part in PARTS)])

    def batches(self) -> tuple[dict[str, OldBatch], frozenset[str]]:
        """Returns the batches that were not done, by id, and the ids of those that cannot be read."""
        found, unreadable = {}, set()
        for batch_id, text in self._hash("batches").items():
            batch = parsed(OldBatch, text)
            if isinstance(batch, Unreadable):
                self._report.leave(
                    f"batch {batch_id} in Redis", f"its commands are planned anew: {batch.why}"
                )
                unreadable.add(batch_id)
            else:
                found[batch_id] = batch
        return found, frozenset(unreadable)

    def waits(self) -> dict[str, float]:
        """Returns until when batches and claims are left alone, in seconds since 1970."""
        found: dict[str, float] = {}
        for key in self._keys("delayed"):
            with redis_failures(self._client):
                pairs = cast("list[tuple[bytes, float]]", self._client.zrange(key, 0, -1, withscores=True))
            found |= {name.decode(errors="replace"): score for name, score in pairs}
        return found

    def claimed(self) -> Iterator[Claimed]:
        """Yields the commands in flight, in the order of asking."""
        free: dict[str, list[OldClaim]] = defaultdict(list)
        for claim_id, text in self._hash("journal").items():
            claim = parsed(OldClaim, text)
            if isinstance(claim, Unreadable):
                self._report.leave(f"claim {claim_id} in Redis", f"its command begins anew: {claim.why}")
            else:
                free[claim.sha1].append(claim)
        for claims in free.values():
            claims.sort(key=lambda claim: (claim.claimed_at, claim.claim_id), reverse=True)
        unclaimed: Counter[str] = Counter()
        for key in self._keys("processing"):
            for raw in self._entries(key):
                sha1 = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
                if free[sha1]:
                    claim = free[sha1].pop()
                else:
                    unclaimed[sha1] += 1
                    claim = OldClaim(claim_id=f"claim-{sha1}-{unclaimed[sha1]}", sha1=sha1, claimed_at=now())
                yield Claimed(claim=claim, raw=raw)

    def letters(self) -> Iterator[tuple[str, bytes]]:
        """Yields the dead letters, the oldest first, each with an id that is the same at the next try."""
        seen: Counter[str] = Counter()
        for raw in self._entries(f"{self._queue}:failed"):
            sha1 = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
            seen[sha1] += 1
            if len(raw) > LARGEST_LETTER:
                self._report.leave("a dead letter in Redis", f"it is {len(raw)} bytes long and stays there")
            else:
                yield f"letter-{sha1}-{seen[sha1]}", raw

    def _entries(self, key: str) -> Iterator[bytes]:
        first = 0
        while True:
            with redis_failures(self._client):
                page = cast("list[bytes]", self._client.lrange(key, first, first + PAGE - 1))
            yield from page
            if len(page) < PAGE:
                return
            first += PAGE

    def _hash(self, part: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for key in self._keys(part):
            with redis_failures(self._client):
                fields = cast("dict[bytes, bytes]", self._client.hgetall(key))
            found |= {
                name.decode(errors="replace"): text.decode(errors="replace") for name, text in fields.items()
            }
        return found

    def _keys(self, part: str) -> tuple[str, str]:
        """Where a part stands: aside, and (a look that changes nothing) where it was."""
        return self._aside(part), f"{self._queue}:{part}"

    def _aside(self, part: str) -> str:
        return f"{self._queue}:before-ledger:{part}"
