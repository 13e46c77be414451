"""A source is read by itself: what it does not answer is known, and holds up nobody."""

import threading
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.monitoring.reader import MOST_LEFT_BEHIND, Reader, Reading
from tg_fetcher_dagster_tests.waiting import until


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Source:
    """Answers with what a test says, and hangs while it says so."""

    def __init__(self) -> None:
        self.answer: Reading[int] | Exception = Reading(1, b"one\n")
        self.free = threading.Event()
        self.free.set()
        self.asked = 0

    def __call__(self) -> Reading[int]:
        self.asked += 1
        self.free.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.free.set()


def test_what_was_read_is_seen_with_its_age(clock: Clock, source: Source) -> None:
    reader = Reader("ledger", source, every=5, clock=clock)
    assert not reader.seen.looked
    clock.now += 3
    assert reader.seen.age(clock.now) == 3
    reader.look()
    clock.now += 7
    seen = reader.seen
    assert (seen.up, seen.reading, seen.age(clock.now), seen.error) == (True, source.answer, 7, None)


def test_a_source_that_refuses_is_away_and_its_last_values_stay(clock: Clock, source: Source) -> None:
    reader = Reader("redis", source, every=5, clock=clock)
    reader.look()
    source.answer = FetchError(ErrorType.NETWORK, "Redis at 127.0.0.1:1 is away")
    clock.now += 60
    reader.look()
    seen = reader.seen
    assert seen.reading == Reading(1, b"one\n")
    assert (seen.up, seen.age(clock.now), seen.error) == (False, 60, "Redis at 127.0.0.1:1 is away")


@pytest.mark.parametrize("sort", [OSError, lambda text: FetchError(ErrorType.NETWORK, text)])
def test_what_a_source_says_of_itself_is_shown_without_its_password(
    source: Source, sort: Callable[[str], Exception]
) -> None:
    reader = Reader("redis", source, every=5)
    source.answer = sort("redis://worker:hunter2@cache:6379 refuses")
    reader.look()
    assert reader.seen.error is not None
    assert reader.seen.error.endswith("redis://***@cache:6379 refuses")


def test_a_source_that_never_answers_is_away_and_another_look_begins(source: Source) -> None:
    source.free.clear()
    reader = Reader("redis", source, every=5, patience=0.01, leave_after=0.01)
    for _ in range(MOST_LEFT_BEHIND + 3):
        reader.look()
    seen = reader.seen
    assert (seen.up, seen.looked, seen.reading) == (False, True, None)
    assert source.asked == MOST_LEFT_BEHIND
    source.free.set()


def test_a_source_that_answers_late_is_back(source: Source) -> None:
    source.free.clear()
    reader = Reader("redis", source, every=5, patience=0.01, leave_after=1e9)
    looking = threading.Thread(target=reader.look)
    looking.start()
    until(lambda: reader.seen.looked, what="the end of the patience")
    assert not reader.seen.up
    source.free.set()
    looking.join()
    assert reader.seen.up


def test_a_trouble_that_lasts_is_one_line_and_its_end_another(clock: Clock, source: Source) -> None:
    reader = Reader("redis", source, every=5, clock=clock)
    with capture_logs() as lines:
        for answer in (Reading(1), *[OSError("away")] * 5, Reading(2)):
            source.answer = answer
            reader.look()
    assert [line["event"] for line in lines] == ["a source cannot be read", "a source can be read again"]


def test_a_reader_whose_source_hangs_moves_on_itself(source: Source) -> None:
    source.free.clear()
    reader = Reader("redis", source, every=5, patience=0.01)
    looking = threading.Thread(target=reader.look)
    looking.start()
    begun = reader._moved_at
    until(lambda: reader._moved_at != begun, what="a sign of life")
    assert reader.seen.reading is None
    source.free.set()
    looking.join()
