"""`tg-fetcher monitor`: metrics and health over HTTP, until Ctrl-C or SIGTERM."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tg_fetcher_dagster.cli.console import say


def monitor(
    host: Annotated[str | None, typer.Option(help="The address to listen on (MONITOR_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port to listen on (METRICS_PORT).")
    ] = None,
) -> None:
    """Show metrics and health over HTTP: /metrics, /health, /health/live, /health/ready."""
    from tg_fetcher_dagster.logs.lines import configure_logging
    from tg_fetcher_dagster.monitoring.app import application
    from tg_fetcher_dagster.monitoring.serving import listening_socket, serve
    from tg_fetcher_dagster.monitoring.sources import sources_of
    from tg_fetcher_dagster.monitoring.watching import Watching
    from tg_fetcher_dagster.settings import Settings

    if "DAGSTER_HOME" not in os.environ and (Path(".dagster_home") / "dagster.yaml").exists():
        os.environ["DAGSTER_HOME"] = str(Path(".dagster_home").resolve())  # that of `make dev`
    settings = Settings.read()
    configure_logging(settings)
    where = host or settings.monitor_host, port or settings.metrics_port
    listening = listening_socket(*where)
    with Watching(sources_of(settings)) as watching:
        serve(application(watching), listening, begun=lambda: say(f"http://{where[0]}:{where[1]}/metrics"))
