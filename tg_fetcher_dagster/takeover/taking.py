"""What every step of a takeover is given: where from, where to, and what it came to.

What was taken over is put aside under `.before-ledger/`, in the same places, and nothing is deleted. Each
step writes into the ledger first and puts aside then, so that a step which was killed is done again and
comes to the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from tg_fetcher_dagster.durable_files import storage_failures
from tg_fetcher_dagster.folders import make_folder
from tg_fetcher_dagster.ledger.database import Ledger

ASIDE: Final = ".before-ledger"
"""Folder of DATA_DIR, and of SESSION_DIR, that keeps what was taken over."""

AT_ONCE: Final = 500
"""Rows of one transaction, and files in memory at a time."""

LINES: Final = 100
"""Files that are named; of more only the number is told."""

T = TypeVar("T")


@dataclass(slots=True)
class Report:
    """What a takeover found.

    Attributes:
        counts: what -> how many were taken over.
        left: a line for each file that stays where it is, because it is not what its place says.
        left_count: how many those are in all.
        holders: the folders that such files keep where they are.
    """

    counts: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    left_count: int = 0
    holders: set[Path] = field(default_factory=set)

    def leave(self, what: Path | str, why: str) -> None:
        """Names something that stays where it is."""
        self.left_count += 1
        if isinstance(what, Path):
            self.holders.update(what.parents)
        if len(self.left) < LINES:
            self.left.append(f"{what}: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """One takeover.

    Attributes:
        data_dir: DATA_DIR.
        session_dir: SESSION_DIR.
        ledger: where it goes; None where nothing is to be changed.
        report: what it comes to.
    """

    data_dir: Path
    session_dir: Path
    ledger: Ledger | None
    report: Report = field(default_factory=Report)

    def put_rest_aside(self, folder: Path) -> None:
        """Puts a folder aside, but for the files that stay and for what stands beside them.

        Raises:
            FetchError: (storage) the disk refused.
        """
        if folder not in self.report.holders:
            if folder.exists():
                self.put_aside(folder)
            return
        for name in names(folder):
            if (folder / name).is_dir():
                self.put_rest_aside(folder / name)

    def put_aside(self, path: Path) -> None:
        """Puts a file, or a folder with all that is in it, aside; what is aside already stays.

        Raises:
            FetchError: (storage) the disk refused.
        """
        if self.ledger is None:
            return
        root = self.session_dir if path.is_relative_to(self.session_dir) else self.data_dir
        with storage_failures(path):
            _move(path, root / ASIDE / path.relative_to(root))


def _move(path: Path, target: Path) -> None:
    if path.is_dir() and target.is_dir():
        for each in sorted(path.iterdir()):
            _move(each, target / each.name)
        path.rmdir()
        return
    if target.exists():
        target = next(
            name
            for number in range(2, 1_000_000)
            if not (name := target.with_name(f"{target.name}.{number}")).exists()
        )
    make_folder(target.parent)
    path.replace(target)


def in_parts(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Yields the items in lists of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def names(folder: Path) -> list[str]:
    """Returns the names in a folder, sorted; none where there is no such folder."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
