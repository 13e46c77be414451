"""Small files beside the sessions: for their owner only, written whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError

log = structlog.get_logger(__name__)


def write_private(path: Path, body: bytes) -> None:
    """Keeps a file for good.

    Raises:
        FetchError: (storage) the disk refuses.
    """
    try:
        _replace(path, body)
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"{path} cannot be written: {error}") from error


def write_small(path: Path, facts: Mapping[str, Any]) -> None:
    """Keeps facts as JSON; where the disk refuses, they hold in this process alone and the log says so.

    They are never worth failing a run for.
    """
    try:
        _replace(path, orjson.dumps(facts))
    except OSError as error:
        log.warning("not kept", path=str(path), error=str(error))


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


def temporary_file(folder: Path, body: bytes) -> Path:
    """Returns a synced file in a folder; mkstemp makes it readable for its owner only.

    Raises:
        OSError: the disk refuses; nothing is left then.
    """
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".new-")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _replace(path: Path, body: bytes) -> None:
    temporary = temporary_file(path.parent, body)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
