"""The overview: does it work, is it late, is anything lost."""

from deploy.dashboards.frame import Frame
from deploy.dashboards.panels import Ask, Panel

AT_A_GLANCE = (
    Panel(
        number=1,
        title="Last day read well",
        normal="Normal: less than a day ago; minutes while work waits. Red: more than a day.",
        kind="number",
        unit="s",
        warning=6 * 3600,
        critical=26 * 3600,
        asks=(Ask("time() - max(tg_fetcher_newest_success_timestamp_seconds > 0)", "ago"),),
        width=4,
        height=4,
    ),
    Panel(
        number=2,
        title="Days missing",
        normal="Normal: 0 once the daily round is through. Days that are over and not done, all chats.",
        kind="number",
        warning=1,
        critical=50,
        asks=(Ask("sum(max by (chat) (tg_fetcher_missing_days))", "days"),),
        width=4,
        height=4,
    ),
    Panel(
        number=3,
        title="Failed, last hour",
        normal="Normal: below 10 % of the attempts of an hour; it says little below 20 attempts.",
        kind="number",
        unit="percentunit",
        warning=0.1,
        critical=0.5,
        asks=(Ask("tg_fetcher:fetch_failures:ratio1h", "failed"),),
        width=4,
        height=4,
    ),
    Panel(
        number=4,
        title="Commands in the queue",
        normal="Normal: 0, since a command is taken within seconds.",
        kind="number",
        warning=10,
        critical=1000,
        asks=(Ask("sum(max by (queue) (tg_fetcher_queue_length))", "commands"),),
        width=4,
        height=4,
    ),
    Panel(
        number=5,
        title="Hosts that work",
        normal="Normal: 1 or more while days are in a run, else 0.",
        kind="number",
        asks=(Ask("max(tg_fetcher_workers)", "hosts"),),
        width=4,
        height=4,
    ),
    Panel(
        number=6,
        title="Alerts that fire",
        normal="Normal: 0. The watchdog is not counted.",
        kind="number",
        warning=1,
        critical=3,
        asks=(Ask('count(ALERTS{alertstate="firing", severity!="none"}) or vector(0)', "alerts"),),
        width=4,
        height=4,
    ),
)

FETCHING = (
    Panel(
        number=10,
        title="Messages an hour by chat",
        normal="Normal: a hill after midnight, when yesterday is read, and small ones for commands.",
        kind="stack",
        asks=(Ask("topk(15, chat:tg_fetcher_messages:increase1h)", "{{chat}}"),),
    ),
    Panel(
        number=11,
        title="How long a day takes",
        normal="Normal: half of the days below 10 s; p99 grows with the largest chat.",
        unit="s",
        asks=tuple(
            Ask(f"histogram_quantile({share}, le:telegram_fetch_duration_seconds_bucket:increase1h)", legend)
            for share, legend in (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"))
        ),
    ),
    Panel(
        number=12,
        title="Errors an hour by type",
        normal="Normal: none, or rate_limit and account_busy, which pass by themselves.",
        kind="stack",
        asks=(Ask("sum by (error_type) (increase(tg_fetcher_errors_total[1h]))", "{{error_type}}"),),
    ),
    Panel(
        number=13,
        title="Share of failures, last hour",
        normal="Normal: below 10 %. Attempts are days that were fetched, found unchanged, or failed.",
        unit="percentunit",
        warning=0.1,
        critical=0.5,
        asks=(Ask("tg_fetcher:fetch_failures:ratio1h", "failed"),),
    ),
    Panel(
        number=27,
        title="Days an hour by how they ended",
        normal="Normal: fetched, and skipped for what is complete; waits is a flood or an account in use.",
        kind="stack",
        asks=(Ask("sum by (status) (increase(tg_fetcher_fetches_total[1h]))", "{{status}}"),),
    ),
    Panel(
        number=17,
        title="Workers, and the quietest one",
        normal="Normal: a run is heard of every 10 s or so; above 60 s its process counts as dead.",
        unit="s",
        warning=60,
        critical=90,
        asks=(
            Ask("max(tg_fetcher_oldest_heartbeat_age_seconds)", "silent for"),
            Ask("max(tg_fetcher_workers)", "hosts (number)"),
        ),
    ),
)

WAITING = (
    Panel(
        number=14,
        title="Commands that nobody has taken",
        normal="Normal: 0; a hill is taken in at thousands a minute.",
        asks=(Ask("max by (queue) (tg_fetcher_queue_length)", "{{queue}}"),),
    ),
    Panel(
        number=15,
        title="Age of the oldest command",
        normal="Normal: queued for seconds, planned for minutes; running as long as its days take.",
        unit="s",
        warning=3600,
        critical=21600,
        asks=(Ask("max by (state) (tg_fetcher_oldest_command_age_seconds)", "{{state}}"),),
    ),
    Panel(
        number=16,
        title="Days that are asked for",
        normal="Normal: ready falls steadily; delayed waits for a flood, an account or another try.",
        kind="stack",
        asks=(Ask("max by (state) (tg_fetcher_open_days)", "{{state}}"),),
    ),
)

CHATS = (
    Panel(
        number=18,
        title="Each chat",
        normal="Normal: read today, no day missing or overdue, none with losses.",
        kind="table",
        asks=(
            Ask("time() - max by (chat) (tg_fetcher_last_success_timestamp_seconds > 0)", "last read", "s"),
            Ask("max by (chat) (tg_fetcher_lag_seconds)", "behind", "s"),
            Ask("max by (chat) (tg_fetcher_missing_days)", "missing"),
            Ask("max by (chat) (tg_fetcher_overdue_days)", "overdue"),
            Ask("max by (chat) (tg_fetcher_days_with_losses)", "with losses"),
        ),
        width=12,
        height=10,
    ),
    Panel(
        number=19,
        title="Days missing by chat",
        normal="Normal: none; a new chat begins with all days since its first and falls.",
        kind="bars",
        warning=1,
        critical=30,
        asks=(Ask("topk(20, max by (chat) (tg_fetcher_missing_days))", "{{chat}}"),),
        width=6,
        height=10,
    ),
    Panel(
        number=20,
        title="Days with known losses by chat",
        normal="Normal: none. Each names what it lacks; the raw page is kept.",
        kind="bars",
        warning=1,
        asks=(Ask("topk(20, max by (chat) (tg_fetcher_days_with_losses))", "{{chat}}"),),
        width=6,
        height=10,
    ),
    Panel(
        number=26,
        title="Chats by state",
        normal="Normal: all are read. Refused: the account cannot see them; they are asked for once a day.",
        asks=(Ask("max by (state) (tg_fetcher_chats)", "{{state}}"),),
    ),
    Panel(
        number=25,
        title="What waits for a person",
        normal="Normal: 0. Dead letters: tg-fetcher failed list. Days given up: tg-fetcher heal --list.",
        warning=1,
        asks=(
            Ask("max(tg_fetcher_dead_letters)", "dead letters"),
            Ask("max(tg_fetcher_given_up_days)", "days given up"),
            Ask("max(tg_fetcher_events_set_aside)", "events set aside"),
        ),
    ),
    Panel(
        number=24,
        title="Partitions",
        normal="Normal: well below 80,000; Dagster bears 100,000 an asset.",
        warning=80_000,
        critical=95_000,
        asks=(Ask("max by (asset) (tg_fetcher_partitions)", "{{asset}}"),),
    ),
)

GROUND = (
    Panel(
        number=22,
        title="What the monitor reads",
        normal="Normal: 1 for each. 0: the last look was not answered; values of that source are old.",
        asks=(
            Ask("max by (source) (tg_fetcher_source_up)", "{{source}}"),
            Ask('max(up{job="tg-fetcher"})', "the monitor itself"),
        ),
    ),
    Panel(
        number=21,
        title="Since each source was read",
        normal="Normal: below 30 s. Above 120 s what is shown of it cannot be believed.",
        unit="s",
        warning=60,
        critical=120,
        asks=(Ask("max by (source) (tg_fetcher_source_age_seconds)", "{{source}}"),),
    ),
    Panel(
        number=28,
        title="What the monitor takes",
        normal="Normal: a scrape below 0.1 s, a look at a source below 1 s.",
        unit="s",
        warning=1,
        critical=5,
        asks=(
            Ask("max(tg_fetcher_scrape_duration_seconds)", "scrape"),
            Ask("max by (source) (tg_fetcher_source_duration_seconds)", "{{source}}"),
        ),
    ),
    Panel(
        number=23,
        title="Free disk",
        normal="Normal: more than 10 % of the file system; the dashed lines are 10 % and 3 %.",
        unit="percentunit",
        warning=0.1,
        critical=0.03,
        falling=True,
        asks=(Ask("folder:tg_fetcher_disk_free:ratio", "{{folder}}"),),
    ),
    Panel(
        number=29,
        title="Free disk and the ledger, in bytes",
        normal="Normal: the ledger takes about 1 KB for each day of a chat; a backup as much again.",
        unit="bytes",
        asks=(
            Ask("min by (folder) (tg_fetcher_disk_free_bytes)", "free, {{folder}}"),
            Ask("max(tg_fetcher_ledger_size_bytes)", "the ledger"),
        ),
    ),
    Panel(
        number=30,
        title="Measures in no total yet",
        normal="Normal: below some thousands; the monitor adds them up every few seconds.",
        warning=20_000,
        critical=100_000,
        asks=(Ask("max(tg_fetcher_uncounted_measures)", "measures"),),
    ),
)

OVERVIEW = Frame(
    uid="tg-fetcher-overview",
    title="Telegram fetcher: overview",
    says="Does it work, is it late, is anything lost, what waits for a person.",
    rows={
        "At a glance": AT_A_GLANCE,
        "Fetching": FETCHING,
        "Waiting": WAITING,
        "Chats": CHATS,
        "What it stands on": GROUND,
    },
)
