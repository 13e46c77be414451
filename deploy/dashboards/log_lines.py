"""Logs: what every process says, and one command's whole way by its correlation id."""

from grafana_foundation_sdk.builders.dashboard import TextBoxVariable

from deploy.dashboards.frame import Frame
from deploy.dashboards.panels import Ask, Panel

ALL = '{service=~".+"} | json'

COUNTED = (
    Panel(
        number=1,
        title="Lines by level",
        normal="Normal: info; warnings begin and end with a trouble, errors are rare.",
        kind="log_lines",
        asks=(Ask(f"sum by (level) (count_over_time({ALL} [$__auto]))", "{{level}}"),),
        width=12,
    ),
    Panel(
        number=2,
        title="Errors by type",
        normal="Normal: none; rate_limit and account_busy pass by themselves.",
        kind="log_lines",
        asks=(
            Ask(f'sum by (error_type) (count_over_time({ALL} | error_type!="" [$__auto]))', "{{error_type}}"),
        ),
        width=12,
    ),
)

READ = (
    Panel(
        number=3,
        title="Warnings and errors",
        normal="Normal: a line when a trouble begins, one every few minutes, one when it ends.",
        kind="log",
        asks=(Ask(f'{ALL} | level=~"warning|error|critical"', ""),),
        width=24,
        height=10,
    ),
    Panel(
        number=4,
        title="One command from its push to its event",
        normal="Paste its correlation_id above: taken in, planned, fetched, told.",
        kind="log",
        # A line about several commands, such as a run's, names all of theirs in `correlation_ids`.
        asks=(Ask('{service=~".+"} |= "$correlation_id" | json', ""),),
        width=24,
        height=10,
    ),
    Panel(
        number=5,
        title="All lines",
        normal="Everything, newest first; the fields of a line stand in its details.",
        kind="log",
        asks=(Ask('{service=~".+"} |= "$text"', ""),),
        width=24,
        height=12,
    ),
)

LOGS = Frame(
    uid="tg-fetcher-logs",
    title="Telegram fetcher: logs",
    says="What the processes say; one command's way by its correlation id.",
    rows={"How many": COUNTED, "Lines": READ},
    variables=(
        TextBoxVariable("correlation_id").label("correlation_id").default_value(""),
        TextBoxVariable("text").label("Holds").default_value(""),
    ),
    since="now-6h",
)
