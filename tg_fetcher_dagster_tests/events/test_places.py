"""A consumer in another folder, or another container, can open what an event names."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.places import told_paths
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import DayPaths

DAY = date(2025, 11, 7)
FILES = ("file_path", "summary_file_path", "threads_file_path", "participants_file_path")


def told(settings: Settings) -> dict[str, str]:
    return told_paths(DayPaths(settings.data_dir, "ru_python", DAY), settings)


@pytest.mark.parametrize("data_dir", ["data", "./data", "sub/../data"])
def test_a_consumer_in_another_folder_opens_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data_dir: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    settings = Settings.read(data_dir=data_dir)
    paths = told(settings)
    for key in FILES:
        place = tmp_path / "data" / "ru_python" / Path(paths[key]).name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("kept")
        code = "import pathlib, sys; print(pathlib.Path(sys.argv[1]).read_text())"
        read = subprocess.run(
            [sys.executable, "-c", code, paths[key]], cwd="/", capture_output=True, text=True, check=True
        )
        assert read.stdout == "kept\n"
    assert paths["relative_path"] == "ru_python/2025-11-07.json"
    assert (settings.data_dir / paths["relative_path"]).exists()


def test_consumers_that_see_the_folder_elsewhere_are_told_their_paths(tmp_path: Path) -> None:
    paths = told(Settings.read(data_dir=tmp_path, events_data_root="/mnt/telegram/"))
    assert [paths[key] for key in FILES] == [
        "/mnt/telegram/ru_python/2025-11-07.json",
        "/mnt/telegram/ru_python/2025-11-07_summary.json",
        "/mnt/telegram/ru_python/2025-11-07_threads.json",
        "/mnt/telegram/ru_python/2025-11-07_participants.json",
    ]
    assert paths["relative_path"] == "ru_python/2025-11-07.json"


def test_a_link_that_data_dir_is_stays_in_the_path(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    paths = told(Settings.read(data_dir=tmp_path / "data"))
    assert paths["file_path"] == str(tmp_path / "data" / "ru_python" / "2025-11-07.json")


def test_a_relative_root_is_refused() -> None:
    with pytest.raises(FetchError, match="EVENTS_DATA_ROOT=data: must be an absolute path"):
        Settings.read(events_data_root="data")
