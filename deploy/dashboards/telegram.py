"""Telegram: how much is asked of it, how it answers, who asks."""

from deploy.dashboards.frame import Frame
from deploy.dashboards.panels import Ask, Panel

ASKING = (
    Panel(
        number=2,
        title="Requests a second by method",
        normal="Normal: GetHistory leads; GetReplies where comments are read; all together below the pace.",
        kind="stack",
        unit="reqps",
        asks=(Ask("sum by (method) (account_method:tg_fetcher_telegram_requests:rate5m)", "{{method}}"),),
        width=12,
    ),
    Panel(
        number=3,
        title="Pace against allowance by account",
        normal="Normal: below 1. At 1 the account asks as fast as it may.",
        unit="percentunit",
        warning=0.9,
        asks=(
            Ask(
                "sum by (account) (account_method:tg_fetcher_telegram_requests:rate5m)"
                " / max by (account) (tg_fetcher_pace_limit_requests_per_second)",
                "{{account}}",
            ),
        ),
        width=12,
    ),
    Panel(
        number=6,
        title="How long Telegram takes to answer",
        normal="Normal: below 0.5 s; above 2 s Telegram or the way to it has trouble.",
        unit="s",
        warning=2,
        critical=10,
        asks=(
            Ask(
                "sum by (method) (rate(tg_fetcher_telegram_request_seconds_total[15m]))"
                " / sum by (method) (rate(tg_fetcher_telegram_requests_total[15m]) > 0)",
                "{{method}}",
            ),
        ),
        width=12,
    ),
    Panel(
        number=8,
        title="Seconds an hour that requests waited for the pace",
        normal="Normal: 0 on a quiet day; up to 3,600 for each account while a backlog is read.",
        unit="s",
        asks=(Ask("sum by (account) (increase(tg_fetcher_pace_wait_seconds_total[1h]))", "{{account}}"),),
        width=12,
    ),
)

WAITING = (
    Panel(
        number=4,
        title="Floods an hour by account",
        normal="Normal: 0, or one now and then. Many: lower RATE_LIMIT_CALLS_PER_SEC.",
        warning=5,
        critical=20,
        asks=(Ask("increase(account:tg_fetcher_floods:sum[1h])", "{{account}}"),),
    ),
    Panel(
        number=5,
        title="Seconds an hour that Telegram said to wait",
        normal="Normal: 0; a wait of minutes gives the run's slot back.",
        unit="s",
        warning=600,
        asks=(
            Ask(
                "sum by (account, method) (increase(tg_fetcher_flood_seconds_total[1h]))",
                "{{account}} {{method}}",
            ),
        ),
    ),
    Panel(
        number=9,
        title="Troubles that all work waits for",
        normal="Normal: 0 for both. 1: no connection to Telegram, or none to Redis.",
        warning=1,
        asks=(Ask("max by (condition) (tg_fetcher_condition)", "{{condition}}"),),
    ),
    Panel(
        number=10,
        title="How long the trouble has lasted",
        normal="Normal: 0.",
        unit="s",
        warning=120,
        critical=1800,
        asks=(Ask("max by (condition) (tg_fetcher_condition_age_seconds)", "{{condition}}"),),
    ),
)

ACCOUNTS = (
    Panel(
        number=1,
        title="Accounts by state",
        normal="Normal: all ready. Signed out and quarantined ones wait for a person.",
        asks=(Ask("max by (state) (tg_fetcher_accounts)", "{{state}}"),),
    ),
    Panel(
        number=11,
        title="Each account",
        normal="Normal: ready. Its state, how long it rests, and when its holder was last heard of.",
        kind="table",
        asks=(
            Ask("max by (account, state) (tg_fetcher_account_state == 1)", "now"),
            Ask("max by (account) (tg_fetcher_account_free_in_seconds)", "free in", "s"),
            Ask("max by (account) (tg_fetcher_lease_age_seconds)", "holder heard of", "s"),
        ),
    ),
    Panel(
        number=7,
        title="Until each account may ask again",
        normal="Normal: 0.",
        unit="s",
        warning=60,
        critical=3600,
        asks=(Ask("max by (account) (tg_fetcher_account_free_in_seconds)", "{{account}}"),),
    ),
)

TELEGRAM = Frame(
    uid="tg-fetcher-telegram",
    title="Telegram fetcher: Telegram and accounts",
    says="How much is asked of Telegram, how it answers, which accounts may ask.",
    rows={"Requests": ASKING, "Floods and troubles": WAITING, "Accounts": ACCOUNTS},
)
