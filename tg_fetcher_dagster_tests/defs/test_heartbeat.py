"""A run is heard of while it lives, and learns that somebody has ended it."""

import asyncio
import queue
import threading

import dagster as dg
import pytest

from tg_fetcher_dagster.defs.heartbeat import Heartbeat
from tg_fetcher_dagster.defs.interruption import Interrupted, run_to_its_end
from tg_fetcher_dagster.defs.resources import TelethonResource
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster_tests.defs.deployment import Deployment
from tg_fetcher_dagster_tests.waiting import PATIENCE


def test_it_beats_until_its_block_ends_and_a_ledger_that_is_away_for_a_moment_ends_nothing() -> None:
    beats: queue.Queue[int] = queue.Queue()
    answers = iter([True, FetchError(ErrorType.STORAGE, "the ledger is locked"), True, True])

    def beat() -> bool:
        beats.put(1)
        answer = next(answers, True)
        if isinstance(answer, FetchError):
            raise answer
        return answer

    with Heartbeat(beat, every=0.001) as heartbeat:
        for _ in range(4):
            assert beats.get(timeout=PATIENCE) == 1
    assert not heartbeat.ended
    assert threading.active_count() == len(threading.enumerate())
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_the_work_of_a_run_that_others_have_ended_is_cancelled_and_cleans_up() -> None:
    cleaned = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("up")

    with Heartbeat(lambda: False, every=0.001) as heartbeat:
        with pytest.raises(Interrupted):
            run_to_its_end(work(), heartbeat)
        assert heartbeat.ended
    assert cleaned == ["up"]


def test_work_that_begins_after_its_run_was_ended_does_not_go_on() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    told = threading.Event()
    with Heartbeat(lambda: False, every=0.001) as heartbeat:
        heartbeat.when_ended(told.set)
        assert told.wait(PATIENCE)
        with pytest.raises(Interrupted):
            run_to_its_end(work(), heartbeat)


def test_a_run_is_heard_of_although_the_ledger_was_away_when_its_process_began(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a heartbeat its days would be given to another run after a minute, while it reads them."""
    really = Ledger.open
    answers = iter([FetchError(ErrorType.STORAGE, "the ledger is away")])

    def once_away(url: str) -> Ledger:
        for error in answers:
            raise error
        return really(url)

    monkeypatch.setattr(Ledger, "open", once_away)
    resource = TelethonResource()
    with resource.yield_for_execution(dg.build_init_resource_context(instance=deployment.instance)):
        assert resource.heartbeat is not None
        assert resource.fetching().ledger is resource.ledger
