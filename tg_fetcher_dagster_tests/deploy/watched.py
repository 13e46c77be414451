"""A deployment, and the Prometheus that watches it."""

import math
import subprocess
from dataclasses import dataclass

from tg_fetcher_dagster_tests.deploy.prometheus_processes import Prometheus
from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, Deployment

ENDS = ("messages_fetched", "fetch_skipped", "fetch_failed")


@dataclass(frozen=True)
class Watched:
    """A deployment, and the Prometheus that watches it."""

    deployment: Deployment
    prometheus: Prometheus

    def value(self, expression: str) -> float | None:
        """Returns the one value of an expression now; None where it has none."""
        found = self.prometheus.query(expression)
        return float(found[0]["value"][1]) if found else None

    def numbers(self, expression: str) -> list[float]:
        """Returns the values of an expression now that are numbers."""
        values = [float(series["value"][1]) for series in self.prometheus.query(expression)]
        return [value for value in values if not math.isnan(value)]

    def fetch_here(self, *chats: str, days: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        """Fetches days of chats (the first, the last) in a process of its own, without the daemon."""
        deployment = self.deployment
        return subprocess.run(
            [PROGRAMS / "tg-fetcher", "fetch", *chats, "--from", days[0], "--to", days[1], "--direct"],
            env=deployment.environment, cwd=deployment.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def until_true(self, expression: str, *, what: str) -> None:
        """Waits until an expression has a series, as an alert's expression has while it is true."""
        self.deployment.until(lambda: bool(self.prometheus.query(expression)), what=what)

    def until_over(self, expression: str, *, what: str) -> None:
        """Waits until an expression has no series any more."""
        self.deployment.until(lambda: not self.prometheus.query(expression), what=what)

    def until_answered(self, *commands: str) -> None:
        """Waits until each command has been told an end of each of its days, and all is counted."""
        wanted = set(commands)
        self.deployment.until(
            lambda: (
                wanted <= {each for event in self.deployment.events(*ENDS) for each in event["command_ids"]}
            ),
            what="an end of each command",
        )
        self.until_true(
            "sum(tg_fetcher_open_days) == 0 and sum(tg_fetcher_queue_length) == 0"
            " and max(tg_fetcher_uncounted_measures) == 0",
            what="a quiet monitor",
        )
