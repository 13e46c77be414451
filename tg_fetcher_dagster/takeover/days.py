"""`{chat}/.coverage/` becomes the table `days`: what is proved of each day, and the doubts about it."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tg_fetcher_dagster.ledger import arrivals
from tg_fetcher_dagster.takeover.old_layout import OldCandidate, OldCoverage, Unreadable, read
from tg_fetcher_dagster.takeover.taking import Taking, in_parts, names

_CHAT = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(slots=True)
class _Chat:
    """One chat's folder.

    Attributes:
        key: its name.
        doubts: day -> from when on a second reading counts, in seconds since 1970, and why.
    """

    key: str
    doubts: dict[dt.date, tuple[float, str]] = field(default_factory=dict)


def take_days(taking: Taking, *, confirm_after: dt.timedelta) -> None:
    """Takes over what is proved of each chat and day.

    Args:
        taking: where from and where to.
        confirm_after: how long after a reading that is not believed a second one counts.
    """
    for key in names(taking.data_dir):
        folder = taking.data_dir / key / ".coverage"
        if _CHAT.fullmatch(key) and folder.is_dir() and not folder.parent.is_symlink():
            _take_chat(taking, folder, _Chat(key, _doubts(folder.parent, confirm_after)))


def _take_chat(taking: Taking, folder: Path, chat: _Chat) -> None:
    files = [folder / name for name in names(folder) if name.endswith(".json") and name[:1] != "."]
    taken = 0
    for part in in_parts(_rows(taking, chat, files)):
        if taking.ledger is not None:
            with taking.ledger.write() as connection:
                arrivals.put_days(connection, chat.key, [row for _, row in part])
        taken += len(part)
    taking.report.counts["days"] += taken
    if folder in taking.report.holders:
        for path in files:
            if not isinstance(_coverage(path, chat.key)[0], Unreadable):
                taking.put_aside(path)
    else:
        taking.put_aside(folder)


def _rows(taking: Taking, chat: _Chat, files: list[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in files:
        coverage, body = _coverage(path, chat.key)
        if isinstance(coverage, Unreadable):
            taking.report.leave(path, f"it proves nothing, the day counts as not fetched: {coverage.why}")
            continue
        due_at, why = chat.doubts.get(coverage.date, (None, None))
        if coverage.needs_read is not None:
            due_at, why = coverage.fetched_at.timestamp(), coverage.needs_read
        yield (
            path,
            {
                "date": coverage.date,
                "coverage": body.decode(),
                "settled": coverage.final and coverage.needs_read is None,
                "proved": True,
                "checksum_sha256": coverage.checksum_sha256,
                "message_count": coverage.message_count,
                "fetched_at": coverage.fetched_at.timestamp(),
                "requests": coverage.requests,
                "due_at": due_at,
                "error_type": "suspicious_deletion" if why and coverage.needs_read is None else None,
                "error": why,
            },
        )


def _coverage(path: Path, chat: str) -> tuple[OldCoverage | Unreadable, bytes]:
    coverage, body = read(OldCoverage, path)
    if isinstance(coverage, OldCoverage) and (coverage.chat, str(coverage.date)) != (chat, path.stem):
        return Unreadable(f"it is that of {coverage.chat} {coverage.date}"), body
    return coverage, body


def _doubts(folder: Path, confirm_after: dt.timedelta) -> dict[dt.date, tuple[float, str]]:
    """The readings that are not believed; their files stay where they are."""
    found = {}
    for name in names(folder / ".candidates"):
        candidate, _ = read(OldCandidate, folder / ".candidates" / name)
        if name.endswith(".json") and isinstance(candidate, OldCandidate):
            try:
                day = dt.date.fromisoformat(name.removesuffix(".json"))
            except ValueError:
                continue
            due = (candidate.fetched_at + confirm_after).timestamp()
            found[day] = (due, f"{candidate.vanished} of {candidate.kept} messages are gone")
    return found
