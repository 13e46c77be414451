"""Where consumers find a day's files: by absolute paths, as they see DATA_DIR. Pure."""

import os
from pathlib import Path

from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import DayPaths


def told_paths(paths: DayPaths, settings: Settings) -> dict[str, str]:
    """Returns the paths of a `messages_fetched` event, by the event's keys.

    Absolute, so that a consumer in another working folder can open them, and under EVENTS_DATA_ROOT where
    consumers see the folder elsewhere (another container, another host); `relative_path` is the day file's
    under either. A link in DATA_DIR's path stays: where it leads may not be theirs to see.

    Example:
        >>> from datetime import date
        >>> paths = DayPaths(Path("data"), "ru_python", date(2025, 11, 7))
        >>> told = told_paths(paths, Settings(events_data_root=Path("/mnt/telegram")))
        >>> told["file_path"], told["relative_path"]
        ('/mnt/telegram/ru_python/2025-11-07.json', 'ru_python/2025-11-07.json')
    """
    root = settings.events_data_root or Path(os.path.abspath(paths.data_dir))  # noqa: PTH100 - keeps links

    def told(path: Path) -> str:
        return str(root / path.relative_to(paths.data_dir))

    return {
        "file_path": told(paths.day_file),
        "summary_file_path": told(paths.summary),
        "threads_file_path": told(paths.threads),
        "participants_file_path": told(paths.participants),
        "relative_path": str(paths.day_file.relative_to(paths.data_dir)),
    }
