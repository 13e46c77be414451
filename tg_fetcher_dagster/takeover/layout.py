"""Which layout a DATA_DIR has, by its note `.store.json`; and who still works in an old one.

While a takeover is under way the note names neither layout, so that neither version works there.
"""

import fcntl
import os
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from tg_fetcher_dagster.durable_files import write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import BEFORE_THE_LEDGER
from tg_fetcher_dagster.storage.paths import STORE_FORMAT

BETWEEN: Final = "half taken over"
OLD_FORMAT: Final = 1

Layout = Literal["none", "old", "between", "present"]


def layout_of(data_dir: Path) -> Layout:
    """Returns which layout a folder has; `none` where there is nothing of either.

    Raises:
        FetchError: (storage) its note cannot be read; (validation) it is of a newer version.
    """
    note = _note(data_dir)
    if note is None:
        return "old" if any((data_dir / name).exists() for name in BEFORE_THE_LEDGER) else "none"
    match note.get("format"):
        case layout if layout == BETWEEN:
            return "between"
        case layout if layout == OLD_FORMAT:
            return "old"
        case layout if layout == STORE_FORMAT:
            return "present"
        case layout:
            raise FetchError(
                ErrorType.VALIDATION,
                f"{data_dir} has layout {layout!r} and this version reads {STORE_FORMAT}",
            )


def set_layout(data_dir: Path, layout: int | str, *, timezone: str) -> None:
    """Notes the layout of a folder; its zone stays where one is noted.

    Raises:
        FetchError: (storage) the disk refused.
    """
    note = {"timezone": timezone, **(_note(data_dir) or {}), "format": layout}
    write_whole(data_dir / ".store.json", orjson.dumps(note))


def runs_under_way(data_dir: Path) -> list[str]:
    """Returns the runs whose process lives: it holds its mark (`.runs/{run}.lock`)."""
    return [mark.stem for mark in sorted((data_dir / ".runs").glob("*.lock")) if _is_held(mark)]


def _is_held(mark: Path) -> bool:
    try:
        descriptor = os.open(mark, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _note(data_dir: Path) -> dict[str, Any] | None:
    path = data_dir / ".store.json"
    try:
        note = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"cannot read {path}: {error.strerror}") from error
    except orjson.JSONDecodeError:
        note = None
    if not isinstance(note, dict):
        raise FetchError(
            ErrorType.STORAGE, f"{path} is damaged: restore it or remove it if TIMEZONE never changed"
        )
    return note
