"""Writes one day of one chat: raw file, side files, day file, each whole or not at all.

The order makes a kill at any line safe: everything is written and synced under drafts' names, then renamed,
raw file first and day file last. The caller then records the event and last of all the coverage. A day
that is not in the coverage was never told of, so the next fetch of it says "new" or "changed" again even
where the files are already there.

What is visible changes only under the chat's lock, which the caller holds from the comparison to the
coverage (`DayPaths.lock`): so no other process judges by a day that is half in place.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tg_fetcher_dagster.durable_files import (
    Draft,
    make_folder,
    remove_leftovers,
    storage_failures,
    sync_folder,
)
from tg_fetcher_dagster.storage.comparing import Found, held_against
from tg_fetcher_dagster.storage.coverage import Coverage, Sizes, read_coverage, write_coverage
from tg_fetcher_dagster.storage.day_draft import Assembled, DayDraft
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import NewRaw, RawCopy, RawWriter
from tg_fetcher_dagster.storage.versions import keep_version


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

    Example:
        with DayWriter(store.day("ru_python", day)) as writer:
            writer.write_raw(line)
            writer.write_message(body)
            assembled = writer.assemble(version="1.0", timezone="UTC", source_info=source, senders=names)
            sizes = writer.seal(SideFiles(summary=summary, threads=threads, participants=participants))
            with exclusive(paths.lock):
                found = writer.compare(read_coverage(paths))
                writer.publish(found)
    """

    def __init__(self, paths: DayPaths, *, keep_raw: bool = True, raw_from: Path | None = None) -> None:
        self._paths = paths
        self._day_file = DayDraft(paths.day_file)
        self._made: Assembled | None = None
        self._sides: list[Draft] = []
        paths.refuse_links()
        with storage_failures(paths.folder):
            make_folder(paths.raw.parent)
            ours = (paths.folder, paths.raw.parent, paths.coverage.parent, paths.candidate.parent)
            for folder in (*ours, paths.versions):
                remove_leftovers(folder, "" if folder == paths.versions else paths.day.isoformat())
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

    def publish(self, found: Found, *, keep_replaced: bool = True) -> None:
        """Puts all sealed files of the day in their places.

        A day file with the same checksum stays as it is, with its time; one that differs is first kept
        under `versions/`, with its raw file.

        Args:
            found: what `compare` gave.
            keep_replaced: False where what is replaced is worth nothing, as an unfinished day's file.
        """
        if not self._sides:
            raise RuntimeError("publish comes after seal")
        with storage_failures(self._paths.folder):
            if found.present is not None and found.replaces:
                self._before_replacing(found.present, keep=keep_replaced)
            if self._raw is not None:
                self._raw.publish()
                sync_folder(self._paths.raw.parent)
            for draft in self._sides:
                draft.publish()
            if found.replaces:
                self._day_file.publish()
            sync_folder(self._paths.folder)

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

    def _before_replacing(self, present: str, *, keep: bool) -> None:
        if keep:
            keep_version(self._paths, present)
        told = read_coverage(self._paths)
        if told is not None and told.final:
            # From the first rename until the caller's coverage the files are not what the old one proves.
            write_coverage(self._paths, told.model_copy(update={"final": False}))

    def _size_of_the_raw_file_that_stays(self) -> int:
        with storage_failures(self._paths.raw):
            return self._paths.raw.stat().st_size
