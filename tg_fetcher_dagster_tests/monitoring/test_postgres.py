"""A ledger on a server that is stopped in its tracks, and that is gone."""

import os
import signal
from pathlib import Path

import pytest

from tg_fetcher_dagster.monitoring.ledger_source import LedgerSource
from tg_fetcher_dagster.monitoring.reader import Reader
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.fixtures_ledger import PostgresServer

pytestmark = pytest.mark.system


def processes(server: PostgresServer) -> list[int]:
    """The server's own process and all of its children."""
    first = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    children = [int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split()]
    return [first, *children]


def test_a_server_that_is_frozen_holds_up_nobody_and_is_back_when_it_moves_on(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    settings = Settings(ledger_url=postgres.new_database(), session_dir=tmp_path / "none")
    reader = Reader("ledger", LedgerSource(settings).read, every=5, patience=0.1, leave_after=0.2)
    frozen = processes(postgres)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        reader.look()
        assert not reader.seen.up
        assert reader.seen.error == "no answer within 0.1 s"
        reader.look()
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    patient = Reader("ledger", LedgerSource(settings).read, every=5)
    patient.look()
    assert patient.seen.up, patient.seen.error


def test_a_server_that_is_gone_is_one_line(tmp_path: Path) -> None:
    settings = Settings(ledger_url="postgresql://u:secret@127.0.0.1:1/ledger", session_dir=tmp_path / "none")
    reader = Reader("ledger", LedgerSource(settings).read, every=5)
    reader.look()
    assert not reader.seen.up
    assert "the ledger postgresql" in (reader.seen.error or "")
    assert "secret" not in (reader.seen.error or "")
