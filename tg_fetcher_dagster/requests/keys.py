"""Every Redis key of the commands' side, made from the queue's name (setting `COMMANDS_QUEUE`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandKeys:
    """The keys of one queue."""

    queue: str
    """List: what producers RPUSH; read from the left."""

    @property
    def processing(self) -> str:
        """List: a handful that is on its way into the ledger; the entries exactly as they were pushed."""
        return f"{self.queue}:processing"

    @property
    def claim(self) -> str:
        """String: the token of the handful in `processing`; gone when that stands in the ledger."""
        return f"{self.queue}:claim"

    @property
    def journal(self) -> str:
        """Hash of versions before the ledger: what they had decided of the entries of `processing`."""
        return f"{self.queue}:journal"

    @property
    def batches(self) -> str:
        """Hash of versions before the ledger: the runs that they had asked for."""
        return f"{self.queue}:batches"

    @property
    def delayed(self) -> str:
        """Sorted set: id of a command that waits -> unix time until which; shown to those who look there."""
        return f"{self.queue}:delayed"

    @property
    def failed(self) -> str:
        """List: dead letters, the newest last, shown to those who look there; the ledger has them, too."""
        return f"{self.queue}:failed"
