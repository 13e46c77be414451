"""What the ledger says of the present, beside what was counted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tg_fetcher_dagster.ledger import attempts, measures, monitored, outbox, overview
from tg_fetcher_dagster.ledger.attempts import UnderWay
from tg_fetcher_dagster.ledger.conditions import Condition, standing_conditions
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.monitored import OldestCommands, OpenDays
from tg_fetcher_dagster.monitoring.accounts_shown import AccountShown, accounts_shown


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """The ledger at one moment; moments are seconds since 1970.

    Attributes:
        at: when it was looked at.
        open_requests: how many have not ended, by state.
        newest_success_at: when any day was last read; 0 for never.
        oldest_event_at: when the first event was recorded that nobody was told of; None where none waits.
        uncounted: measures that stand in no total.
    """

    at: float
    conditions: tuple[Condition, ...] = ()
    accounts: tuple[AccountShown, ...] = ()
    under_way: tuple[UnderWay, ...] = ()
    open_requests: Mapping[str, int] = field(default_factory=dict)
    open_days: OpenDays = field(default_factory=lambda: OpenDays(ready=0, running=0, delayed=0))
    oldest: OldestCommands = field(default_factory=lambda: OldestCommands(planned=None, running=None))
    newest_success_at: float = 0.0
    events_pending: int = 0
    events_set_aside: int = 0
    oldest_event_at: float | None = None
    dead_letters: int = 0
    given_up_days: int = 0
    uncounted: int = 0
    size_bytes: int = 0

    @property
    def heard_of_at(self) -> float | None:
        """When the quietest run under way was last heard of; None where none is."""
        return min((each.heard_of_at for each in self.under_way), default=None)


def read_facts(
    connection: Connection,
    *,
    at: float,
    sessions: Collection[str] | None,
    configured: str,
    newest_success_at: float,
    log_bytes: int,
) -> LedgerFacts:
    """Returns what the ledger says at a moment.

    Args:
        connection: of a transaction.
        at: seconds since 1970.
        sessions: the accounts of SESSION_DIR; None where this process does not see it.
        configured: the account that reads.
        newest_success_at: when any day was last read.
        log_bytes: of the database beside its own file.
    """
    accounts = accounts_shown(
        monitored.known_accounts(connection), sessions=sessions, configured=configured, at=at
    )
    return LedgerFacts(
        at=at,
        conditions=tuple(standing_conditions(connection)),
        accounts=tuple(accounts),
        under_way=tuple(attempts.under_way(connection)),
        open_requests=monitored.open_requests_by_state(connection),
        open_days=monitored.open_days(connection, at),
        oldest=monitored.oldest_commands(connection),
        newest_success_at=newest_success_at,
        events_pending=outbox.pending_count(connection),
        events_set_aside=outbox.set_aside_count(connection),
        oldest_event_at=monitored.oldest_pending_event(connection),
        dead_letters=monitored.kept_dead_letters(connection),
        given_up_days=monitored.given_up_days(connection),
        uncounted=measures.waiting(connection),
        size_bytes=overview.size_bytes(connection) + log_bytes,
    )
