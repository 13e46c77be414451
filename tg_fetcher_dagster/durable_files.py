"""Files that are there whole or not at all: drafts beside their place, fsync, rename, fsync of the folder.

A draft's name starts with a dot and holds the writer's pid, and the writer keeps an advisory lock on it. So
the next writer can tell what a killed one left behind (nobody holds its lock) from what a live one is
writing, also where every container's process is pid 1. The lock goes with the process, whatever ends it.

Whoever may not look into a folder may not read what is written there either: a new file or folder has the
modes that the process's umask gives, without those that its folder lacks (0750 gives 0640 and 0750). So the
mode of DATA_DIR, or of SESSION_DIR, is the mode of all that is in it.
"""

import errno
import fcntl
import hashlib
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

from filelock import FileLock, Timeout

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.folders import make_folder, sync_folder

CHUNK = 256 * 1024
"""Bytes that are copied, hashed or buffered at a time."""
PRIVATE_FILE = 0o600
"""The mode of a file of that kind, whatever DATA_FILE_MODE says."""
LOCK_SECONDS = 60.0
"""How long another process may hold a lock of ours: it is held for renames only, never for a fetch."""

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space there",
    errno.EDQUOT: "the disk quota is used up: free some space there",
    errno.EFBIG: "the file would be larger than allowed: raise the limit (ulimit -f)",
    errno.EROFS: "the file system is read-only: mount it for writing or set another folder",
    errno.EACCES: "no permission: let this user write there or set another folder",
    errno.EPERM: "no permission: let this user write there or set another folder",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away",
    errno.EEXIST: "a file stands where a folder is needed: move it away",
    errno.EISDIR: "a folder stands where a file is needed: move it away",
    errno.EIO: "the disk reported an error: check it",
}
_draft_numbers = itertools.count()


@contextmanager
def storage_failures(path: Path) -> Iterator[None]:
    """Turns what the disk refuses into one line that names the path and what to do.

    Raises:
        FetchError: (storage) for any OSError of the block.
    """
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, error.strerror or type(error).__name__)
        raise FetchError(ErrorType.STORAGE, f"cannot write {error.filename or path}: {advice}") from error


class Draft:
    """A file on its way to its place; `publish` puts it there whole, `discard` leaves nothing behind.

    Attributes:
        target: its place.
        path: where it is written until then: in the folder of its target, the name starting with a dot.
        file: to be written to.
    """

    def __init__(self, target: Path, *, mode: int | None = None) -> None:
        self.target = target
        self.path, self.file = _open_locked(target)
        os.fchmod(self.file.fileno(), _shared_with(target.parent, self.file) if mode is None else mode)

    def seal(self) -> None:
        """Makes what was written durable, still under the draft's name."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def publish(self, target: Path | None = None) -> None:
        """Puts the sealed draft in its place, or in another one on the same disk.

        The folder's own fsync is the caller's (`sync_folder`).
        """
        os.replace(self.path, target or self.target)  # noqa: PTH105 - the tests' kills hook in here
        self.file.close()

    def release(self) -> None:
        """Leaves the sealed draft to whoever puts it in its place: `discard` does nothing any more."""
        self.file.close()

    def discard(self) -> None:
        """Removes the draft; after `publish` or `release`, and a second time, it does nothing."""
        if self.file.closed:
            return
        self.path.unlink(missing_ok=True)
        with suppress(OSError):  # what could not be flushed is thrown away anyway
            self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def _open_locked(target: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = target.with_name(f".{target.name}.{os.getpid()}.{next(_draft_numbers)}.tmp")
        try:
            file = path.open("xb", buffering=CHUNK)
        except FileExistsError:
            continue
        # A cleaner may have seen the file before its lock: such a draft is given up and begun again.
        if _lock(file) and os.fstat(file.fileno()).st_nlink:
            return path, file
        file.close()


def _shared_with(folder: Path, file: BinaryIO) -> int:
    return stat.S_IMODE(os.fstat(file.fileno()).st_mode) & stat.S_IMODE(folder.stat().st_mode)


def _lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _none(_draft: Path) -> bool:
    return False


def remove_leftovers(folder: Path, prefix: str, *, is_spared: Callable[[Path], bool] = _none) -> int:
    """Removes the drafts of dead writers in `folder` whose names start with `.{prefix}`; returns how many.

    Args:
        folder: where they are.
        prefix: how the names of their targets begin.
        is_spared: whether a draft is to be put in its place yet; asked once its writer is known to be dead,
            so that what the writer had noted of it is there.
    """
    removed = 0
    if not folder.is_dir():
        return removed
    for entry in os.scandir(folder):
        if not (entry.name.startswith(f".{prefix}") and entry.name.endswith(".tmp")):
            continue
        with suppress(FileNotFoundError), Path(entry.path).open("rb") as file:
            if _lock(file) and not is_spared(Path(entry.path)):
                Path(entry.path).unlink()
                removed += 1
    return removed


def write_whole(path: Path, content: bytes, *, durable: bool = True, mode: int | None = None) -> None:
    """Writes a small file: readers see the old content or the new one, never a part.

    Args:
        path: the file; its folder is made where it is missing.
        content: all of it.
        durable: also survive a power cut; without it only a kill.
        mode: the file's, exactly; else what its folder's mode leaves.

    Raises:
        FetchError: (storage) the disk refused; what was there stays.
    """
    with storage_failures(path):
        make_folder(path.parent)
        with Draft(path, mode=mode) as draft:
            draft.file.write(content)
            if durable:
                draft.seal()
            else:
                draft.file.flush()
            draft.publish()
        if durable:
            sync_folder(path.parent)


def write_once(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Writes a small file durably where there is none: of two processes at once the first one's stays.

    Raises:
        FetchError: (storage) the disk refused.
    """
    with storage_failures(path):
        make_folder(path.parent)
        with Draft(path, mode=mode) as draft:
            draft.file.write(content)
            draft.seal()
            with suppress(FileExistsError):
                os.link(draft.path, path)
        sync_folder(path.parent)


def append_durably(path: Path, content: bytes) -> None:
    """Writes behind what is there; a kill may leave a part of `content`, a power cut too.

    Raises:
        FetchError: (storage) the disk refused.
    """
    with storage_failures(path):
        make_folder(path.parent)
        with path.open("ab") as file:
            os.fchmod(file.fileno(), _shared_with(path.parent, file))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds the lock file `path` against all other processes of this machine.

    Raises:
        FetchError: (storage) another process kept it for more than LOCK_SECONDS.
    """
    with storage_failures(path):
        make_folder(path.parent)
        lock = FileLock(path, timeout=LOCK_SECONDS, mode=0o644 & stat.S_IMODE(path.parent.stat().st_mode))
        try:
            lock.acquire()
        except Timeout:
            raise FetchError(
                ErrorType.STORAGE, f"another process has held {path} for over {LOCK_SECONDS:.0f} s: try again"
            ) from None
    try:
        yield
    finally:
        lock.release()


def sha256_of(path: Path) -> str | None:
    """The SHA-256 of a file's bytes in hex; None where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
