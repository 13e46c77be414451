"""Small facts beside the sessions: written whole or not at all, and never worth failing a run for."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import structlog

log = structlog.get_logger(__name__)


def write_small(path: Path, facts: Mapping[str, Any]) -> None:
    """Keeps facts as JSON; where the disk refuses, they hold in this process alone and the log says so."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(facts))
        temporary.replace(path)
    except OSError as error:
        log.warning("not kept", path=str(path), error=str(error))
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


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
