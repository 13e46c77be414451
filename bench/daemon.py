"""A Dagster instance of its own and its daemon, for what is measured through the whole of it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.sandbox import ServedSandbox
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.settings import ENV_FILE_VARIABLE, Settings

PROJECT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Place:
    """A Dagster instance of its own, with what its processes take from the environment."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        """DAGSTER_HOME."""
        return self.folder / "home"

    @contextmanager
    def daemon(self, *target: str | Path) -> Iterator[None]:
        """Runs a daemon, which brings its code server, until the block ends."""
        with (self.folder / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                [PROGRAMS / "dagster-daemon", "run", *target],
                cwd=self.folder, env=dict(self.environment), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            with suppress(ProcessLookupError):  # a code server or a run that outlived it
                os.killpg(process.pid, signal.SIGKILL)


def ours(folder: Path, redis_url: str, sandbox: ServedSandbox) -> Place:
    """Returns a deployment as `make dev` sets it up."""
    place = place_of(folder, (PROJECT / "dagster.yaml").read_text(encoding="utf-8"), {})
    values = {
        "TELEGRAM_API_ID": "1",
        "TELEGRAM_API_HASH": "0123456789abcdef0123456789abcdef",
        "REDIS_URL": redis_url,
        "DATA_DIR": str(folder / "data"),
        "SESSION_DIR": str(folder / "sessions"),
        "RATE_LIMIT_CALLS_PER_SEC": "1000",
        "RUN_SENSORS": "true",
        **({"LEDGER_URL": url} if (url := os.environ.get("LEDGER_URL")) else {}),
    }
    file = Path(place.environment[ENV_FILE_VARIABLE])
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
    AccountStore(Settings.read(env_file=file).session_dir).save("main", sandbox.session)
    pool = [PROGRAMS / "dagster", "instance", "concurrency", "set", "telegram", "1"]
    subprocess.run(pool, env=dict(place.environment), check=True, capture_output=True)
    return place


def place_of(folder: Path, instance: str, more: Mapping[str, str]) -> Place:
    """Makes an instance's folder.

    Args:
        folder: an empty one, or none yet.
        instance: the content of dagster.yaml.
        more: added to the environment.
    """
    (folder / "home").mkdir(parents=True)
    (folder / "home" / "dagster.yaml").write_text(instance, encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return Place(
        folder,
        {
            **kept,
            "DAGSTER_HOME": str(folder / "home"),
            "PYTHONUNBUFFERED": "1",
            ENV_FILE_VARIABLE: str(folder / ".env"),
            **more,
        },
    )
