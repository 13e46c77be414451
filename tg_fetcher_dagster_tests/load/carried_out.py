"""Runs that are carried out here: they register, commit days and end as Dagster's do, but read nothing."""

import datetime as dt
from collections.abc import Mapping, Sequence

from tg_fetcher_dagster.events.models import MessagesFetched
from tg_fetcher_dagster.fetching.day_end import record_end
from tg_fetcher_dagster.ledger import days
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.registration import begin_run, end_run
from tg_fetcher_dagster.requests.runs import RunState, RunStatus

CHECKSUM = "0" * 64


class CarriedOut:
    """The `Runs` of a reconciler: asked for by their batch, active until `carry_out` has come to its end."""

    def __init__(self, ledger: Ledger, chats: Sequence[str]) -> None:
        self._ledger = ledger
        self._chats = chats
        self._states: dict[str, RunState] = {}
        self.started: list[Batch] = []
        self.waiting: list[Batch] = []

    def states(self, run_keys: Sequence[str], run_ids: Sequence[str]) -> Mapping[str, RunState]:
        """Returns the runs that were started."""
        return {key: self._states[key] for key in (*run_keys, *run_ids) if key in self._states}

    def chat_order(self) -> Sequence[str]:
        """Returns the chats as their partitions would be ordered."""
        return self._chats

    def start(self, batches: Sequence[Batch]) -> None:
        """Starts runs, which wait in a queue as Dagster's do."""
        for batch in batches:
            if batch.batch_id not in self._states:
                self._know(batch, RunStatus.ACTIVE)
                self.started.append(batch)
                self.waiting.append(batch)

    def carry_out_one(self) -> Batch | None:
        """Carries the first of the waiting runs out to its end; None where none waits."""
        if not self.waiting:
            return None
        batch = min(self.waiting, key=lambda each: each.priority)
        self.waiting.remove(batch)
        run_id = _run_id(batch)
        begin_run(
            self._ledger,
            run_id=run_id,
            batch_id=batch.batch_id,
            parent_run_id=None,
            chats=dict.fromkeys(batch.chats, batch.days),
            today=batch.today,
            force=batch.force,
            limit=batch.limit,
        )
        for chat in batch.chats:
            for day in batch.days:
                self._commit(batch, chat, day)
        end_run(self._ledger, run_id, end="succeeded", requests=2, days_fetched=len(batch.days))
        self._know(batch, RunStatus.SUCCEEDED)
        return batch

    def _know(self, batch: Batch, status: RunStatus) -> None:
        state = RunState(status, run_id=_run_id(batch))
        self._states[batch.batch_id] = self._states[_run_id(batch)] = state

    def _commit(self, batch: Batch, chat: str, day: dt.date) -> None:
        with self._ledger.write() as connection:
            known = {
                "settled": not batch.today,
                "checksum_sha256": CHECKSUM,
                "message_count": 0,
                "requests": 1,
            }
            days.put(connection, chat, day, known)
            record_end(connection, _fetched(chat, day), request_id=batch.batch_id, end="fetched")


def _run_id(batch: Batch) -> str:
    return f"run-of-{batch.batch_id}"


def _fetched(chat: str, day: dt.date) -> MessagesFetched:
    path = f"/data/{chat}/{day}"
    return MessagesFetched(
        service="tg_fetcher",
        correlation_id="load",
        command_ids=(),
        chat=chat,
        date=day,
        message_count=0,
        file_path=f"{path}.json",
        duration_seconds=0,
        checksum_sha256=CHECKSUM,
        estimated_tokens_total=0,
        first_message_ts=None,
        last_message_ts=None,
        schema_version="1.0",
        preprocessing_version="1",
        summary_file_path=f"{path}_summary.json",
        threads_file_path=f"{path}_threads.json",
        participants_file_path=f"{path}_participants.json",
        final=True,
    )
