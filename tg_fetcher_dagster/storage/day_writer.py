"""Writes one day of one chat: raw file, side files, day file, each whole or not at all.

Everything is written and synced under drafts' names; `moves` then says what goes where, raw file first and
day file last. Whoever commits the day (`fetching.committing`) keeps that in the ledger before the first
rename, so that a kill at any line is made good by the next one who comes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tg_fetcher_dagster.durable_files import Draft, remove_leftovers, storage_failures
from tg_fetcher_dagster.folders import make_folder, sync_folder
from tg_fetcher_dagster.storage.comparing import Found, held_against
from tg_fetcher_dagster.storage.coverage import Coverage, Sizes
from tg_fetcher_dagster.storage.day_draft import Assembled, DayDraft
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.placing import Move, drafts_in
from tg_fetcher_dagster.storage.raw_file import NewRaw, RawCopy, RawWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFiles:
    """What stands beside the day file.

    Attributes:
        summary: carries the checksum that `assemble` gave.
        threads: who answered whom.
        participants: who wrote.
    """

    summary: bytes
    threads: bytes
    participants: bytes

    def by_path(self, paths: DayPaths) -> dict[Path, bytes]:
        """Returns the contents by where they belong."""
        return {
            paths.summary: self.summary,
            paths.threads: self.threads,
            paths.participants: self.participants,
        }


class DayWriter:
    """One day on its way to its files; use it as a context manager, so that a failure leaves nothing behind.

    Memory does not grow with the day. Every method raises FetchError (storage) where the disk refuses.

    Args:
        paths: the day's files.
        keep_raw: False where the day is made again from its raw file, which then stays as it is.
        raw_from: a raw file that stands elsewhere and becomes the day's, instead of written lines.
        is_spared: whether a dead writer's draft is to be put in its place yet.

    Example:
        with DayWriter(store.day("ru_python", day)) as writer:
            writer.write_raw(line)
            writer.write_message(body)
            assembled = writer.assemble(version="1.0", timezone="UTC", source_info=source, senders=names)
            sizes = writer.seal(SideFiles(summary=summary, threads=threads, participants=participants))
            with exclusive(paths.lock):
                found = writer.compare(read_coverage(ledger, paths))
                moves = writer.moves(found)
                writer.release(moves)
                put_in_place(paths.folder, moves)
    """

    def __init__(
        self,
        paths: DayPaths,
        *,
        keep_raw: bool = True,
        raw_from: Path | None = None,
        is_spared: Callable[[Path], bool] = lambda _draft: False,
    ) -> None:
        self._paths = paths
        self._day_file = DayDraft(paths.day_file)
        self._made: Assembled | None = None
        self._sides: list[Draft] = []
        paths.refuse_links()
        with storage_failures(paths.folder):
            make_folder(paths.raw.parent)
            for folder in (paths.folder, paths.raw.parent, paths.candidate.parent):
                remove_leftovers(folder, paths.day.isoformat(), is_spared=is_spared)
            remove_leftovers(paths.versions, "")
        self._lines = RawWriter(paths.raw) if keep_raw and raw_from is None else None
        self._raw: NewRaw | None = RawCopy(raw_from, paths.raw) if raw_from is not None else self._lines

    def write_raw(self, line: bytes) -> None:
        """Takes one line of the raw file, without its newline; nothing where no raw file is written."""
        if self._lines is not None:
            self._lines.write(line)

    def write_message(self, body: bytes) -> None:
        """Takes the next message's JSON, newest first."""
        self._day_file.write_message(body)

    def assemble(
        self, *, version: str, timezone: str, source_info: dict[str, Any], senders: dict[str, str]
    ) -> Assembled:
        """Composes the day file from its head and the messages taken so far; nothing is visible yet."""
        self._made = self._day_file.assemble(
            version=version, timezone=timezone, source_info=source_info, senders=senders
        )
        return self._made

    def seal(self, sides: SideFiles) -> Sizes:
        """Makes all files durable under their drafts' names; returns their sizes."""
        raw = self._raw.seal() if self._raw is not None else self._size_of_the_raw_file_that_stays()
        with storage_failures(self._paths.folder):
            for path, content in sides.by_path(self._paths).items():
                self._sides.append(Draft(path))
                self._sides[-1].file.write(content)
                self._sides[-1].seal()
        self._day_file.seal()
        return Sizes(
            raw=raw,
            summary=len(sides.summary),
            threads=len(sides.threads),
            participants=len(sides.participants),
        )

    @property
    def day_file(self) -> Path:
        """Where the assembled day file can be read before it is in its place."""
        return self._day_file.path

    def compare(self, told: Coverage | None) -> Found:
        """Holds the assembled day against what is there; `told` is what is proved of it."""
        if self._made is None:
            raise RuntimeError("compare comes after assemble")
        with storage_failures(self._paths.day_file):
            return held_against(self._paths, told, self._day_file.path, self._made)

    def moves(self, found: Found) -> tuple[Move, ...]:
        """Returns which sealed draft goes where, in that order.

        A day file with the same checksum stays as it is, with its time.
        """
        if not self._sides:
            raise RuntimeError("moves come after seal")
        paths = self._paths
        drafts = [(self._raw.draft, paths.raw)] if self._raw is not None else []
        drafts += [(side.path, side.target) for side in self._sides]
        drafts += [(self._day_file.path, paths.day_file)] if found.replaces else []
        return tuple(Move.of(paths.folder, draft, target) for draft, target in drafts)

    def release(self, moves: Sequence[Move]) -> None:
        """Leaves the drafts of these moves to whoever puts them in their places."""
        spared = drafts_in(self._paths.folder, moves)
        if self._raw is not None and self._raw.draft in spared:
            self._raw.release()
        for side in self._sides:
            side.release()
        if self._day_file.path in spared:
            self._day_file.release()

    def set_aside(self, place: Path) -> None:
        """Puts only the sealed raw file away, in another place than the day's; nothing of the day changes."""
        if self._raw is None:
            raise RuntimeError("no raw file is written")
        with storage_failures(place):
            make_folder(place.parent)
            self._raw.publish(place)
            sync_folder(place.parent)

    def discard(self) -> None:
        """Leaves nothing behind of what was not published; may be called at any time and again."""
        if self._raw is not None:
            self._raw.discard()
        for draft in self._sides:
            draft.discard()
        self._day_file.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def _size_of_the_raw_file_that_stays(self) -> int:
        with storage_failures(self._paths.raw):
            return self._paths.raw.stat().st_size
