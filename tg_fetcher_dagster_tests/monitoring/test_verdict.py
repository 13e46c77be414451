"""The verdict goes by the age of what was heard, says why, and tells degraded from down."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.defs.instance_facts import Daemon, InstanceState, Tick
from tg_fetcher_dagster.ledger.attempts import UnderWay
from tg_fetcher_dagster.ledger.conditions import Condition
from tg_fetcher_dagster.monitoring.accounts_shown import AccountShown
from tg_fetcher_dagster.monitoring.disk_source import DiskFacts, Space
from tg_fetcher_dagster.monitoring.health import health_of
from tg_fetcher_dagster.monitoring.ledger_facts import LedgerFacts
from tg_fetcher_dagster.monitoring.redis_source import RedisFacts
from tg_fetcher_dagster.monitoring.verdict import Observed, Source, status_of, troubles_of

AT = 1_762_516_800.0
DAEMONS = ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR", "BACKFILL")
RANK = {"healthy": 0, "degraded": 1, "down": 2}

WELL = Observed(
    wall=AT,
    ledger=Source(
        name="ledger",
        facts=LedgerFacts(
            at=AT, accounts=(AccountShown(name="main", state="ready"),), newest_success_at=AT - 10
        ),
        age=2,
        up=True,
    ),
    dagster=Source(
        name="dagster",
        facts=InstanceState(at=AT, daemons={name: Daemon(AT - 20) for name in DAEMONS}),
        age=2,
        up=True,
    ),
    disk=Source(name="disk", facts=DiskFacts(spaces={"data": Space(10**11, 10**12)}), age=2, up=True),
    redis=Source(name="redis", facts=RedisFacts(queued=0, oldest_at=None), age=2, up=True),
    folding=Source(name="folding", facts=0, age=2, up=True),
)


def with_facts(source: str, **facts: Any) -> Observed:
    """All is well but for what one source says."""
    before = getattr(WELL, source)
    return replace(WELL, **{source: replace(before, facts=replace(before.facts, **facts))})


def silent(source: str, age: float, *, up: bool = False, read: bool = True) -> Observed:
    """All is well but for one source that was last heard of so long ago."""
    before = getattr(WELL, source)
    facts = before.facts if read else None
    return replace(WELL, **{source: replace(before, facts=facts, age=age, up=up, error=None if up else "no")})


def test_all_is_well() -> None:
    assert troubles_of(WELL) == []
    page = health_of(WELL)
    assert (page.status, page.reasons, page.redis, page.telegram) == ("healthy", [], "connected", "connected")
    assert page.last_fetch is not None


@pytest.mark.parametrize(
    ("observed", "status", "says"),
    [
        (silent("ledger", 3), "degraded", "the ledger has not answered for 3 s: no"),
        (silent("ledger", 61), "down", "the ledger has not answered for 61 s: no"),
        (silent("ledger", 90, up=True), "down", "the ledger has not answered for 90 s: not read yet"),
        (silent("ledger", 1, read=False), "down", "the ledger has not answered"),
        (silent("dagster", 61), "down", "Dagster's instance has not answered"),
        (silent("disk", 61), "down", "the disk has not answered"),
        (silent("redis", 3600), "degraded", "Redis: no; commands come by the spool folder alone"),
        (silent("folding", 5), "degraded", "the ledger takes no writes: no"),
        (silent("folding", 61), "down", "the ledger takes no writes: no"),
        (
            with_facts("dagster", daemons={"SENSOR": Daemon(AT - 106)}),
            "down",
            "SENSOR has not been heard of for 106 s",
        ),
        (with_facts("dagster", daemons={"SENSOR": Daemon(None)}), "down", "SENSOR was never heard of"),
        (
            with_facts("dagster", daemons={"BACKFILL": Daemon(AT - 300)}),
            "degraded",
            "BACKFILL has not been heard",
        ),
        (
            with_facts("dagster", daemons={"SCHEDULER": Daemon(AT, 2)}),
            "degraded",
            "SCHEDULER reports 2 errors",
        ),
        (
            with_facts("dagster", ticks={"requests": Tick(AT, "failure")}),
            "degraded",
            "last tick of requests failed",
        ),
        (with_facts("disk", spaces={"data": Space(10**6, 10**12)}), "down", "the disk under data is full"),
        (with_facts("disk", spaces={"data": Space(10**9, 10**12)}), "degraded", "under data has 0% free"),
        (with_facts("disk", spaces={"data": Space(10**11, 10**12, True)}), "down", "data is read-only"),
        (
            with_facts("ledger", accounts=(AccountShown(name="m", state="quarantined", why="ended"),)),
            "down",
            "account m is in quarantine: ended",
        ),
        (
            with_facts("ledger", accounts=(AccountShown(name="m", state="signed_out"),)),
            "down",
            "tg-fetcher login",
        ),
        (
            with_facts("ledger", accounts=(AccountShown(name="m", state="resting", free_at=AT + 9),)),
            "degraded",
            "every account rests, the first one for 9 s more",
        ),
        (
            with_facts("ledger", conditions=(Condition("telegram", "no way", AT - 40, None, 1),)),
            "degraded",
            "telegram has been in trouble for 40 s: no way",
        ),
        (
            with_facts("ledger", under_way=(UnderWay(host="h", account="m", runs=1, heard_of_at=AT - 91),)),
            "degraded",
            "a run on h has not been heard of for 91 s",
        ),
        (with_facts("ledger", oldest_event_at=AT - 121), "degraded", "an event has waited for 121 s"),
        (
            with_facts("redis", queued=1, oldest_at=AT - 121),
            "degraded",
            "in Redis for 121 s; nobody takes it",
        ),
        (with_facts("disk", spooled=1, oldest_at=AT - 121), "degraded", "in the spool folder for 121 s"),
    ],
)
def test_a_trouble_is_told_in_words(observed: Observed, status: str, says: str) -> None:
    troubles = troubles_of(observed)
    assert [trouble.status for trouble in troubles if says in trouble.says] == [status]
    assert status_of(troubles) == health_of(observed).status == status


def test_no_reason_holds_a_secret() -> None:
    why = "postgresql://fetcher:hunter2@db/ledger refuses; +15550001001 is signed out"
    account = AccountShown(name="main", state="quarantined", why=why)
    [reason] = health_of(with_facts("ledger", accounts=(account,))).reasons
    assert reason.endswith("postgresql://***@db/ledger refuses; *** is signed out")


def test_one_account_of_two_in_quarantine_is_not_the_end() -> None:
    accounts = (
        AccountShown(name="a", state="quarantined", why="ended"),
        AccountShown(name="b", state="ready"),
    )
    assert status_of(troubles_of(with_facts("ledger", accounts=accounts))) == "degraded"


def test_without_a_redis_by_intention_nothing_is_degraded() -> None:
    page = health_of(replace(WELL, redis=None))
    assert (page.status, page.redis) == ("healthy", "none")


def test_what_a_silent_source_said_last_is_not_gone_by() -> None:
    before = with_facts("dagster", daemons={"SENSOR": Daemon(AT - 500)})
    observed = replace(before, dagster=replace(before.dagster, up=False, age=500, error="no"))
    assert [each.says for each in troubles_of(observed)] == [
        "Dagster's instance has not answered for 500 s: no"
    ]


SOURCES = st.sampled_from(["ledger", "dagster", "disk", "redis"])
AGES = st.floats(0, 1_000)


@given(SOURCES, AGES, AGES, st.booleans())
def test_a_longer_silence_is_never_better(source: str, one: float, another: float, up: bool) -> None:
    shorter, longer = (RANK[health_of(silent(source, age, up=up)).status] for age in sorted((one, another)))
    assert shorter <= longer


@given(st.dictionaries(SOURCES, st.tuples(AGES, st.booleans())))
def test_a_verdict_has_a_reason_for_each_source_that_is_silent(
    silences: dict[str, tuple[float, bool]],
) -> None:
    observed = WELL
    for name, (age, up) in silences.items():
        observed = replace(observed, **{name: replace(getattr(observed, name), age=age, up=up, error="gone")})
    page = health_of(observed)
    assert (page.status == "healthy") == (page.reasons == [])
    wrong = {name for name, (age, up) in silences.items() if not up or age > 60}
    assert len([reason for reason in page.reasons if reason.endswith("gone") or "gone;" in reason]) == len(
        wrong
    )
    worst = max(
        (troubles.status for troubles in troubles_of(observed)), key=RANK.__getitem__, default="healthy"
    )
    assert page.status == worst


@given(st.sampled_from(DAEMONS), st.floats(0, 1_000))
def test_a_daemon_that_was_stopped_is_seen_within_two_minutes(name: str, seconds: float) -> None:
    """Its last heartbeat was at most 30 s old when it was stopped, and the instance is read every 10 s."""
    daemons = {**WELL.dagster.facts.daemons, name: Daemon(AT - seconds)}  # type: ignore[union-attr]
    observed = with_facts("dagster", daemons=daemons)
    assert (status_of(troubles_of(observed)) != "healthy") == (seconds > 105)
