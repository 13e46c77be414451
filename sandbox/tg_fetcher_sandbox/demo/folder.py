"""The demo's working folder: fresh each time, its own, and never somebody else's."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import ENV_FILE_VARIABLE, Settings

MARK = ".tg-fetcher-demo.lock"
"""Held while a demo runs; its presence also says that the folder may be emptied."""


class DemoFolder:
    """The paths of one demo."""

    def __init__(self, path: Path) -> None:
        """Takes the folder."""
        self.path = path.resolve()
        self.data = self.path / "data"
        self.sessions = self.path / "sessions"
        self.logs = self.path / "logs"
        self.requests = self.path / "requests.jsonl"
        self.truth = self.path / "truth.json"
        self.env_file = self.path / ".env"
        self.dagster_home = self.path / "dagster_home"
        self.workspace = self.path / "workspace.json"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Empties the folder and keeps it for this process.

        Raises:
            FetchError: (validation) another demo uses it, or it is no demo's folder; (storage) it cannot be
                written.
        """
        mark = self.path / MARK
        if self.path.is_dir() and not mark.exists() and any(self.path.iterdir()):
            raise FetchError(
                ErrorType.VALIDATION,
                f"{self.path} has files and is no demo's folder: choose another --folder",
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with FileLock(mark, timeout=0):
                for entry in self.path.iterdir():
                    if entry == mark:
                        continue
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
                yield
        except Timeout:
            raise FetchError(
                ErrorType.VALIDATION,
                f"a demo runs in {self.path} already: end it, or choose another --folder",
            ) from None
        except PermissionError as error:
            raise FetchError(ErrorType.STORAGE, f"{self.path} cannot be written: {error}") from error

    def write_env(self, values: dict[str, str]) -> None:
        """Writes the demo's `.env`, for its owner only."""
        self.env_file.touch(mode=0o600)
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def write_dagster(self, instance_config: Path, *, code_server_port: int) -> None:
        """Writes the Dagster instance's home and the workspace of one code server."""
        self.dagster_home.mkdir()
        shutil.copy(instance_config, self.dagster_home / "dagster.yaml")
        server = {"host": "127.0.0.1", "port": code_server_port, "location_name": "tg_fetcher_dagster"}
        self.workspace.write_bytes(orjson.dumps({"load_from": [{"grpc_server": server}]}))  # JSON is YAML too

    def environment(self) -> dict[str, str]:
        """Returns the environment of the demo's programs: this one's, without settings of the real thing."""
        settings = {name.upper() for name in Settings.model_fields}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.upper() not in settings and not name.startswith("DAGSTER_")
        }
        return {
            **kept,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
            ENV_FILE_VARIABLE: str(self.env_file),
            "DAGSTER_HOME": str(self.dagster_home),
            "PYTHONUNBUFFERED": "1",
        }
