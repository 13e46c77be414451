"""What is counted stands in a total once, whoever counts it and whoever is killed meanwhile."""

import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger import schema
from tg_fetcher_dagster.ledger.backup import back_up
from tg_fetcher_dagster.ledger.database import Ledger, checked_url
from tg_fetcher_dagster.ledger.engines import engine_of
from tg_fetcher_dagster.ledger.facts import fact
from tg_fetcher_dagster.ledger.measures import Measure, Total, fold, measure, read_totals, waiting
from tg_fetcher_dagster.metrics.counted import ERRORS, FETCH_DURATION, HOP_SECONDS, MESSAGES
from tg_fetcher_dagster.requests.forgetting import MOST_UNCOUNTED, forget_old
from tg_fetcher_dagster_tests.fixtures_ledger import PostgresServer


def test_measures_of_the_same_labels_become_one_total(ledger: Ledger) -> None:
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, ("demo",), 3), Measure(MESSAGES, ("other",), 1)])
    fold(ledger)
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, ("demo",), 4)])
    fold(ledger)
    with ledger.read() as connection:
        assert read_totals(connection) == [
            Total(MESSAGES.name, ("demo",), 0, 7, 2),
            Total(MESSAGES.name, ("other",), 0, 1, 1),
        ]
        assert waiting(connection) == 0


def test_a_histogram_counts_each_value_in_its_bucket_and_0_too(ledger: Ledger) -> None:
    labels = ("demo", "batch", "fetched")
    with ledger.write() as connection:
        measure(connection, [Measure(FETCH_DURATION, labels, value) for value in (0, 0.1, 0.11, 9_999)])
    fold(ledger)
    with ledger.read() as connection:
        assert [(each.bound, each.count) for each in read_totals(connection)] == [
            (0.1, 2),
            (0.25, 1),
            (math.inf, 1),
        ]


def test_nothing_is_counted_of_a_transaction_that_was_undone(ledger: Ledger) -> None:
    connection = ledger.engine.connect()
    measure(connection, [Measure(ERRORS, ("network",))])
    connection.close()
    assert fold(ledger) == 0


def test_no_total_runs_backwards_and_none_is_spoilt_by_one_measure(ledger: Ledger) -> None:
    labels = ("demo" * 30, "day", "fetched")
    with ledger.write() as connection:
        for value in (2.0, -5.0, math.nan, math.inf):
            measure(connection, [Measure(MESSAGES, ("demo",), value), Measure(FETCH_DURATION, labels, value)])
    fold(ledger)
    with ledger.read() as connection:
        totals = read_totals(connection)
    assert sum(each.value for each in totals if each.metric == MESSAGES.name) == 2
    durations = [each for each in totals if each.metric == FETCH_DURATION.name]
    assert [(each.bound, each.value, each.count) for each in durations] == [(0.1, 0, 3), (2.5, 2, 1)]
    assert {each.labels[0] for each in durations} == {"demo" * 16}


def test_a_fold_takes_a_bounded_number_and_the_next_one_goes_on(ledger: Ledger) -> None:
    with ledger.write() as connection:
        for _ in range(7):
            measure(connection, [Measure(ERRORS, ("network",))])
    assert [fold(ledger, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    with ledger.read() as connection:
        assert [each.value for each in read_totals(connection)] == [7]


def test_two_that_fold_at_once_count_nothing_twice(ledger: Ledger) -> None:
    with ledger.write() as connection:
        for name in ("network", "storage"):
            for _ in range(500):
                measure(connection, [Measure(ERRORS, (name,))])

    def some() -> None:
        while fold(ledger, limit=50):
            pass

    folding = [threading.Thread(target=some) for _ in range(3)]
    for each in folding:
        each.start()
    for each in folding:
        each.join()
    with ledger.read() as connection:
        assert [each.value for each in read_totals(connection)] == [500, 500]


def test_what_is_written_together_and_alike_is_one_row_and_keeps_its_number(ledger: Ledger) -> None:
    with ledger.write() as connection:
        measure(connection, [Measure(FETCH_DURATION, ("demo", "day", "fetched"), 0.03) for _ in range(40)])
        assert waiting(connection) == 1
    fold(ledger)
    with ledger.read() as connection:
        [total] = read_totals(connection)
    assert (total.bound, total.count) == (0.1, 40)
    assert math.isclose(total.value, 1.2)


@pytest.mark.system
def test_a_fold_misses_nothing_that_is_committed_later_with_a_smaller_number(
    postgres: PostgresServer,
) -> None:
    """Postgres gives numbers before transactions end: a cursor over them would pass this one over."""
    ledger = Ledger.open(postgres.new_database())
    slow = ledger.engine.connect()
    measure(slow, [Measure(ERRORS, ("network",))])
    with ledger.write() as connection:
        measure(connection, [Measure(ERRORS, ("storage",))])
    assert fold(ledger) == 1
    slow.commit()
    slow.close()
    assert fold(ledger) == 1
    with ledger.read() as connection:
        assert {each.labels: each.value for each in read_totals(connection)} == {
            ("network",): 1,
            ("storage",): 1,
        }
    ledger.close()


def test_a_ledger_of_the_version_before_counts_from_its_migration_on(ledger_url: str) -> None:
    """It is made as that version made it: by its own migration."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = engine_of(checked_url(ledger_url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        command.upgrade(config, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO requests (request_id, source, state, correlation_id, received_at)"
                " VALUES ('r1', 'cli', 'planned', 'c1', 1)"
            )
        )
    engine.dispose()
    with pytest.raises(FetchError, match="run tg-fetcher ledger migrate"):
        Ledger.open(ledger_url)

    assert schema.make_ledger(ledger_url) == "0001"

    with Ledger.open(ledger_url) as ledger:
        with ledger.write() as connection:
            measure(connection, [Measure(ERRORS, ("network",))])
        assert fold(ledger) == 1
        with ledger.read() as connection:
            kept = connection.execute(sa.text("SELECT request_id, planned_at FROM requests")).all()
    assert [tuple(row) for row in kept] == [("r1", None)]


def test_a_backup_has_what_is_counted_and_what_still_waits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger/ledger.sqlite"
    schema.make_ledger(url)
    with Ledger.open(url) as ledger:
        for folded in (True, False):
            with ledger.write() as connection:
                measure(connection, [Measure(ERRORS, ("network",))])
            if folded:
                fold(ledger)
        back_up(ledger, tmp_path / "copy.sqlite")
    with Ledger.open(f"sqlite:///{tmp_path}/copy.sqlite") as copy:
        fold(copy)
        with copy.read() as connection:
            assert [each.value for each in read_totals(connection)] == [2]


def test_without_a_monitor_what_waits_stays_bounded_and_is_counted(ledger: Ledger) -> None:
    names = [f"chat_{number}" for number in range(MOST_UNCOUNTED)]
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, (name,)) for name in names])
    forget_old(ledger, now=1_000.0)
    with ledger.read() as connection:
        assert waiting(connection) == MOST_UNCOUNTED, "a monitor has its time"
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, (name,)) for name in names])

    forget_old(ledger, now=1_001.0)

    with ledger.read() as connection:
        assert waiting(connection) == 0
        assert sum(each.value for each in read_totals(connection)) == 2 * MOST_UNCOUNTED


WRITER = """
import sys
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.facts import keep_fact
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.metrics.counted import ERRORS, HOP_SECONDS
with Ledger.open(sys.argv[1]) as ledger:
    for number in range(1, 1_000_000):
        with ledger.write() as connection:
            keep_fact(connection, sys.argv[2], str(number))
            hop = Measure(HOP_SECONDS, ("plan",), number % 7)
            measure(connection, [Measure(ERRORS, (sys.argv[2],)), hop])
        if number == 20:
            print("writing", flush=True)
"""

FOLDER = """
import sys
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.measures import fold
with Ledger.open(sys.argv[1]) as ledger:
    folded = 0
    while True:
        folded += fold(ledger, limit=7)
        if folded > 20:
            print("folding", flush=True)
            folded = -1_000_000_000
"""


def test_whoever_is_killed_the_totals_are_what_was_committed(ledger: Ledger, ledger_url: str) -> None:
    """Writers and folders at once, all ended by SIGKILL; a writer notes in each transaction how far it is."""
    writers = ("network", "storage", "internal")
    work = [[WRITER, ledger_url, name] for name in writers] + [[FOLDER, ledger_url]] * 2
    processes = [
        subprocess.Popen([sys.executable, "-c", *each], stdout=subprocess.PIPE, text=True) for each in work
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() in {"writing\n", "folding\n"}
    finally:
        for process in processes:
            process.kill()
            process.communicate()

    while fold(ledger):
        pass

    with ledger.read() as connection:
        truth = {name: int(fact(connection, name) or 0) for name in writers}
        totals = read_totals(connection)
    assert {each.labels[0]: each.value for each in totals if each.metric == ERRORS.name} == truth
    assert sum(each.count for each in totals if each.metric == HOP_SECONDS.name) == sum(truth.values())
    assert sum(each.value for each in totals if each.metric == HOP_SECONDS.name) == sum(
        number % 7 for last in truth.values() for number in range(1, last + 1)
    )
