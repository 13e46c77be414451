"""How days are shown in Dagster: a materialisation and a result of each check, under the day's partition."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, cast

import dagster as dg

from tg_fetcher_dagster.defs.asked_days import AskedDays
from tg_fetcher_dagster.defs.checks import (
    ASSET,
    DESCRIPTIONS,
    deletion_evaluation,
    evaluations_of,
    output_of_check,
)
from tg_fetcher_dagster.defs.metadata import day_metadata
from tg_fetcher_dagster.defs.partitions import CHATS, chat_day_key
from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.requests.registration import run_of_batch
from tg_fetcher_dagster.storage.candidates import read_candidate

StepEvent = dg.MaterializeResult[None] | dg.AssetCheckEvaluation | dg.Output[None]


class ShownDays:
    """Shows the days of one step.

    Args:
        context: Dagster's.
        fetching: where the days' files are.
        asked: which partitions mean which days.
    """

    def __init__(self, context: dg.AssetExecutionContext, fetching: FetchContext, asked: AskedDays) -> None:
        self._context = context
        self._fetching = fetching
        self._asked = asked
        self._is_today = context.asset_key != ASSET
        self._runs: dict[str, str | None] = {}

    def key_of(self, chat: str, day: date) -> str:
        """Returns the partition that shows a chat's day; of `messages_today` it is the chat alone."""
        return chat if self._is_today else str(chat_day_key(chat, day))

    def log(self, results: Sequence[DayReport]) -> None:
        """Shows days of a step that yields no output: it fails, or nobody asked for them."""
        kept = [result for result in results if result.outcome != "failed"]
        for result in kept:
            self._log_materialization(result)
        for evaluation in self._evaluations(kept):
            self._log_evaluation(evaluation)

    def log_doubts(self, results: Sequence[DayReport]) -> None:
        """Shows which of the failed days wait for a deletion to be confirmed."""
        for result in results:
            if result.error is not None and result.error.error_type is ErrorType.SUSPICIOUS_DELETION:
                evaluation = deletion_evaluation(
                    str(chat_day_key(result.chat, result.day)),
                    read_candidate(self._fetching.store.day(result.chat, result.day)),
                    doubt=result.error.message,
                )
                # Of `messages_today`, too: it is a check of `messages`, which makes this day's file final.
                self._log_evaluation(evaluation)

    def emit(self, results: Sequence[DayReport]) -> Iterator[StepEvent]:
        """Yields what shows the days of a step in which all went well.

        Dagster makes one materialisation for each partition of the run from the one result; a partition that
        somebody added by hand says whose day it is, which is shown under the chat's own key.
        """
        evaluations = list(self._evaluations(results))
        for result in results:
            key = self.key_of(result.chat, result.day)
            metadata = self._metadata(result)
            by_hand = self._asked.added_by_hand.get((result.chat, result.day), ())
            for other in by_hand:
                self._context.add_asset_metadata({"kept_as": key}, partition_key=other)
            if key in self._context.partition_keys:
                self._context.add_asset_metadata(metadata, partition_key=key)
            else:
                self._context.instance.add_dynamic_partitions(CHATS.name or "", [result.chat])
                self._log_materialization(result)
        yield dg.MaterializeResult()
        yield from evaluations
        yield from self.no_more()

    def no_more(self) -> Iterator[StepEvent]:
        """Yields what Dagster expects at the end of a step that does not fail, beside what it has shown."""
        if not self._is_today:
            for name in DESCRIPTIONS:
                yield output_of_check(name)

    def _evaluations(self, results: Sequence[DayReport]) -> Iterator[dg.AssetCheckEvaluation]:
        if self._is_today:
            return
        for result in results:
            if result.coverage is not None:
                yield from evaluations_of(
                    self._fetching.store.day(result.chat, result.day),
                    result.coverage,
                    settings=self._fetching.settings,
                    key=self.key_of(result.chat, result.day),
                )

    def _log_materialization(self, result: DayReport) -> None:
        self._context.log_event(
            dg.AssetMaterialization(
                asset_key=self._context.asset_key,
                partition=self.key_of(result.chat, result.day),
                metadata=self._metadata(result),
            )
        )

    def _metadata(self, result: DayReport) -> Mapping[str, Any]:
        return day_metadata(result, self._fetching.store, read_by=self._read_by(result))

    def _read_by(self, result: DayReport) -> str | None:
        """Returns the run that read a day: this one, or as the ledger knows it."""
        if result.outcome != "skipped":
            return self._context.run.run_id
        batch_id = result.coverage.event_request if result.coverage is not None else None
        if batch_id is None:
            return None
        if batch_id not in self._runs:
            with self._fetching.ledger.read() as connection:
                batch = batches.find(connection, batch_id)
            self._runs[batch_id] = batch.run_id if batch is not None else run_of_batch(batch_id)
        return self._runs[batch_id]

    def _log_evaluation(self, evaluation: dg.AssetCheckEvaluation) -> None:
        # Dagster 1.13 takes it and does not say so in the type (op_execution_context.log_event).
        self._context.log_event(cast("Any", evaluation))
