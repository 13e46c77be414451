import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.requests.dates import ONE_DAY
from tg_fetcher_dagster.requests.plan import MAX_DAYS, MAX_REQUESTS, Ask, plan

START = dt.date(2025, 10, 1)


def days(*numbers):
    return tuple(START + ONE_DAY * number for number in numbers)


def ask(number, *wanted, chat="ru_python", **values):
    return Ask(
        claim_id=f"claim-{number}",
        command_id=f"command-{number}",
        correlation_id=f"correlation-{number}",
        chat_key=chat,
        days=days(*wanted),
        **values,
    )


def spans(batches):
    return [((batch.first - START).days, (batch.last - START).days) for batch in batches]


def test_neighbouring_and_overlapping_commands_of_one_chat_become_one_run():
    batches = plan([ask(1, 0, 1), ask(2, 2), ask(3, 1, 2, 3)])
    assert spans(batches) == [(0, 3)]
    assert batches[0].command_ids == ("command-1", "command-2", "command-3")
    assert [each.command_id for each in batches[0].asked_on(START)] == ["command-1"]
    assert batches[0].strategy == "batch"


def test_days_apart_and_other_chats_are_runs_of_their_own():
    batches = plan([ask(1, 0, 1), ask(2, 5), ask(3, 2, chat="other")])
    assert [(batch.chat_key, span) for batch, span in zip(batches, spans(batches), strict=True)] == [
        ("ru_python", (0, 1)),
        ("ru_python", (5, 5)),
        ("other", (2, 2)),
    ]


def test_forced_and_limited_commands_are_never_merged_with_others():
    batches = plan([ask(1, 0), ask(2, 1, force=True), ask(3, 1, limit=10), ask(4, 2, limit=10)])
    assert [(batch.force, batch.limit) for batch in batches] == [(False, None), (True, None), (False, 10)]
    assert spans(batches) == [(0, 0), (1, 1), (1, 2)]


def test_a_long_range_is_cut_at_31_days():
    assert spans(plan([ask(1, *range(70))])) == [(0, 30), (31, 61), (62, 69)]


def test_a_costly_range_is_cut_at_300_requests():
    batches = plan([ask(1, *range(6))], estimate=lambda _chat, day: 500 if day == START else 140)
    assert spans(batches) == [(0, 0), (1, 2), (3, 4), (5, 5)]


def test_per_day_is_a_run_a_day_up_to_31_days():
    batches = plan([ask(1, *range(31), strategy="per_day")])
    assert spans(batches) == [(number, number) for number in range(31)]
    assert {batch.strategy for batch in batches} == {"per_day"}
    assert len(plan([ask(1, *range(32), strategy="per_day")])) == 2


def test_per_day_gives_way_where_commands_are_merged():
    batches = plan([ask(1, 0, 1, strategy="per_day"), ask(2, 2)])
    assert spans(batches) == [(0, 2)]
    assert batches[0].strategy == "batch"


def test_today_is_a_batch_of_its_own():
    today = START + 5 * ONE_DAY
    batches = plan([ask(1, 3, 4, today=today), ask(2, today=today)])
    assert [(batch.today, span) for batch, span in zip(batches, spans(batches), strict=True)] == [
        (False, (3, 4)),
        (True, (5, 5)),
    ]
    assert batches[1].command_ids == ("command-1", "command-2")


def test_a_run_key_is_short_and_names_the_attempt():
    (batch,) = plan([ask(1, 0)])
    assert batch.batch_id.startswith("fetch-")
    assert len(batch.batch_id) == len("fetch-") + 20
    assert batch.run_key == f"{batch.batch_id}-1"


ASKS = st.lists(
    st.builds(
        lambda number, first, count, chat, force, limit, strategy, today: ask(
            number, *range(first, first + count), chat=chat, force=force, limit=limit, strategy=strategy,
            today=START + 200 * ONE_DAY if today else None,
        ),
        st.integers(0, 10**6), st.integers(0, 60), st.integers(1, 80), st.sampled_from(["one", "two"]),
        st.booleans(), st.sampled_from([None, None, 5]), st.sampled_from(["batch", "per_day"]), st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.claim_id,
)  # fmt: skip


@given(ASKS, st.floats(0.5, 400))
def test_every_asked_day_is_in_exactly_one_batch_of_its_kind(asks, cost):
    batches = plan(asks, estimate=lambda _chat, _day: cost)
    for one in asks:
        mine = [
            batch
            for batch in batches
            if (batch.chat_key, batch.force, batch.limit) == (one.chat_key, one.force, one.limit)
        ]
        for day in one.days:
            (holding,) = [batch for batch in mine if not batch.today and day in batch.days]
            assert one.command_id in [each.command_id for each in holding.asked_on(day)]
        assert len([batch for batch in mine if batch.today]) == bool(
            [a for a in asks if a.today and _same(a, one)]
        )


@given(ASKS, st.floats(0.5, 400))
def test_a_batch_is_bounded_and_holds_only_asked_days(asks, cost):
    batches = plan(asks, estimate=lambda _chat, _day: cost)
    for batch in batches:
        assert len(batch.days) <= MAX_DAYS
        assert len(batch.days) == 1 or len(batch.days) * cost <= MAX_REQUESTS
        assert all(batch.asked_on(day) for day in batch.days)
    assert len({batch.batch_id for batch in batches}) == len(batches)
    assert batches == plan(asks, estimate=lambda _chat, _day: cost)


def _same(one, other):
    return (one.chat_key, one.force, one.limit) == (other.chat_key, other.force, other.limit)
