"""Every Redis key of the commands' side, made from the queue's name (setting `COMMANDS_QUEUE`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandKeys:
    """The keys of one queue."""

    queue: str
    """List: what producers RPUSH; read from the left."""

    @property
    def processing(self) -> str:
        """List: claimed and not yet settled, oldest first; the entries exactly as they were pushed."""
        return f"{self.queue}:processing"

    @property
    def claim(self) -> str:
        """String: the token of the handful in `processing`; gone when that stands in the ledger."""
        return f"{self.queue}:claim"

    @property
    def journal(self) -> str:
        """Hash: claim id -> JSON of a `Claim`: one an entry of `processing`, made before it is acted on."""
        return f"{self.queue}:journal"

    @property
    def batches(self) -> str:
        """Hash: batch id -> JSON of a `Batch` that is not done: planned, running or delayed."""
        return f"{self.queue}:batches"

    @property
    def delayed(self) -> str:
        """Sorted set: batch id or claim id -> unix time before which it is left alone (a flood)."""
        return f"{self.queue}:delayed"

    @property
    def failed(self) -> str:
        """List: dead letters, the newest last: the original object and why it ended here."""
        return f"{self.queue}:failed"
