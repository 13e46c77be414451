"""Commands as files in `{DATA_DIR}/.spool`."""

import json

import pytest

from tg_fetcher_dagster.ledger.tables import requests
from tg_fetcher_dagster.requests import spool
from tg_fetcher_dagster.requests.spool import SpoolFolder
from tg_fetcher_dagster_tests.requests.office import NOON, Office


def test_commands_are_taken_in_the_order_of_their_names_and_planned(office: Office, tmp_path):
    for number in (3, 2, 1):
        (tmp_path / ".spool").mkdir(exist_ok=True)
        (tmp_path / ".spool" / f"{number}.json").write_text(
            json.dumps({"command": "fetch", "chat": "@ru_python", "command_id": f"c{number}"})
        )
    spool.put(tmp_path, {"command": "fetch", "chat": "@ru_python", "command_id": "put"})
    office.sources = [SpoolFolder(tmp_path)]
    assert len(office.tick().start) == 1
    assert [row["command_id"] for row in office.rows(requests)] == ["put", "c1", "c2", "c3"]
    assert list((tmp_path / ".spool").iterdir()) == []


def test_a_kill_before_the_file_is_removed_doubles_nothing(office: Office, tmp_path, monkeypatch):
    spool.put(tmp_path, {"command": "fetch", "chat": "@ru_python"})
    source = SpoolFolder(tmp_path)
    monkeypatch.setattr(source, "_remove", lambda _path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        source.take(office.ledger, NOON)
    SpoolFolder(tmp_path).take(office.ledger, NOON)
    assert len(office.rows(requests)) == 1
    assert list((tmp_path / ".spool").iterdir()) == []


def test_a_name_may_be_used_again(office: Office, tmp_path):
    (tmp_path / ".spool").mkdir()
    for number in range(2):
        (tmp_path / ".spool" / "command.json").write_text(json.dumps({"command_id": str(number)}))
        assert SpoolFolder(tmp_path).take(office.ledger, NOON) == 1


def test_junk_becomes_a_dead_letter_and_what_is_no_file_is_left_alone(office: Office, tmp_path):
    folder = tmp_path / ".spool"
    (folder / "folder.json").mkdir(parents=True)
    (folder / "link.json").symlink_to("/etc/hostname")
    (folder / ".half.json").write_text("{")
    (folder / "junk.json").write_bytes(b"\xff\x00 junk")
    office.sources = [SpoolFolder(tmp_path)]
    office.tick()
    assert len(office.letters()) == 1
    assert sorted(path.name for path in folder.iterdir()) == [".half.json", "folder.json", "link.json"]
