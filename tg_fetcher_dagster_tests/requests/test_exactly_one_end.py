"""Whatever is asked and whatever becomes of the runs: every ask ends exactly once, and is told once."""

import datetime as dt
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, requests
from tg_fetcher_dagster.requests.batch_end import note_failure
from tg_fetcher_dagster.requests.cancelling import cancel
from tg_fetcher_dagster.requests.runs import RunStatus
from tg_fetcher_dagster_tests.ends import ends_of, told_beside_their_end
from tg_fetcher_dagster_tests.requests.office import TODAY, Office

CHATS = ("aaaaa", "bbbbb")
FIRST = dt.date(2025, 11, 1)

commands = st.fixed_dictionaries(
    {
        "chat": st.sampled_from(CHATS),
        "first": st.integers(0, 11),
        "length": st.integers(1, 4),
        "force": st.booleans(),
        "limit": st.sampled_from([None, None, 5]),
        "strategy": st.sampled_from(["batch", "per_day"]),
    }
)
days_of_a_run = st.lists(
    st.sampled_from(["fetched", "fetched", "flood", "network", "no_access", "nothing"]),
    min_size=4,
    max_size=4,
)
ends = st.sampled_from(["well", "failed", "died", "cancelled", "never", "killed tick"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), commands),
        st.tuples(st.just("begin"), st.none()),
        st.tuples(st.just("run"), st.tuples(days_of_a_run, ends)),
        st.tuples(st.just("cancel"), st.sampled_from(CHATS)),
        st.tuples(st.just("later"), st.integers(1, 4000)),
    ),
    min_size=1,
    max_size=14,
)

ERRORS = {
    "flood": FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=60),
    "network": FetchError(ErrorType.NETWORK, "lost"),
    "no_access": FetchError(ErrorType.NO_ACCESS, "may not read"),
}


class Story:
    """What happens, step by step."""

    def __init__(self, office):
        self.office = office
        self.begun = {}

    def ask(self, given):
        first = FIRST + dt.timedelta(days=given["first"])
        values = {key: given[key] for key in ("force", "limit", "strategy") if given[key] is not None}
        last = first + dt.timedelta(days=given["length"] - 1)
        self.office.push(given["chat"], **{"from": str(first), "to": str(last)}, **values)

    def begin(self, _given=None):
        for batch in self.office.tick().start:
            if batch.batch_id not in self.begun:
                self.begun[batch.batch_id] = batch
                self.office.begins(batch)

    def run(self, given):
        outcomes, end = given
        if not self.begun:
            self.begin()
        if not self.begun:
            return
        batch = self.begun.pop(next(iter(self.begun)))
        if end == "never":
            del self.office.runs[batch.batch_id]
            self.office.ends(batch, RunStatus.FAILED, died=True)
            return
        for number, day in enumerate(batch.days):
            self._day(batch, day, outcomes[number % len(outcomes)])
        status = {"well": RunStatus.SUCCEEDED, "cancelled": RunStatus.CANCELED}.get(end, RunStatus.FAILED)
        self.office.ends(batch, status, died=end == "died")

    def _day(self, batch, day, outcome):
        if outcome == "fetched":
            self.office.fetches(batch, day)
        elif outcome in ERRORS:
            with self.office.ledger.write() as connection:
                note_failure(connection, batch.batch_id, batch.chats[0], day, ERRORS[outcome])

    def cancel(self, chat):
        cancel(self.office.ledger, rules=self.office.rules, now=self.office.now, today=TODAY, chat=chat)

    def later(self, seconds):
        self.office.now += seconds
        self.office.tick()

    def to_the_end(self):
        for _ in range(60):
            for batch in [*self.begun.values(), *self.office.tick().start]:
                if batch.batch_id not in self.begun:
                    self.office.begins(batch)
                self.office.fetches(batch)
                self.office.ends(batch)
            self.begun.clear()
            self.office.now += 3 * 86_400
            self.office.tick()
            if not self.office.open_asks():
                return


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_every_ask_ends_exactly_once_and_is_told_once(new_ledger, tmp_path, monkeypatch, happens):
    ledger = Ledger.open(new_ledger())
    office = Office(ledger, tmp_path)
    try:
        monkeypatch.setattr("time.time", lambda: office.now)
        office.knows(*CHATS)
        story = Story(office)
        for what, given_ in happens:
            getattr(story, what)(given_)
        story.to_the_end()
        check(office)
    finally:
        ledger.close()


def check(office):
    assert office.open_asks() == []
    told = Counter({key: len(ends) for key, ends in ends_of(office.events()).items()})
    assert list(told_beside_their_end(office.events())) == []
    commands_of = {row["request_id"]: row["command_id"] for row in office.rows(requests)}
    asked = Counter()
    for row in office.rows(asks):
        asked[commands_of[row["request_id"]], row["chat"], str(row["date"])] += 1
    for row in office.rows(requests):
        assert row["state"] in {"done", "failed", "cancelled", "refused"}
        assert row["open_days"] == 0
    assert {key: count for key, count in told.items() if key in asked} == dict(asked)
