"""Whether each chat is up to date, as a check of the asset `chats` (docs.dagster.io, "Asset checks").

A FreshnessPolicy knows nothing of partitions: one chat that is read keeps the whole asset fresh. A check of
`messages` would be a part of each of its runs, and each failed run would leave it without a result. So the
chats are an asset of their own, which nothing materialises: the sensor `freshness` evaluates its check
without a run, and a person can execute it by hand. Dagster 1.13 stores a result without a run once for each
partition and refuses the second one, so the check has no partitions, and its table tells chat from chat.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.freshness import Freshness, freshness_of
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.clock import planning_now

CHATS_ASSET: Final = dg.AssetKey("chats")

YESTERDAY: Final = "yesterday_is_done"

ROWS: Final = 50
"""Chats that the table names, the worst first; the counts are of all."""

TABLE: Final = dg.TableSchema(
    columns=[
        dg.TableColumn("chat", "string"),
        dg.TableColumn("state", "string", description="stale: the two newest days are missing"),
        dg.TableColumn("days_missing", "int"),
        dg.TableColumn("since", "string", description="the oldest day that is missing"),
        dg.TableColumn("why", "string"),
        dg.TableColumn("what_to_do", "string"),
    ]
)

chats_asset = dg.AssetSpec(
    CHATS_ASSET,
    group_name="telegram",
    kinds={"telegram"},
    owners=["team:telegram"],
    description=(
        "**The chats that are kept.** Nothing materialises it: it is there for its check, which says of every"
        " chat whether it is up to date.\n\n"
        "- **Yellow or red**: the check's table names the chats, since when, why, and what to do.\n"
        "- **Add a chat**: `tg-fetcher chats add @NAME`, the setting `TELEGRAM_CHATS`, or any command.\n"
        "- **Leave one out**: `tg-fetcher chats pause CHAT`."
    ),
)


def current(settings: Settings) -> list[Freshness]:
    """Returns how up to date each kept chat is, the worst first.

    Raises:
        FetchError: (storage) the ledger cannot be read.
    """
    with Ledger.open(settings.ledger_location) as ledger:
        return freshness_of(ledger, IdentityTable(ledger).all(), settings, now=planning_now(settings))


def evaluation_of(found: Sequence[Freshness]) -> dg.AssetCheckEvaluation:
    """Returns the result of the check; its table names the chats that need a look."""
    return dg.AssetCheckEvaluation(
        asset_key=CHATS_ASSET,
        check_name=YESTERDAY,
        passed=all(each.is_well for each in found),
        severity=severity_of(found),
        description=summary(found),
        metadata=_numbers_and_table(found),
    )


def severity_of(found: Iterable[Freshness]) -> dg.AssetCheckSeverity:
    """Red where a chat has been silent for two days, yellow for anything else."""
    stale = any(each.state == "stale" for each in found)
    return dg.AssetCheckSeverity.ERROR if stale else dg.AssetCheckSeverity.WARN


def summary(found: Sequence[Freshness]) -> str:
    """Returns in one line how many chats are up to date, and which is the worst."""
    ill = [each for each in found if not each.is_well]
    well = f"{len(found) - len(ill)} of {len(found)} chats are up to date"
    if not ill:
        return well
    return f"{well}; {len(ill)} not: {', '.join(each.chat for each in ill[:3])}{' ...' if ill[3:] else ''}"


def _numbers_and_table(found: Sequence[Freshness]) -> dict[str, Any]:
    ill = [each for each in found if not each.is_well]
    rows = [
        dg.TableRecord(
            {
                "chat": each.chat,
                "state": each.state,
                "days_missing": len(each.missing),
                "since": each.missing[0].isoformat() if each.missing else "",
                "why": each.why,
                "what_to_do": each.to_do,
            }
        )
        for each in ill[:ROWS]
    ]
    return {
        "chats": len(found),
        "chats_up_to_date": len(found) - len(ill),
        "chats_late": sum(each.state == "late" for each in found),
        "chats_stale": sum(each.state == "stale" for each in found),
        "chats_that_cannot_be_read": sum(each.state == "refused" for each in found),
        "days_missing": sum(len(each.missing) for each in found),
        "chats_to_look_at": dg.MetadataValue.table(records=rows, schema=TABLE),
    }


@dg.asset_check(
    asset=CHATS_ASSET,
    name=YESTERDAY,
    description=(
        "Whether yesterday is done of every chat that is not paused, and the days before it. A day should be"
        " done `DAY_DEADLINE_HOURS` after its end; earlier days are looked at as far as `HEAL_DAYS` says.\n\n"
        "**Yellow**: a day is missing, or a chat cannot be read. **Red**: the two newest days of a chat are"
        " missing. The table says of each such chat since when, why, and what to do; what it does not name is"
        " up to date. Evaluated every minute by the sensor `freshness`, without a run; told when it"
        " changes and once a day."
    ),
)
def yesterday_is_done() -> dg.AssetCheckResult:
    """Looks at all chats, for a person who executes the check by hand."""
    now = evaluation_of(current(Settings.read()))
    return dg.AssetCheckResult(
        passed=now.passed, severity=now.severity, description=now.description, metadata=now.metadata
    )


@dg.definitions
def freshness() -> dg.Definitions:
    """Returns the asset and its check."""
    return dg.Definitions(assets=[chats_asset], asset_checks=[yesterday_is_done])
