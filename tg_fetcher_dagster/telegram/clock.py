"""What time it is for Telegram: that decides which day is over, never the machine's clock.

Each connection begins with `help.getConfig`, which says Telegram's date; the monotonic clock carries it on.
How far the machine's clock is off is kept beside the sessions (it is this machine's, whatever the account),
for those who decide on a day without asking Telegram: ticks, schedules, "yesterday" on the command line.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import structlog

from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.durable_files import PRIVATE_FILE, write_whole
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)

TOLERANCE = timedelta(minutes=1)
"""A machine's clock that is off by less gives the instants: Telegram tells whole seconds, some of them old
when they arrive, and what two processes note within a second must keep its order."""

HOLDS_FOR = timedelta(days=2)
"""An older finding is not believed: the clock may have been set right since."""

_NOTHING = timedelta(0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Told:
    """What a connection has said.

    Attributes:
        now: the time when it came, by the machine's clock and what is added to it.
        at: the same moment on the monotonic clock.
        ahead: how much `now` is ahead of what Telegram said.
    """

    now: datetime
    at: float
    ahead: timedelta


class TelegramClock:
    """Telegram's time in this process, and its difference from the machine's for the others."""

    def __init__(self, path: Path, *, timing: Timing | None = None) -> None:
        """Takes the file of `clock_path`."""
        self._path = path
        self._timing = timing or Timing()
        self._told: _Told | None = None

    def now(self) -> datetime:
        """Returns the time, aware, in UTC, for what is noted; a guess where Telegram has told none."""
        if self._told is None:
            wall = self._wall()
            return wall + _kept(self._path, wall)
        return self._told.now + timedelta(seconds=self._timing.monotonic() - self._told.at)

    def is_past(self, moment: datetime, *, at: datetime) -> bool:
        """Returns whether a moment was over for Telegram when `now` was `at`; False where it is not known."""
        return self._told is not None and at - self._told.ahead >= moment

    def tell(self, date: datetime) -> None:
        """Takes `help.getConfig().date`, and keeps how far the machine's clock is off.

        A clock that has begun to be off, or is right again, is told in the log once.
        """
        wall = self._wall()
        found, kept = date - wall, _kept(self._path, wall)
        off = next((each for each in (_NOTHING, kept) if abs(found - each) <= TOLERANCE), found)
        self._told = _Told(wall + off, self._timing.monotonic(), wall + off - date)
        _keep(self._path, off, wall)
        if bool(off) != bool(kept):
            tell = log.warning if off else log.info
            tell("the machine's clock is off" if off else "the machine's clock is right again", off=told(off))

    def _wall(self) -> datetime:
        return _EPOCH + timedelta(seconds=self._timing.wall())


def clock_path(session_dir: Path) -> Path:
    """Where the difference is kept: the folder of this machine's sessions."""
    return session_dir / ".clock.json"


def clock_difference(settings: Settings) -> timedelta:
    """Returns what is added to the machine's clock; zero where it is right, or nothing is known of late."""
    return _kept(clock_path(settings.session_dir), datetime.now(UTC))


def telegram_now(settings: Settings) -> datetime:
    """Returns Telegram's time as far as it is known here, aware, in UTC; asks nobody but the disk."""
    return datetime.now(UTC) + clock_difference(settings)


def planning_now(settings: Settings) -> datetime:
    """Returns the time by which it is decided what "yesterday" is; see `planning_time`."""
    return planning_time(settings, datetime.now(UTC))


def planning_time(settings: Settings, moment: datetime) -> datetime:
    """Returns what time it is for Telegram when the machine's clock says `moment`, and never a later one.

    Dagster makes a day's partition by the machine's clock, and the day cannot be asked for before. So a
    clock that is behind makes days come later; one that is ahead does not make them end too early.
    """
    return moment + min(_kept(clock_path(settings.session_dir), moment), _NOTHING)


def told(off: timedelta) -> str:
    """Returns a difference for people: `1 day, 0:00:05 ahead` where Telegram's time is that much behind."""
    seconds = timedelta(seconds=round(abs(off).total_seconds()))
    return f"{seconds} {'ahead' if off < _NOTHING else 'behind'}" if seconds else "right"


def _keep(path: Path, off: timedelta, wall: datetime) -> None:
    """Keeps the difference; where the disk refuses, it holds in this process alone and the log says so."""
    body = orjson.dumps({"seconds": off.total_seconds(), "at": wall.timestamp()})
    try:
        write_whole(path, body, durable=False, mode=PRIVATE_FILE)
    except FetchError as error:
        log.warning("not kept", path=str(path), error=error.message)


def _kept(path: Path, wall: datetime) -> timedelta:
    """Returns the difference that was found last; zero where none was of late."""
    try:
        kept = orjson.loads(path.read_bytes())
        off = timedelta(seconds=kept["seconds"])
        known_for = abs(wall - (_EPOCH + timedelta(seconds=kept["at"])))
    except FileNotFoundError:
        return _NOTHING
    except OSError as error:
        log.warning("not readable", path=str(path), error=str(error))
        return _NOTHING
    except (KeyError, TypeError, ValueError, OverflowError):
        return _NOTHING  # nothing that makes sense
    return off if known_for <= HOLDS_FOR else _NOTHING
