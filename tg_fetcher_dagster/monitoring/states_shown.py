"""What the ledger says of the present, as gauges. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from tg_fetcher_dagster.ledger.conditions import OF_ACCOUNT, Condition
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.accounts_shown import account_gauges
from tg_fetcher_dagster.monitoring.families import Shown
from tg_fetcher_dagster.monitoring.ledger_facts import LedgerFacts

CONDITIONS: Final[Mapping[str, str]] = {
    "telegram": "telegram_away",
    "redis": "redis_away",
    "redis_commands": "redis_away",
}
"""As what each trouble of the ledger is shown: whoever meets Redis away notes it under a name of his own."""


def since(at: float | None, now: float) -> float:
    """Returns the seconds since a moment; 0 where there is none."""
    return 0.0 if at is None else max(0.0, now - at)


def state_gauges(facts: LedgerFacts, *, pace: float) -> list[Shown]:
    """Returns the gauges of what the ledger says.

    Args:
        facts: at one moment.
        pace: requests a second that an account is allowed.
    """
    at, days = facts.at, facts.open_days
    hosts = {each.host for each in facts.under_way}
    return [
        Shown(shown.UNCOUNTED, facts.uncounted),
        *(Shown(shown.OPEN_REQUESTS, count, (state,)) for state, count in facts.open_requests.items()),
        Shown(shown.OPEN_DAYS, days.ready, ("ready",)),
        Shown(shown.OPEN_DAYS, days.running, ("running",)),
        Shown(shown.OPEN_DAYS, days.delayed, ("delayed",)),
        Shown(shown.DEAD_LETTERS_KEPT, facts.dead_letters),
        Shown(shown.GIVEN_UP_DAYS, facts.given_up_days),
        Shown(shown.WORKERS, len(hosts)),
        Shown(shown.HEARTBEAT_AGE, since(facts.heard_of_at, at)),
        Shown(shown.NEWEST_SUCCESS, facts.newest_success_at),
        *account_gauges(facts.accounts, facts.under_way, pace=pace, at=at),
        *_conditions(facts.conditions, at),
        Shown(shown.EVENTS_PENDING, facts.events_pending),
        Shown(shown.EVENTS_AGE, since(facts.oldest_event_at, at)),
        Shown(shown.EVENTS_SET_ASIDE, facts.events_set_aside),
        Shown(shown.LEDGER_SIZE, facts.size_bytes),
    ]


def _conditions(standing: Iterable[Condition], at: float) -> list[Shown]:
    """Each known trouble, 0 where it is not there; several names of one are one, since the first began."""
    ages = dict.fromkeys(shown.CONDITION.values["condition"], 0.0)
    lasting = set()
    for condition in standing:
        if condition.name.startswith(OF_ACCOUNT):
            continue  # shown with the account
        name = CONDITIONS.get(condition.name, condition.name)
        lasting.add(name)
        ages[name] = max(ages.get(name, 0.0), since(condition.since, at))
    return [
        each
        for name, age in ages.items()
        for each in (
            Shown(shown.CONDITION, float(name in lasting), (name,)),
            Shown(shown.CONDITION_AGE, age, (name,)),
        )
    ]
