"""Small facts beside the sessions: written whole or not at all, and never worth failing a run for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.durable_files import write_whole
from tg_fetcher_dagster.errors import FetchError

log = structlog.get_logger(__name__)

PRIVATE = 0o600
"""The mode of all that stands in SESSION_DIR, whatever DATA_FILE_MODE says."""


def write_small(path: Path, facts: Mapping[str, Any]) -> None:
    """Keeps facts as JSON; where the disk refuses, they hold in this process alone and the log says so."""
    try:
        write_whole(path, orjson.dumps(facts), durable=False, mode=PRIVATE)
    except FetchError as error:
        log.warning("not kept", path=str(path), error=error.message)


def read_small(path: Path) -> dict[str, Any]:
    """Returns the facts that are kept; none where there is no file, or one that cannot be read."""
    try:
        kept = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, orjson.JSONDecodeError) as error:
        log.warning("not readable", path=str(path), error=str(error))
        return {}
    return kept if isinstance(kept, dict) else {}
