"""One chat in depth: is it whole, what was read of it, what failed."""

from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableRefresh, VariableSort

from deploy.dashboards.frame import Frame
from deploy.dashboards.panels import METRICS, Ask, Panel

WHOLE = (
    Panel(
        number=1,
        title="Last read",
        normal="Normal: within a day; a paused or refused chat is older.",
        kind="number",
        unit="s",
        warning=26 * 3600,
        critical=3 * 86400,
        asks=(Ask('time() - max(tg_fetcher_last_success_timestamp_seconds{chat="$chat"} > 0)', "ago"),),
        width=6,
        height=4,
    ),
    Panel(
        number=2,
        title="Behind",
        normal="Normal: less than a day and some hours: now minus the end of the newest final day.",
        kind="number",
        unit="s",
        warning=36 * 3600,
        critical=3 * 86400,
        asks=(Ask('max(tg_fetcher_lag_seconds{chat="$chat"})', "behind"),),
        width=6,
        height=4,
    ),
    Panel(
        number=3,
        title="Days missing",
        normal="Normal: 0; days since the chat's first that are over and not done.",
        kind="number",
        warning=1,
        critical=30,
        asks=(Ask('max(tg_fetcher_missing_days{chat="$chat"})', "days"),),
        width=6,
        height=4,
    ),
    Panel(
        number=4,
        title="Days overdue",
        normal="Normal: 0; missing longer than DAY_DEADLINE_HOURS after their end.",
        kind="number",
        warning=1,
        critical=3,
        asks=(Ask('max(tg_fetcher_overdue_days{chat="$chat"})', "days"),),
        width=6,
        height=4,
    ),
)

READ = (
    Panel(
        number=5,
        title="Messages and comments an hour",
        normal="Normal: one hill a day, when yesterday is read.",
        asks=(
            Ask('sum(increase(tg_fetcher_messages_total{chat="$chat"}[1h]))', "messages"),
            Ask('sum(increase(tg_fetcher_comments_total{chat="$chat"}[1h]))', "comments"),
        ),
    ),
    Panel(
        number=7,
        title="How long its days take",
        normal="Normal: much the same from day to day; it grows with the messages and, more, with comments.",
        unit="s",
        asks=tuple(
            Ask(
                f"histogram_quantile({share}, sum by (le)"
                ' (increase(telegram_fetch_duration_seconds_bucket{chat="$chat", status!="skipped"}[1d])))',
                legend,
            )
            for share, legend in (("0.5", "p50"), ("0.95", "p95"))
        ),
    ),
    Panel(
        number=8,
        title="Days by how they ended, an hour",
        normal="Normal: one fetched a day; failed days are asked for again by the next rounds.",
        kind="stack",
        asks=(
            Ask(
                'sum by (status) (increase(telegram_fetch_duration_seconds_count{chat="$chat"}[1h]))',
                "{{status}}",
            ),
        ),
    ),
    Panel(
        number=6,
        title="Days missing over time",
        normal="Normal: 1 after midnight, 0 after the daily round.",
        warning=2,
        critical=30,
        asks=(
            Ask('max(tg_fetcher_missing_days{chat="$chat"})', "missing"),
            Ask('max(tg_fetcher_overdue_days{chat="$chat"})', "overdue"),
        ),
        width=12,
    ),
    Panel(
        number=9,
        title="What read days lack",
        normal="Normal: nothing. By kind: what Telegram withheld, or what this version cannot read.",
        warning=1,
        critical=100,
        asks=(
            Ask('max(tg_fetcher_days_with_losses{chat="$chat"})', "days with losses"),
            Ask('sum by (kind) (tg_fetcher_losses_total{chat="$chat"})', "{{kind}}, since ever"),
        ),
        width=12,
    ),
)

LOGS = (
    Panel(
        number=10,
        title="What the log says of it",
        normal="Normal: one line when a fetch begins and one when it ends; warnings are rare.",
        kind="log",
        asks=(Ask('{service=~".+"} | json | chat="$chat"', ""),),
        width=24,
        height=10,
    ),
)

CHAT = Frame(
    uid="tg-fetcher-chat",
    title="Telegram fetcher: one chat",
    says="Is the chat whole, what was read of it, what failed.",
    rows={"Is it whole": WHOLE, "What was read": READ, "The log": LOGS},
    variables=(
        QueryVariable("chat")
        .label("Chat")
        .datasource(METRICS)
        .query("label_values(tg_fetcher_missing_days, chat)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC),
    ),
    since="now-7d",
)
