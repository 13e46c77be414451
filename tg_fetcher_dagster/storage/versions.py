"""Earlier contents of a day: what a re-fetch replaced is kept beside it, never overwritten.

A version is named after its day file's time and checksum, so that keeping it again after a kill is the same
version, and two contents are never taken for one.
"""

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from tg_fetcher_dagster.durable_files import CHUNK, Draft
from tg_fetcher_dagster.folders import make_folder, sync_folder
from tg_fetcher_dagster.storage.paths import DayPaths

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.EMLINK, errno.ENOSYS})
_CHECKSUM_DIGITS = 12


def keep_version(paths: DayPaths, checksum: str) -> Path:
    """Keeps the present day file and its raw file, which stay in their places; returns the kept day file.

    Args:
        paths: the day.
        checksum: the present day file's SHA-256.

    Raises:
        OSError: the disk refused; nothing of the day has changed.
    """
    taken = datetime.fromtimestamp(paths.day_file.stat().st_mtime, UTC)
    kept = paths.versions / f"{taken:%Y%m%dT%H%M%SZ}-{checksum[:_CHECKSUM_DIGITS]}.json"
    # The day file comes last and so says that its raw file is kept, too. By the time of a second try after a
    # kill the raw file in its place may already be the new one.
    if not kept.exists():
        make_folder(paths.versions)
        if paths.raw.exists():
            _link(paths.raw, kept.with_suffix(".jsonl.zst"))
        _link(paths.day_file, kept)
        sync_folder(paths.versions)
    return kept


def version_with(paths: DayPaths, checksum: str) -> Path | None:
    """Returns the kept day file with that SHA-256, if there is one."""
    return next(iter(sorted(paths.versions.glob(f"*-{checksum[:_CHECKSUM_DIGITS]}.json"))), None)


def _link(present: Path, kept: Path) -> None:
    """A second name for the same bytes: costs no space. Copied where the file system has no links."""
    kept.unlink(missing_ok=True)
    try:
        os.link(present, kept)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with Draft(kept) as draft, present.open("rb") as file:
            shutil.copyfileobj(file, draft.file, CHUNK)
            draft.seal()
            draft.publish()
