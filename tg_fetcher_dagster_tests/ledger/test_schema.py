"""The ledger's tables: made once, by whoever comes first, and refused where another version made them."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import engines, schema_version
from tg_fetcher_dagster.ledger.database import Ledger, checked_url
from tg_fetcher_dagster.ledger.schema import make_ledger
from tg_fetcher_dagster.ledger.tables import metadata


def test_the_migrations_make_the_tables_that_the_program_knows(ledger):
    with ledger.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_program_names_its_newest_migration():
    migrations = Path(schema_version.__file__).parent / "migrations"
    assert ScriptDirectory(str(migrations)).get_heads() == [schema_version.PRESENT]
    assert {
        step.revision for step in ScriptDirectory(str(migrations)).walk_revisions()
    } == schema_version.KNOWN


def test_a_ledger_of_a_newer_version_is_refused_by_whoever_opens_or_migrates_it(ledger, ledger_url):
    with ledger.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (Ledger.open, make_ledger):
        with pytest.raises(FetchError, match=r"newer version.*9999") as refused:
            use(ledger_url)
        assert refused.value.error_type is ErrorType.VALIDATION


def test_a_database_without_tables_is_told_how_to_be_made(ledger, ledger_url):
    with ledger.write() as connection:
        connection.execute(sa.text("DROP TABLE alembic_version"))
    with pytest.raises(FetchError, match="run tg-fetcher ledger migrate"):
        Ledger.open(ledger_url)


def test_an_sqlite_ledger_is_made_by_many_processes_at_once_and_only_its_owner_reads_it(tmp_path):
    url = f"sqlite:///{tmp_path}/new/ledger.sqlite"
    code = "import sys; from tg_fetcher_dagster.ledger.database import Ledger; Ledger.open(sys.argv[1])"
    started = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(6)]
    assert [process.wait() for process in started] == [0] * 6
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "new").glob("*.sqlite*")} == {"0o600"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://root:secret@host/db", "setting LEDGER_URL=mysql"),
        ("sqlite://", "setting LEDGER_URL=sqlite"),
        ("what is this", "setting LEDGER_URL: no URL"),
        ("postgresql://root:secret@host:54a/db", "setting LEDGER_URL: no URL"),
        ("postgresql://root:new@secret@host/db", "setting LEDGER_URL: no URL"),
        ("mysql://root@host/db?password=secret&x=1", r"setting LEDGER_URL=mysql.*password=hidden"),
    ],
)
def test_another_database_is_refused_in_one_line_without_its_password(url, says):
    with pytest.raises(FetchError, match=says) as refused:
        checked_url(url)
    assert "secret" not in refused.value.message
    assert "sqlite:////path" in refused.value.message


def test_a_server_that_is_away_is_one_line_without_its_password():
    with pytest.raises(FetchError) as refused:
        Ledger.open("postgresql://someone:secret@127.0.0.1:1/ledger")
    assert refused.value.error_type is ErrorType.STORAGE
    assert "secret" not in refused.value.message
    assert "\n" not in refused.value.message


def test_nobody_waits_for_ever_for_a_process_that_stands_still(ledger):
    if ledger.is_sqlite:
        assert engines.BUSY_SECONDS == 30
        return
    with ledger.write() as connection:
        shown = [
            connection.execute(sa.text(f"SHOW {name}")).scalar_one()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout")
        ]
    assert shown == ["30s", "1min"]


def test_a_ledger_whose_connections_are_all_taken_says_so(ledger_url):
    engine = engines.engine_of(checked_url(ledger_url), pool_timeout=0.01)
    with Ledger(engine) as ledger, ExitStack() as taken:
        for _ in range(engine.pool.size() + engine.pool._max_overflow):
            taken.enter_context(ledger.read())
        with pytest.raises(FetchError, match="all its connections are taken") as refused:
            taken.enter_context(ledger.read())
    assert refused.value.error_type is ErrorType.STORAGE
