"""Whether this process pushes its lines to a Loki, and to which: LOKI_URL."""

import atexit
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from tg_fetcher_dagster.logs.origin import origin_of
from tg_fetcher_dagster.settings import Settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.logs.loki import LokiPush

PUSH_PATH: Final = "/loki/api/v1/push"
"""grafana.com, "Loki HTTP API", Push log entries."""

LABELS: Final = ("service", "environment", "host")
"""Labels of every line, besides `level`: few values each. Never a chat, a date, a run or an id."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where lines go.

    Attributes:
        url: of Loki's push, without the user and the password.
        auth: those.
        labels: of every line.
    """

    url: str
    auth: tuple[str, str] | None
    labels: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, settings: Settings) -> "Destination | None":
        """Returns what LOKI_URL says; None where it is not set."""
        if settings.loki_url is None:
            return None
        parts = urlsplit(settings.loki_url)
        credentials, _, address = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        path = parts.path if parts.path.strip("/") else PUSH_PATH
        origin = origin_of(settings)
        return cls(
            url=urlunsplit((parts.scheme, address, path, parts.query, "")),
            auth=(unquote(user), unquote(password)) if credentials else None,
            labels=tuple((name, origin[name]) for name in LABELS),
        )


_now: "tuple[Destination, LokiPush] | None" = None


def loki_push(settings: Settings) -> "LokiPush | None":
    """Returns this process' push to Loki, begun where it was not; None where there is none.

    One that goes elsewhere than the settings say, or was the parent's of a fork, is ended first.
    """
    global _now  # noqa: PLW0603 - a process has one log, and it goes to one place
    wanted = Destination.of(settings)
    if _now is not None and (_now[0] != wanted or not _now[1].is_of_this_process):
        end_shipping()
    if wanted is None:
        return None
    if _now is None:
        from tg_fetcher_dagster.logs.loki import LokiPush  # noqa: PLC0415 - requests loads slowly

        _now = wanted, LokiPush(wanted.url, dict(wanted.labels), auth=wanted.auth)
        atexit.register(end_shipping)
    return _now[1]


def end_shipping() -> None:
    """Pushes the last lines, for a bounded time, and says how many did not get there."""
    global _now
    ending, _now = _now, None
    if ending is None:
        return
    atexit.unregister(end_shipping)
    lost = ending[1].close()
    if lost and sys.stderr is not None:
        # No log line any more: it would have to be pushed, too.
        sys.stderr.write(f"{lost} log lines did not reach Loki; they are above\n")
