"""`fetch --direct`: the same requests, plans and runs, only carried out by this process.

Without Redis and without a daemon; where a daemon works beside it, whoever registers a run first does it.
What a killed process has left is ended here, and what stands in the way of these commands is done first.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import replace
from datetime import date

import dagster as dg
import orjson
import structlog

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.cli.dagster_instance import check_home, instance
from tg_fetcher_dagster.cli.display import FetchDisplay
from tg_fetcher_dagster.cli.fetch_commands import as_pushed
from tg_fetcher_dagster.cli.following import Follower
from tg_fetcher_dagster.cli.outcomes import FetchOutcome
from tg_fetcher_dagster.cli.own_runs import OwnRuns
from tg_fetcher_dagster.cli.starting import VERBOSE
from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.dagster_runs import DagsterRuns
from tg_fetcher_dagster.defs.running import RUN_KEY, run_batch, run_resolve
from tg_fetcher_dagster.defs.sensors.runs import end_dead_runs
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.draining import publish_pending
from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.request_progress import (
    batches_before,
    own_batches,
    requests_of_commands,
)
from tg_fetcher_dagster.requests.asking import new_id
from tg_fetcher_dagster.requests.batch_end import settle_batch
from tg_fetcher_dagster.requests.cancelling import cancel
from tg_fetcher_dagster.requests.command import FetchCommand
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.reconciler import TIME_BOX, Reconciler, TickResult
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.runs import ResolveRequest
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import planning_now

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.3
"""How often the days that have ended are counted while a run is under way."""

PATIENCE = 30.0
"""Seconds for which a wait is sat out here."""

UNHEARD = 60.0
"""Seconds after which a run that was asked for and is nowhere comes from nobody: a tick lasts no longer."""

LATER = "the daemon fetches it by itself, or the next fetch of it"

UNDER_WAY = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def fetch_directly(
    commands: Sequence[FetchCommand], settings: Settings, display: FetchDisplay
) -> FetchOutcome:
    """Carries commands out here and returns what came of them.

    Raises:
        FetchError: (validation, storage) DATA_DIR, the ledger or the Dagster instance cannot be used at all;
            (auth) there is no such account.
    """
    check_home()
    AccountStore(settings.session_dir, settings.session_key).load(settings.telegram_account)
    Store.of(settings).prepare()
    ledger = Ledger.open(settings.ledger_location)
    try:
        with instance() as dagster:
            work = DirectFetch(commands, settings, display, ledger=ledger, dagster=dagster)
            try:
                return work.carry_out()
            except KeyboardInterrupt:
                work.cancel()
                display.note("stopped; the days that are done stay done")
                raise
            finally:
                _publish(settings, ledger)
    finally:
        ledger.close()


class DirectFetch:
    """Commands that this process carries out; of what else is asked for nothing is started."""

    def __init__(
        self,
        commands: Sequence[FetchCommand],
        settings: Settings,
        display: FetchDisplay,
        *,
        ledger: Ledger,
        dagster: dg.DagsterInstance,
    ) -> None:
        self._settings = settings
        self._display = display
        self._ledger = ledger
        self._dagster = dagster
        self._command_ids = [each.command_id for each in commands]
        asked = _ask(ledger, commands)
        self._rules = replace(Rules.from_settings(settings), only=asked)
        self._follower = Follower(ledger, self._command_ids, display, tells_waits=False)
        self._reconciler = Reconciler(
            ledger,
            rules=self._rules,
            chats=IdentityTable(ledger),
            runs=OwnRuns(DagsterRuns(dagster, ledger), self._awaited),
        )

    def carry_out(self) -> FetchOutcome:
        """Plans and runs until everything has ended, or waits for long."""
        while True:
            end_dead_runs(self._dagster, self._settings)
            tick = self._reconciler.tick(
                time.time(),
                time.monotonic() + TIME_BOX,
                today=self._today(),
            )
            resolve, start = self._own(tick)
            for request in resolve:
                self._display.now(f"{', '.join(request.spellings)}: looking it up")
                self._beside(run_resolve, request)
            for batch in start:
                self._beside(run_batch, batch)
            if self._follower.look():
                return FetchOutcome(ends=self._follower.ends)
            if resolve or start or tick.more:
                continue
            waiting = self._follower.waits_beyond(time.time() + PATIENCE, held_by=tick.wait)
            if waiting is not None:
                return FetchOutcome(
                    ends=self._follower.ends, waiting=[f"{line}; {LATER}" for line in waiting]
                )
            time.sleep(LOOK_SECONDS)

    def cancel(self) -> None:
        """Ends what is left as cancelled, and its runs: nobody else would; others who asked wait on."""
        mine = self._own_keys()
        cancel(
            self._ledger,
            rules=self._rules,
            now=time.time(),
            today=self._today(),
            command_ids=self._command_ids,
        )
        events = EventMaker(self._rules.service)
        for key in mine:
            settle_batch(self._ledger, key, rules=self._rules, how="never_began", events=events)
        here = dg.RunsFilter(tags={RUN_KEY: list(mine)}, statuses=UNDER_WAY)
        for run in self._dagster.get_runs(filters=here) if mine else ():
            self._dagster.report_run_canceled(run, message="Interrupted at the terminal.")
            self._dagster.event_log_storage.free_concurrency_slots_for_run(run.run_id)

    def _today(self) -> date:
        return planning_now(self._settings).astimezone(self._settings.zone).date()

    def _own_keys(self) -> frozenset[str]:
        """The keys of the runs that these commands wait for."""
        with self._ledger.read() as connection:
            asked = requests_of_commands(connection, self._command_ids)
            resolving = {each.run_id for each in asked if each.run_id}
            return frozenset(own_batches(connection, self._command_ids) | resolving)

    def _awaited(self) -> frozenset[str]:
        """The keys of these commands' runs, and of those of others that are to read their chats before."""
        with self._ledger.read() as connection:
            in_the_way = batches_before(connection, self._command_ids)
        return self._own_keys() | in_the_way

    def _own(self, tick: TickResult) -> tuple[list[ResolveRequest], list[Batch]]:
        """What of a tick is for these commands, and what nobody else does that stands in their way."""
        own = self._own_keys()
        heard = time.time() - UNHEARD
        left = self._awaited() - own
        return (
            [each for each in tick.resolve if each.run_key in own],
            [
                each
                for each in tick.start
                if each.batch_id in own or (each.batch_id in left and each.asked_at <= heard)
            ],
        )

    def _beside(self, run: Callable[..., dg.ExecuteInProcessResult], what: Batch | ResolveRequest) -> None:
        """Runs something in a thread of its own and tells meanwhile which days have ended.

        In the main thread Dagster would take Ctrl-C for a failure that its retry policy retries.
        """
        errors: list[BaseException] = []
        level = "DEBUG" if VERBOSE.get() else "CRITICAL"

        def work() -> None:
            try:
                run(what, instance=self._dagster, definitions=defs(), log_level=level)
            except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
                errors.append(error)

        worker = threading.Thread(target=copy_context().run, args=(work,), name="fetch", daemon=True)
        worker.start()
        while worker.is_alive():
            worker.join(LOOK_SECONDS)
            self._follower.look()
        if errors:
            raise errors[0]


def _ask(ledger: Ledger, commands: Sequence[FetchCommand]) -> frozenset[str]:
    """Writes commands down as requests that this process carries out; returns their ids."""
    received = time.time()
    rows = [
        {
            "request_id": new_id(),
            "source": "direct",
            "state": "new",
            "raw": orjson.dumps(as_pushed(each)),
            "command_id": each.command_id,
            "correlation_id": each.correlation_id,
            "received_at": received,
        }
        for each in commands
    ]
    with ledger.write() as connection:
        requests.insert(connection, rows)
    return frozenset(str(row["request_id"]) for row in rows)


def _publish(settings: Settings, ledger: Ledger) -> None:
    """Publishes what was recorded, where Redis is there; else it waits in the ledger."""
    try:
        publish_pending(settings, ledger)
    except FetchError as error:
        log.info("events wait in the ledger", reason=error.message)
