"""A backup is one whole file of one moment, also while others write."""

import stat
import subprocess
import sys

import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.backup import back_up
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.facts import fact, keep_fact
from tg_fetcher_dagster.ledger.schema import make_ledger

WRITER = """
import sys
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.facts import keep_fact
ledger = Ledger.open(sys.argv[1])
number = 0
while True:
    number += 1
    with ledger.write() as connection:
        keep_fact(connection, "left", str(number))
        keep_fact(connection, f"n{number % 50}", "x" * 5000)
        keep_fact(connection, "right", str(number))
    if number == 100:
        print("writing", flush=True)
"""


@pytest.fixture
def url(tmp_path):
    made = f"sqlite:///{tmp_path}/ledger/ledger.sqlite"
    make_ledger(made)
    return made


def test_a_backup_is_whole_while_another_process_writes(url, tmp_path):
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout.readline() == "writing\n"
            moments = []
            with Ledger.open(url) as ledger:
                for number in range(5):
                    target = tmp_path / f"copy-{number}.sqlite"
                    assert back_up(ledger, target) == target.stat().st_size
                    with Ledger.open(f"sqlite:///{target}") as copy, copy.read() as connection:
                        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
                        assert fact(connection, "left") == fact(connection, "right")
                        moments.append(int(fact(connection, "left")))
            assert writer.poll() is None, "it went on writing"
        finally:
            writer.kill()
    assert moments == sorted(moments)
    assert moments[0] >= 100
    assert moments[-1] > moments[0]


def test_a_backup_is_one_private_file_that_can_be_put_back(url, tmp_path):
    target = tmp_path / "backups" / "copy.sqlite"
    target.parent.mkdir()
    with Ledger.open(url) as ledger:
        with ledger.write() as connection:
            keep_fact(connection, "kept", "yes")
        back_up(ledger, target)
    assert [path.name for path in target.parent.iterdir()] == ["copy.sqlite"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with Ledger.open(f"sqlite:///{target}") as restored, restored.write() as connection:
        assert fact(connection, "kept") == "yes"
        keep_fact(connection, "kept", "and works")


def test_a_file_that_is_there_is_not_written_over(url, tmp_path):
    target = tmp_path / "precious"
    target.write_text("mine")
    with Ledger.open(url) as ledger, pytest.raises(FetchError, match="is there already") as refused:
        back_up(ledger, target)
    assert refused.value.error_type is ErrorType.VALIDATION
    assert target.read_text() == "mine"


def test_a_folder_that_is_not_there_is_one_line(url, tmp_path):
    with Ledger.open(url) as ledger, pytest.raises(FetchError) as refused:
        back_up(ledger, tmp_path / "nowhere" / "copy")
    assert refused.value.error_type is ErrorType.STORAGE
    assert "\n" not in refused.value.message


def test_of_postgres_pg_dump_makes_the_backup():
    engine = sa.create_engine("postgresql+psycopg://me@127.0.0.1:1/ledger")
    with pytest.raises(FetchError, match="pg_dump"):
        back_up(Ledger(engine), "nothing is written")  # type: ignore[arg-type]
