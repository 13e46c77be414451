"""Whether an SQLite file may stand where it is to stand: never on a network file system.

Its log is shared memory of one host, and a network's locks lose writes (sqlite.org, "Write-Ahead Logging",
2.; "How To Corrupt An SQLite Database File", 2.1).
"""

import re
from pathlib import Path
from typing import Final

from tg_fetcher_dagster.errors import ErrorType, FetchError

MOUNTS: Final = Path("/proc/self/mountinfo")
"""What is mounted where on Linux (proc(5)); without it nothing is known, and nothing refused."""

NETWORK: Final = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "moosefs",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "smb3",
        "smbfs",
    }
)
"""File systems that several hosts may write at once; those over FUSE read `fuse.` before the name."""

NETWORK_FUSE: Final = frozenset(
    {"ceph", "glusterfs", "lizardfs", "mfs", "moosefs", "rclone", "s3fs", "sshfs", "davfs", "juicefs"}
)

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def file_system_of(mounts: str, path: Path) -> str | None:
    """Returns the type of the file system that a path is on; None where no mount is told of.

    Args:
        mounts: the text of `/proc/self/mountinfo`.
        path: absolute, without links.
    """
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields, types = before.split(), after.split()
        if not separator or len(fields) < 5 or not types:  # noqa: PLR2004 - the mount point is the fifth
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # Of two mounts on one point the later one covers the earlier.
        if path.is_relative_to(point) and (found is None or len(point.parts) >= found[0]):
            found = (len(point.parts), types[0])
    return found[1] if found else None


def is_network(file_system: str) -> bool:
    """True for a file system that is reached through a network."""
    return file_system in NETWORK or file_system.removeprefix("fuse.") in NETWORK_FUSE


def require_local(path: Path) -> None:
    """Refuses an SQLite file on a network file system.

    Raises:
        FetchError: (validation) it is on one.
    """
    try:
        mounts = MOUNTS.read_text(errors="replace")
    except OSError:
        return
    file_system = file_system_of(mounts, path.resolve())
    if file_system is not None and is_network(file_system):
        raise FetchError(
            ErrorType.VALIDATION,
            f"the ledger {path} would stand on a network file system ({file_system}), where SQLite loses"
            " writes: set LEDGER_URL to a Postgres database, or to sqlite:////a/folder/of/this/host",
        )
