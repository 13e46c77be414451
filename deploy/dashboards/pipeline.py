"""The pipeline's hops: where an ask is on its way from the queue to its event."""

from deploy.dashboards.frame import Frame
from deploy.dashboards.panels import Ask, Panel

WAY = (
    Panel(
        number=1,
        title="Each hop, half of the asks",
        normal="Normal: queue and plan below 2 s, start below 10 s, publish below 1 s.",
        unit="s",
        asks=(
            Ask(
                "histogram_quantile(0.5, hop_le:tg_fetcher_hop_duration_seconds_bucket:increase1h)", "{{hop}}"
            ),
        ),
    ),
    Panel(
        number=3,
        title="Each hop, 95 of 100 asks",
        normal="Normal: within a few times of the half; start grows while a backlog is worked off.",
        unit="s",
        asks=(
            Ask(
                "histogram_quantile(0.95, hop_le:tg_fetcher_hop_duration_seconds_bucket:increase1h)",
                "{{hop}}",
            ),
        ),
    ),
    Panel(
        number=2,
        title="From the ask to its last day",
        normal="Normal: seconds for one day, hours for a year. By who asked, 95 of 100.",
        unit="s",
        asks=(
            Ask(
                "histogram_quantile(0.95, sum by (source, le)"
                " (increase(tg_fetcher_request_duration_seconds_bucket[6h])))",
                "{{source}}",
            ),
        ),
    ),
    Panel(
        number=4,
        title="Asks an hour by who asks",
        normal="Normal: the schedule once a day, heal with it, redis as the producers like.",
        kind="stack",
        asks=(Ask("sum by (source) (increase(tg_fetcher_requests_total[1h]))", "{{source}}"),),
    ),
    Panel(
        number=16,
        title="Refused asks an hour",
        normal="Normal: 0. A producer sends what makes no sense; each is told in a fetch_failed event.",
        warning=1,
        asks=(Ask("sum by (source) (increase(tg_fetcher_refused_requests_total[1h]))", "{{source}}"),),
    ),
    Panel(
        number=5,
        title="Asks that have not ended",
        normal="Normal: few; each stands for one day up to a chat's whole history.",
        asks=(Ask("max by (state) (tg_fetcher_open_requests)", "{{state}}"),),
    ),
)

RUNS = (
    Panel(
        number=6,
        title="Runs under way",
        normal="Normal: as many STARTED as the limits allow while work waits, a few QUEUED.",
        asks=(Ask("max by (state) (tg_fetcher_active_runs)", "{{state}}"),),
    ),
    Panel(
        number=7,
        title="The oldest run in each state",
        normal="Normal: STARTING below a minute; STARTED as long as 31 days of a chat take.",
        unit="s",
        warning=300,
        critical=14_400,
        asks=(Ask("max by (state) (tg_fetcher_oldest_run_age_seconds)", "{{state}}"),),
    ),
    Panel(
        number=8,
        title="Runs an hour by how they ended",
        normal="Normal: succeeded; waits for floods; died means that something killed a process.",
        kind="stack",
        asks=(Ask("sum by (end) (increase(tg_fetcher_runs_total[1h]))", "{{end}}"),),
    ),
    Panel(
        number=11,
        title="Pool slots",
        normal="Normal: claimed up to the limit while work waits; pending runs wait for a slot.",
        asks=(Ask("max by (pool, state) (tg_fetcher_pool_slots)", "{{pool}} {{state}}"),),
    ),
    Panel(
        number=14,
        title="Tries after the first, an hour",
        normal="Normal: a few of requests; of days only after something has failed.",
        kind="stack",
        asks=(Ask("sum by (what) (increase(tg_fetcher_retries_total[1h]))", "{{what}}"),),
    ),
    Panel(
        number=18,
        title="Runs under way by job",
        normal="Normal: fetch_days leads; __ASSET_JOB stands for runs from the UI.",
        kind="stack",
        asks=(Ask("max by (job_name, state) (tg_fetcher_job_runs)", "{{job_name}} {{state}}"),),
    ),
    Panel(
        number=19,
        title="Each job's last run",
        normal="Normal: 0 under failed; a job that nobody has asked for has none.",
        kind="table",
        asks=(
            Ask("time() - max by (job_name) (tg_fetcher_job_last_run_timestamp_seconds)", "ended", "s"),
            Ask("max by (job_name) (tg_fetcher_job_last_run_duration_seconds)", "took", "s"),
            Ask("max by (job_name) (tg_fetcher_job_last_run_failed)", "failed"),
        ),
    ),
    Panel(
        number=20,
        title="Since each asset was materialized",
        normal="Normal: messages within a day; messages_today as often as somebody asks for today.",
        unit="s",
        asks=(Ask("time() - max by (asset) (tg_fetcher_asset_materialized_timestamp_seconds)", "{{asset}}"),),
    ),
    Panel(
        number=15,
        title="Dead letters",
        normal="Normal: 0 kept. tg-fetcher failed list names them, failed retry asks again.",
        warning=1,
        critical=20,
        asks=(
            Ask("max(tg_fetcher_dead_letters)", "kept"),
            Ask("sum(increase(tg_fetcher_dead_letters_total[1h]))", "new in the hour"),
        ),
    ),
)

CLOCKWORK = (
    Panel(
        number=9,
        title="Since each sensor ticked",
        normal="Normal: below 30 s for sensors, up to a day for the schedule.",
        unit="s",
        warning=120,
        critical=600,
        asks=(Ask("max by (instigator) (tg_fetcher_tick_age_seconds)", "{{instigator}}"),),
    ),
    Panel(
        number=17,
        title="Whose last tick failed",
        normal="Normal: 0 for each; 1: its page in Dagster's UI (Automation) says why.",
        warning=1,
        asks=(Ask("max by (instigator) (tg_fetcher_tick_failed)", "{{instigator}}"),),
    ),
    Panel(
        number=21,
        title="What is switched on, and how it ticked last",
        normal="Normal: 1 under on for each; skipped says that there was nothing to do.",
        kind="table",
        asks=(
            Ask("max by (instigator) (tg_fetcher_instigator_on)", "on"),
            Ask("max by (instigator, end) (tg_fetcher_tick_ended == 1)", "last tick"),
        ),
    ),
    Panel(
        number=10,
        title="Since each daemon was heard of",
        normal="Normal: below 60 s. The line of code errors is 0.",
        unit="s",
        warning=60,
        critical=120,
        asks=(
            Ask("max by (daemon) (tg_fetcher_daemon_heartbeat_age_seconds)", "{{daemon}}"),
            Ask("max(tg_fetcher_code_location_errors)", "code errors (number)"),
        ),
    ),
)

TELLING = (
    Panel(
        number=12,
        title="Events an hour",
        normal="Normal: one for each day that ended; fetch_failed is rare.",
        kind="stack",
        asks=(Ask("sum by (event) (increase(tg_fetcher_events_published_total[1h]))", "{{event}}"),),
        width=12,
    ),
    Panel(
        number=13,
        title="Events that nobody was told of",
        normal="Normal: 0, told within a second; they wait in the ledger while Redis is away.",
        warning=100,
        critical=10_000,
        asks=(
            Ask("max(tg_fetcher_events_pending)", "pending"),
            Ask("max(tg_fetcher_oldest_event_age_seconds)", "the oldest waits (s)"),
            Ask("max(tg_fetcher_events_set_aside)", "set aside"),
        ),
        width=12,
    ),
)

PIPELINE = Frame(
    uid="tg-fetcher-pipeline",
    title="Telegram fetcher: the pipeline's hops",
    says="Where an ask is on its way from the queue to its event, and what holds it up.",
    rows={"The way of an ask": WAY, "Runs": RUNS, "Sensors and daemons": CLOCKWORK, "Telling": TELLING},
)
