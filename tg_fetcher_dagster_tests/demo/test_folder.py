"""The demo's folder: fresh, its own, and without anything of the real thing."""

import pytest

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_sandbox.demo.folder import DemoFolder


def test_a_folder_is_emptied_each_time(tmp_path):
    folder = DemoFolder(tmp_path / "demo")
    with folder.taken():
        (folder.path / "data").mkdir()
        (folder.path / "data" / "old.json").touch()
        folder.write_env({"A": "b"})
    with folder.taken():
        assert [path.name for path in folder.path.iterdir() if not path.name.startswith(".tg")] == []


def test_a_folder_with_somebodys_files_is_never_emptied(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FetchError, match="has files and is no demo's folder"), DemoFolder(tmp_path).taken():
        pass
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_two_demos_in_one_folder_are_refused_in_one_line(tmp_path):
    with (
        DemoFolder(tmp_path / "demo").taken(),
        pytest.raises(FetchError, match=r"a demo runs in .*/demo already"),
        DemoFolder(tmp_path / "demo").taken(),
    ):
        pass


def test_the_settings_are_for_their_owner_only(tmp_path):
    folder = DemoFolder(tmp_path)
    folder.write_env({"REDIS_URL": "redis://127.0.0.1:1"})
    assert folder.env_file.stat().st_mode & 0o777 == 0o600
    assert folder.env_file.read_text() == "REDIS_URL=redis://127.0.0.1:1\n"


def test_no_setting_of_the_real_thing_reaches_the_demos_programs(tmp_path, monkeypatch):
    monkeypatch.setenv("TELEGRAM_API_HASH", "0" * 32)
    monkeypatch.setenv("REDIS_URL", "redis://production:6379")
    monkeypatch.setenv("DAGSTER_HOME", "/srv/dagster")
    environment = DemoFolder(tmp_path).environment()
    assert "TELEGRAM_API_HASH" not in environment
    assert "REDIS_URL" not in environment
    assert environment["DAGSTER_HOME"] == str(tmp_path / "dagster_home")
    assert environment["TG_FETCHER_ENV_FILE"] == str(tmp_path / ".env")
