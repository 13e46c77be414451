"""Commands that reappear: Redis has lost time, and with it that they were taken.

A command is known by its SHA-256 and counted: as often as it was taken in the time that
Redis has lost, so often it is dropped, and only among what stood in the queue when the loss was noticed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from tg_fetcher_dagster.events.epoch import latest_loss
from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.facts import keep_fact, object_fact

FACT: Final = "commands_reappearing"

LONGEST_TICK: Final = 60.0
"""Seconds: what a tick takes is noted with the moment of its beginning."""


@dataclass(frozen=True, slots=True)
class Reappearing:
    """What may reappear now.

    Attributes:
        entries_now: commands that Redis holds at this moment; what comes behind them is new.
    """

    entries_now: int

    def among(self, connection: Connection, hashes: Sequence[str]) -> set[int]:
        """Returns the places of commands that were taken before, and keeps count.

        Args:
            connection: of the transaction that writes the commands down.
            hashes: the SHA-256 of each, in the order of the queue.
        """
        loss = latest_loss(connection)
        if loss is None:
            return set()
        noted = object_fact(connection, FACT)
        if noted.get("noticed_at") != loss.noticed_at:
            taken = requests.received_hashes(connection, loss.since - LONGEST_TICK, loss.noticed_at)
            noted = {"noticed_at": loss.noticed_at, "behind": self.entries_now, "taken": taken}
        elif not noted["behind"]:
            return set()
        taken = Counter(noted["taken"])
        again = set()
        for number, sha256 in enumerate(hashes[: noted["behind"]]):
            if taken[sha256] > 0:
                taken[sha256] -= 1
                again.add(number)
        behind = max(0, noted["behind"] - len(hashes))
        kept = {sha256: count for sha256, count in taken.items() if count > 0} if behind else {}
        keep_fact(
            connection,
            FACT,
            orjson.dumps({"noticed_at": loss.noticed_at, "behind": behind, "taken": kept}).decode(),
        )
        return again
