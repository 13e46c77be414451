"""Reads what `status` shows of each chat's days; see `ledger/overview.py` for what that costs."""

from datetime import date, timedelta

from tg_fetcher_dagster.chats.access import refusals
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.cli.chat_overview import NO_DAYS, KnownDays, chat_overview
from tg_fetcher_dagster.cli.overview import ChatOverview
from tg_fetcher_dagster.ledger import overview as ledger_overview
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.clock import planning_now


def chat_overviews(
    connection: Connection, identities: IdentityTable, settings: Settings, gaps_of: int | None
) -> list[ChatOverview]:
    """Returns every chat with its days, by its key.

    Args:
        connection: sees one moment.
        identities: who the chats are.
        settings: from when to when days are wanted.
        gaps_of: of how many chats, those that miss most, to say which days are missing; None for all.
    """
    yesterday = planning_now(settings).astimezone(settings.zone).date() - timedelta(days=1)
    span = (settings.history_start, yesterday)
    chats = {chat.key: chat for chat in identities.all()}
    known = _known_days(connection, span)
    refused = refusals(connection)
    lacking = sorted(
        (key for key in known if known[key].missing(span)),
        key=lambda key: (key not in refused, *known[key].rank(span), key),
    )
    looked_at = lacking if gaps_of is None else lacking[:gaps_of]
    done = ledger_overview.settled_days_of(connection, looked_at) if looked_at else {}
    return [
        chat_overview(
            key,
            chats.get(key),
            known.get(key, NO_DAYS),
            span=span,
            done=done.get(key, ()) if key in looked_at else None,
            refused=refused.get(key),
        )
        for key in sorted({*chats, *known})
    ]


def _known_days(connection: Connection, span: tuple[date, date]) -> dict[str, KnownDays]:
    sums = ledger_overview.day_sums(connection)
    edges = ledger_overview.day_edges(connection)
    asked = ledger_overview.open_days_of_chats(connection)
    given_up = ledger_overview.given_up_days_of_chats(connection)
    doubted: dict[str, list[date]] = {}
    for key, day in ledger_overview.doubted_days(connection):
        doubted.setdefault(key, []).append(day)
    found = {}
    for key in sums.keys() | asked.keys():
        of, edge = sums.get(key, ledger_overview.NO_SUMS), edges.get(key)
        days_asked, first_asked = asked.get(key, (0, None))
        last = edge.last_settled if edge else None
        settled = of.settled
        # Nearly always all of a chat's days are days of the span, and need not be counted apart.
        if edge and last and (edge.first < span[0] or last > span[1]):
            settled = ledger_overview.settled_between(connection, key, *span)
        found[key] = KnownDays(
            sums=of,
            first=min((day for day in (edge.first if edge else None, first_asked) if day), default=None),
            last_settled=last,
            settled_in_span=settled,
            asked=days_asked,
            given_up=given_up.get(key, 0),
            doubted=tuple(doubted.get(key, ())),
        )
    return found
