"""Who may read what is kept, and that it is kept where DATA_DIR says and nowhere else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tg_fetcher_dagster.durable_files import exclusive, write_once, write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store, folder_mode
from tg_fetcher_dagster.storage.run_mark import alive
from tg_fetcher_dagster.storage.stragglers import Stragglers
from tg_fetcher_dagster_tests.storage.writing import DAY, fetch_day, message


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes_under(folder: Path) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {"files": set(), "folders": {stat.S_IMODE(folder.stat().st_mode)}}
    for path in folder.rglob("*"):
        kind = "folders" if path.is_dir() else "files"
        found[kind].add(stat.S_IMODE(path.stat().st_mode))
    return found


def keep_a_day_twice(ledger: Ledger, store: Store) -> None:
    """Everything that is ever written of a day: a version of it, a straggler, locks, marks."""
    store.prepare()
    for text in ("one", "two"):
        fetch_day(ledger, store.day("ru_python", DAY), [message(1, text)])
    stragglers = Stragglers.of(store, "ru_python")
    stragglers.keep(DAY, [b"{}"])
    stragglers.take_in(DAY)
    stragglers.keep(DAY, [b"{}"])
    with alive(store.data_dir, "abc"):
        pass


@pytest.mark.parametrize(("mode", "folders"), [("0640", 0o750), ("600", 0o700), ("0o644", 0o755)])
def test_a_new_data_dir_has_the_modes_of_the_setting(
    ledger: Ledger, tmp_path: Path, mode: str, folders: int
) -> None:
    settings = Settings.read(data_dir=tmp_path / "new" / "data", data_file_mode=mode)
    keep_a_day_twice(ledger, Store.of(settings))
    assert modes_under(settings.data_dir) == {"files": {settings.file_mode}, "folders": {folders}}
    assert Store.of(settings).modes_line() is None


def test_a_new_data_dir_is_closed_to_others_by_default(ledger: Ledger, tmp_path: Path) -> None:
    keep_a_day_twice(ledger, Store.of(Settings.read(data_dir=tmp_path / "data")))
    assert modes_under(tmp_path / "data") == {"files": {0o640}, "folders": {0o750}}


@pytest.mark.parametrize(("mode", "folder"), [("0600", 0o700), ("0640", 0o750), ("0644", 0o755)])
def test_a_data_dir_that_the_ledger_made_first_has_the_modes_of_the_setting(
    tmp_path: Path, mode: str, folder: int
) -> None:
    settings = Settings.read(data_dir=tmp_path / "data", data_file_mode=mode)
    Ledger.open(settings.ledger_location).close()
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o750
    Store.of(settings).prepare()
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == folder
    kept = settings.data_dir / ".ledger"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}


def test_a_data_dir_that_is_there_keeps_its_modes_and_says_so(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    store = Store.of(Settings.read(data_dir=tmp_path / "data"))
    keep_a_day_twice(ledger, store)
    assert modes_under(tmp_path / "data") == {"files": {0o644}, "folders": {0o755}}
    assert "mode 0755 and keeps it" in (store.modes_line() or "")
    assert "DATA_FILE_MODE=0640 asks for 0750" in (store.modes_line() or "")


def test_a_umask_that_takes_more_away_is_heeded(ledger: Ledger, tmp_path: Path) -> None:
    os.umask(0o077)
    keep_a_day_twice(ledger, Store.of(Settings.read(data_dir=tmp_path / "data")))
    assert modes_under(tmp_path / "data") == {"files": {0o600}, "folders": {0o700}}


def test_who_may_read_a_file_may_look_into_its_folder() -> None:
    assert [folder_mode(mode) for mode in (0o600, 0o640, 0o644, 0o660)] == [0o700, 0o750, 0o755, 0o770]


@pytest.mark.parametrize("wrong", ["0777", "0646", "0400", "rw-r-----", "8", ""])
def test_a_mode_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(FetchError, match=r"DATA_FILE_MODE=.*must be 0600, 0640"):
        Settings.read(data_file_mode=wrong)


def test_a_private_file_is_private_in_any_folder(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"1", mode=0o600)
    write_once(tmp_path / "b", b"1", mode=0o600)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"} == {0o600}


def test_what_is_written_once_stays(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        write_once(tmp_path / "key", content)
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("link", ["", "raw", ".candidates", "versions", f"versions/{DAY}", "stragglers"])
def test_nothing_is_written_through_a_link(ledger: Ledger, store: Store, tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = store.data_dir / "ru_python" / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(FetchError, match="is a symbolic link") as caught:
        fetch_day(ledger, store.day("ru_python", DAY), [message(1)])
    assert caught.value.error_type is ErrorType.VALIDATION
    assert not caught.value.retryable
    assert "\n" not in str(caught.value)
    assert list(elsewhere.iterdir()) == []


def test_a_chat_that_is_a_link_is_no_chat_of_ours(store: Store, tmp_path: Path) -> None:
    (store.data_dir / "ru_python").symlink_to(tmp_path)
    assert store.chats() == []
    with pytest.raises(FetchError, match="is a symbolic link"):
        Stragglers.of(store, "ru_python").keep(DAY, [b"{}"])


def test_data_dir_itself_may_be_a_link(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    fetch_day(ledger, Store(tmp_path / "data", "UTC").day("ru_python", DAY), [message(1)])
    with exclusive(tmp_path / "data" / ".lock"):
        assert (tmp_path / "disk" / "ru_python" / f"{DAY}.json").exists()
