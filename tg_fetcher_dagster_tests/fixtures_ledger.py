"""A ledger for each test: an SQLite file, or with `--ledger postgres` a database on Debian's own server.

Both are copies of a ledger that is made once, since making the tables takes longer than most tests.
"""

import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.schema import make_ledger
from tg_fetcher_dagster_tests.fixtures_redis import free_port
from tg_fetcher_dagster_tests.waiting import PATIENCE

NewLedger = Callable[[], str]
"""Makes an empty ledger with its tables and returns its URL."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the choice of the ledger's database."""
    parser.addoption(
        "--ledger",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="the database under the ledger of every test that takes one",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what takes a ledger: `-m ledger --ledger postgres` runs just that over the other database."""
    for item in items:
        if "new_ledger" in getattr(item, "fixturenames", ()):
            item.add_marker("ledger")


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A running server of the tests' own; it trusts whoever reaches it on 127.0.0.1."""

    port: int
    folder: Path

    def url(self, database: str) -> str:
        """Returns where a database is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Makes an empty ledger with its tables; returns its URL."""
        name = f"t{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE made")
        return self.url(name)

    def run(self, statement: str) -> None:
        """Runs one statement outside a transaction, as making a database needs."""
        engine = sa.create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        try:
            with engine.connect() as connection:
                connection.execute(sa.text(statement))
        finally:
            engine.dispose()


def programs() -> Path | None:
    """Returns the folder of Debian's newest PostgreSQL, None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """Runs a server in an empty folder until the block ends; as root it runs as Debian's user postgres."""
    where = programs()
    if where is None:
        pytest.skip("Debian's package postgresql is not installed")
    user = {}
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        user = {"user": owner.pw_uid, "group": owner.pw_gid}
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data, port = folder / "data", free_port()
    subprocess.run(
        [where / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
        check=True, capture_output=True, cwd=folder, **user,
    )  # fmt: skip
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c max_connections=200"
    control = [where / "pg_ctl", "-D", data, "-w", "-t", str(int(PATIENCE))]
    log = folder / "log"
    subprocess.run(
        [*control, "-o", options, "-l", log, "start"], check=True, capture_output=True, cwd=folder, **user
    )
    try:
        yield PostgresServer(port=port, folder=folder)
    finally:
        subprocess.run(
            [*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder, **user
        )


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server with the database `made`, which has the ledger's tables and is copied for each test."""
    import tempfile

    # Not below pytest's own folder, which only this user may enter.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        with postgres_server(folder) as server:
            server.run("CREATE DATABASE made")
            make_ledger(server.url("made"))
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def made_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite ledger with its tables, to be copied."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    make_ledger(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def ledger_of_deployment(request: pytest.FixtureRequest) -> Callable[[], dict[str, str]]:
    """Makes the setting of a whole deployment's ledger: none for SQLite, which has its place in DATA_DIR."""
    if request.config.getoption("--ledger") != "postgres":
        return dict
    server: PostgresServer = request.getfixturevalue("postgres")
    return lambda: {"LEDGER_URL": server.new_database()}


@pytest.fixture
def new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> NewLedger:
    """Makes any number of ledgers."""
    if request.config.getoption("--ledger") == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.new_database
    made: Path = request.getfixturevalue("made_sqlite")

    def in_a_file() -> str:
        path = tmp_path / f"ledger-{uuid.uuid4().hex}" / "ledger.sqlite"
        path.parent.mkdir()
        shutil.copyfile(made, path)
        path.chmod(0o600)
        return f"sqlite:///{path}"

    return in_a_file


@pytest.fixture
def ledger_url(new_ledger: NewLedger) -> str:
    """Where the test's ledger is."""
    return new_ledger()


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """The test's ledger, open."""
    opened = Ledger.open(ledger_url)
    yield opened
    opened.close()
