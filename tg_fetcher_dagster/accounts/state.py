"""What Telegram has said of an account: until when it rests, and whether it is set aside.

Everything about where this is kept stands here; what a deadline is worth stands in `pacing.py`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from tg_fetcher_dagster.accounts.small_files import PRIVATE, read_small, write_small
from tg_fetcher_dagster.durable_files import write_whole

log = structlog.get_logger(__name__)


class Quarantine(BaseModel):
    """Why an account is not used until somebody signs in again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: str
    at: AwareDatetime


class StoredState:
    """The state of one account, in two files beside its session."""

    def __init__(self, session_dir: Path, name: str) -> None:
        self._name = name
        self._floods = session_dir / f"{name}.floods.json"
        self._quarantine = session_dir / f"{name}.quarantine.json"

    def __str__(self) -> str:
        return f"account {self._name}"

    def floods(self) -> dict[str, Any]:
        """Returns what is kept as the deadline of each method, as it was kept: judge it before use."""
        return read_small(self._floods)

    def keep_floods(self, until: Mapping[str, float]) -> None:
        """Keeps each method's deadline, seconds since 1970; one that cannot be kept is only logged."""
        write_small(self._floods, until)

    def quarantined(self) -> Quarantine | None:
        """Returns why the account is not used, or None if it may be."""
        try:
            return Quarantine.model_validate_json(self._quarantine.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            # A mark that cannot be read is still a mark.
            return Quarantine(reason=f"its mark is unreadable: {type(error).__name__}", at=datetime.now(UTC))

    def quarantine(self, reason: str) -> None:
        """Sets the account aside until somebody signs in again (telegram.md, 27).

        Raises:
            FetchError: (storage) the mark cannot be written.
        """
        mark = Quarantine(reason=reason, at=datetime.now(UTC))
        write_whole(self._quarantine, mark.model_dump_json().encode(), mode=PRIVATE)
        log.error("account in quarantine", account=self._name, reason=reason)

    def lift(self) -> None:
        """Lets the account be used again."""
        self._quarantine.unlink(missing_ok=True)

    def forget(self) -> None:
        """Removes all that is kept of the account's state."""
        self._floods.unlink(missing_ok=True)
        self.lift()
