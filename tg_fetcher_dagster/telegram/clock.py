"""What time it is for Telegram: that decides which day is over, never the machine's clock.

Each connection begins with `help.getConfig`, which says Telegram's date; the monotonic clock carries it on.
How far the machine's clock is off is kept beside the sessions (it is this machine's, whatever the account),
for those who decide on a day without asking Telegram: ticks, schedules, "yesterday" on the command line.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.pacing import Timing
from tg_fetcher_dagster.telegram.small_files import read_small, write_small

log = structlog.get_logger(__name__)

TOLERANCE = timedelta(minutes=1)
"""A clock that is off by less is right: Telegram tells whole seconds, some of them old when they arrive,
and a schedule at midnight must not fall into the day before."""

HOLDS_FOR = timedelta(days=2)
"""An older finding is not believed: the clock may have been set right since."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TelegramClock:
    """Telegram's time in this process, and its difference from the machine's for the others.

    Attributes:
        is_told: whether Telegram has said its time in this process. Without, no day may be called over.
    """

    def __init__(self, path: Path, *, timing: Timing | None = None) -> None:
        """Takes the file of `clock_path`."""
        self._path = path
        self._timing = timing or Timing()
        self._told: tuple[datetime, float] | None = None

    @property
    def is_told(self) -> bool:
        """Whether Telegram has said its time in this process."""
        return self._told is not None

    def now(self) -> datetime:
        """Returns Telegram's time, aware, in UTC; the best guess where Telegram has not told it."""
        if self._told is None:
            wall = self._wall()
            return wall + _kept(self._path, wall)
        date, at = self._told
        return date + timedelta(seconds=self._timing.monotonic() - at)

    def tell(self, date: datetime) -> None:
        """Takes `help.getConfig().date`, and keeps how far the machine's clock is off.

        A clock that has begun to be off, or is right again, is told in the log once.
        """
        self._told = (date, self._timing.monotonic())
        wall = self._wall()
        was_off = _worth_telling(_kept(self._path, wall))
        write_small(self._path, {"seconds": (date - wall).total_seconds(), "at": wall.timestamp()})
        off = _worth_telling(date - wall)
        if bool(off) != bool(was_off):
            tell = log.warning if off else log.info
            tell("the machine's clock is off" if off else "the machine's clock is right again", off=told(off))

    def _wall(self) -> datetime:
        return _EPOCH + timedelta(seconds=self._timing.wall())


def clock_path(session_dir: Path) -> Path:
    """Where the difference is kept: the folder of this machine's sessions."""
    return session_dir / ".clock.json"


def clock_difference(settings: Settings) -> timedelta:
    """Returns how far Telegram's time is from the machine's; zero where the clock passes for right."""
    return _worth_telling(_kept(clock_path(settings.session_dir), datetime.now(UTC)))


def telegram_now(settings: Settings) -> datetime:
    """Returns Telegram's time as far as it is known here, aware, in UTC; asks nobody but the disk."""
    wall = datetime.now(UTC)
    return wall + _kept(clock_path(settings.session_dir), wall)


def planning_now(settings: Settings) -> datetime:
    """Returns the time by which it is decided what "yesterday" is; see `planning_time`."""
    return planning_time(settings, datetime.now(UTC))


def planning_time(settings: Settings, moment: datetime) -> datetime:
    """Returns what time it is for Telegram when the machine's clock says `moment`, and never a later one.

    Dagster makes a day's partition by the machine's clock, and the day cannot be asked for before. So a clock
    that is behind makes days come later; one that is ahead does not make them end too early. A clock that is
    right within `TOLERANCE` is left alone: a schedule at midnight must not fall into the day before.
    """
    off = _worth_telling(_kept(clock_path(settings.session_dir), moment))
    return moment + min(off, timedelta(0))


def told(off: timedelta) -> str:
    """Returns a difference for people: `1 day, 0:00:05 ahead` where Telegram's time is that much behind."""
    seconds = timedelta(seconds=round(abs(off).total_seconds()))
    return f"{seconds} {'ahead' if off < timedelta(0) else 'behind'}" if seconds else "right"


def _worth_telling(off: timedelta) -> timedelta:
    return off if abs(off) > TOLERANCE else timedelta(0)


def _kept(path: Path, wall: datetime) -> timedelta:
    """Returns the difference that was found last; zero where none was of late."""
    kept = read_small(path)
    try:
        off = timedelta(seconds=kept["seconds"])
        known_for = abs(wall - (_EPOCH + timedelta(seconds=kept["at"])))
    except (KeyError, TypeError, ValueError, OverflowError):
        return timedelta(0)  # nothing is kept, or nothing that makes sense
    return off if known_for <= HOLDS_FOR else timedelta(0)
