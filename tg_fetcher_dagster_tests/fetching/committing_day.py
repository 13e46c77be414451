"""Commits one day as a fetch does, in a process that is killed (SIGKILL, for real) at a chosen step."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.fetching.committing import Intent, commit_day, recover_day, recover_intents
from tg_fetcher_dagster.fetching.day_end import day_end_event
from tg_fetcher_dagster.fetching.day_measures import Fetching
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.candidates import Candidate, write_candidate
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage
from tg_fetcher_dagster.storage.day_writer import DayWriter, SideFiles
from tg_fetcher_dagster.storage.paths import DayPaths, Store
from tg_fetcher_dagster.storage.stragglers import Stragglers
from tg_fetcher_dagster_tests.storage.writing import DAY, coverage_of, message

CHAT = "ru_python"
BEGAN = datetime(2025, 11, 8, 0, 15, tzinfo=UTC)

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


def store_at(data_dir: Path) -> Store:
    return Store(data_dir, "UTC")


def commit(
    ledger: Ledger,
    paths: DayPaths,
    text: str,
    *,
    batch_id: str,
    later: timedelta = timedelta(0),
    meanwhile: Callable[[], object] | None = None,
) -> bool:
    """Writes, compares and commits a day of two messages.

    Args:
        ledger: where it counts.
        paths: where its files go.
        text: of its newest message.
        batch_id: on whose behalf.
        later: when the reading began, after the first one.
        meanwhile: what another host does between the comparison and the commit.
    """
    settings = Settings(data_dir=paths.data_dir)
    with DayWriter(paths) as writer:
        writer.write_raw(orjson.dumps({"kind": "day", "format": 1, "text": text}))
        for value in (message(2, text), message(1)):
            writer.write_raw(orjson.dumps({"kind": "message", "value": value}))
            writer.write_message(orjson.dumps(value))
        writer.write_raw(orjson.dumps({"kind": "end"}))
        made = writer.assemble(version="1.0", timezone="UTC", source_info={}, senders={})
        sides = SideFiles(summary=text.encode(), threads=text.encode(), participants=text.encode())
        sizes = writer.seal(sides)
        with exclusive(paths.lock) if meanwhile is None else nullcontext():
            recover_day(ledger, paths)
            before = read_coverage(ledger, paths)
            found = writer.compare(before)
            if meanwhile is not None:
                meanwhile()
            coverage = coverage_of(
                paths,
                made,
                sizes=sizes,
                outcome=found.outcome,
                fetched_at=BEGAN + later,
                event_request=batch_id,
            )
            told_before = before.checksum_sha256 if before else None
            event, end = day_end_event(
                settings, paths, coverage, request_id=batch_id, told_before=told_before
            )
            intent = Intent(
                request_id=batch_id,
                coverage=coverage,
                moves=writer.moves(found),
                keeps=found.present if found.replaces else None,
                end=end,
                event=event.model_dump(mode="json"),
                answers_candidate=True,
                takes_stragglers=True,
                fetching=Fetching(request_id=batch_id, mode="day", began_at=BEGAN.timestamp()),
            )
            return commit_day(ledger, paths, intent, writer, before=before)


def wait_for(paths: DayPaths) -> None:
    """Lets a straggler and a reading that was not believed wait for the day."""
    Stragglers.beside(paths).keep(paths.day, [b'{"kind":"message","value":{"id":1}}'])
    candidate = Candidate(fetched_at=BEGAN, request_id="an-earlier-one", kept=2, vanished=2, found=0)
    write_candidate(paths, candidate)
    paths.candidate_raw.write_bytes(b"what it gave")


def killed_at(step: int, work: Callable[..., Any], *args: Any) -> bool:
    """Runs work in a process that is killed before its step of that number; False where it has fewer."""
    process = FORKS.Process(target=_until_killed, args=(step, work, args))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def _until_killed(step: int, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Counts whatever changes a file or the ledger."""
    left = step

    def counted(really: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return really(*args, **kwargs)

        return call

    for name in ("replace", "link", "unlink", "fsync"):
        setattr(os, name, counted(getattr(os, name)))
    sa.event.listen(sa.Engine, "commit", counted(lambda _connection: None))
    work(*args)


def commit_new(url: str, data_dir: Path) -> None:
    """Commits the new content."""
    ledger = Ledger.open(url)
    commit(ledger, store_at(data_dir).day(CHAT, DAY), "new", batch_id="batch-2", later=timedelta(hours=1))


def recover(url: str, data_dir: Path) -> None:
    """Goes on with what was left."""
    recover_intents(Ledger.open(url), store_at(data_dir), CHAT)


def facts_of(ledger: Ledger, paths: DayPaths) -> dict[str, Any]:
    """What of a day is old and what is new: the files by their text, the record, who was told."""

    def text(path: Path) -> str:
        with suppress(FileNotFoundError):
            body = path.read_bytes()
            return "new" if b"new" in body else "old"
        return "gone"

    proved: Coverage | None = read_coverage(ledger, paths)
    return {
        "day": text(paths.day_file),
        "sides": {text(path) for path in (paths.summary, paths.threads, paths.participants)},
        "record": None if proved is None else "new" if proved.fetched_at > BEGAN else "old",
        "true": proved is not None
        and proved.size_bytes == paths.day_file.stat().st_size
        and text(paths.day_file) == ("new" if proved.fetched_at > BEGAN else "old"),
    }
