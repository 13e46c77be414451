"""Folders that are there after a power cut, no more open than the one that they stand in.

Whoever may not look into a folder may not read what is in it either: a new folder has the modes that the
process's umask gives, without those that its parent lacks (0750 gives 0750).
"""

import os
import stat
from pathlib import Path

from tg_fetcher_dagster.errors import ErrorType, FetchError

CLOSED = 0o750
"""The mode of a DATA_DIR that is made anew, where no setting says otherwise."""
PRIVATE = 0o700
"""The mode of a folder that is nobody's business but ours."""


def make_folder(folder: Path, *, mode: int | None = None) -> None:
    """Makes a folder and its parents where they are missing, durably.

    Args:
        folder: one that is there stays as it is.
        mode: of this folder where it is made now; else what its parent's mode leaves.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o777 if mode is None else mode, exist_ok=True)
    if mode is None:
        made = stat.S_IMODE(folder.stat().st_mode)
        allowed = stat.S_IMODE(folder.parent.stat().st_mode) | stat.S_ISGID
        if made & ~allowed:
            folder.chmod(made & allowed)
    sync_folder(folder.parent)


def refuse_links(*folders: Path) -> None:
    """Refuses folders that are symbolic links: what is written through one lands somewhere else.

    Raises:
        FetchError: (validation) one of them is.
    """
    for folder in folders:
        if folder.is_symlink():
            raise FetchError(
                ErrorType.VALIDATION,
                f"{folder} is a symbolic link, and nothing is written through one: put the folder itself"
                " there (DATA_DIR may be a link)",
            )


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
