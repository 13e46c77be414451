"""`.chats/` becomes the tables `chats` and `unresolved`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tg_fetcher_dagster.ledger import arrivals
from tg_fetcher_dagster.takeover.old_layout import (
    FORGOTTEN,
    RESOLVED,
    OldChat,
    OldFailure,
    Unreadable,
    read,
)
from tg_fetcher_dagster.takeover.taking import Taking, in_parts, names

LONGEST_SPELLING = 128
"""Of the column."""


def take_chats(taking: Taking) -> None:
    """Takes over who the chats are: those that are kept, those that were removed, and what led to none."""
    folder = taking.data_dir / ".chats"
    _take(taking, folder, "chats")
    _take(taking, folder / FORGOTTEN, "removed chats")
    _take_unresolved(taking, folder / RESOLVED)
    taking.put_rest_aside(folder)


def _take(taking: Taking, folder: Path, what: str) -> None:
    for part in in_parts(_rows(taking, folder)):
        refused: list[str] = []
        if taking.ledger is not None:
            with taking.ledger.write() as connection:
                refused = arrivals.put_chats(connection, [row for _, row in part])
        for path, row in part:
            if row["key"] in refused:
                taking.report.leave(path, f"another chat has its id {row['marked_id']}")
                continue
            taking.report.counts[what] += 1
            taking.put_aside(path)


def _rows(taking: Taking, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in _jsons(folder):
        chat, body = read(OldChat, path)
        if isinstance(chat, OldChat) and chat.key != path.stem:
            chat = Unreadable(f"it is that of {chat.key}")
        if isinstance(chat, Unreadable):
            taking.report.leave(path, f"no chat's identity: {chat.why}")
            continue
        yield (
            path,
            {
                "key": chat.key,
                "marked_id": chat.marked_id,
                "identity": body.decode(),
                "paused": chat.paused,
                "forgotten_at": path.stat().st_mtime if folder.name == FORGOTTEN else None,
            },
        )


def _take_unresolved(taking: Taking, folder: Path) -> None:
    for part in in_parts(_failures(taking, folder)):
        if taking.ledger is not None:
            with taking.ledger.write() as connection:
                arrivals.put_unresolved(connection, [row for _, row in part])
        for path, _ in part:
            taking.report.counts["spellings without a chat"] += 1
            taking.put_aside(path)


def _failures(taking: Taking, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in _jsons(folder):
        failure, _ = read(OldFailure, path)
        if isinstance(failure, Unreadable):
            taking.report.leave(path, f"no failure to resolve: {failure.why}")
            continue
        yield (
            path,
            {
                "spelling": path.stem[:LONGEST_SPELLING],
                "error_type": failure.error_type,
                "error": failure.error,
                "at": failure.at.timestamp(),
                "retry_after": failure.retry_after,
            },
        )


def _jsons(folder: Path) -> list[Path]:
    return [folder / name for name in names(folder) if name.endswith(".json") and not name.startswith(".")]
