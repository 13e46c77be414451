"""A real Dagster daemon over an instance, a Redis and a sandbox of the test's own."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import orjson
import redis

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.settings import ENV_FILE_VARIABLE, Settings
from tg_fetcher_dagster_tests.consumer import read_event
from tg_fetcher_dagster_tests.waiting import until
from tg_fetcher_sandbox.background import RunningSandbox

T = TypeVar("T")

PROJECT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent


LOOK_SECONDS = 0.2
"""Seconds between two looks at what the daemon does: a look opens files or a connection."""


@dataclass
class Deployment:
    """One instance with its settings; processes are started and ended one by one."""

    folder: Path
    sandbox: RunningSandbox
    redis_url: str
    env: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        (self.home / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
        self.write_env()
        AccountStore(self.settings.session_dir).save("main", self.sandbox.session)
        self._dagster("instance", "concurrency", "set", "telegram", "1")

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def settings(self) -> Settings:
        return Settings.read(env_file=self.folder / ".env")

    def write_env(self, **changes: str) -> None:
        """Writes `.env`, with settings changed."""
        self.env = {
            "TELEGRAM_API_ID": "1",
            "TELEGRAM_API_HASH": "0123456789abcdef0123456789abcdef",
            "REDIS_URL": self.redis_url,
            "DATA_DIR": str(self.data_dir),
            "SESSION_DIR": str(self.folder / "sessions"),
            "RATE_LIMIT_CALLS_PER_SEC": "1000",
            "RETRY_BACKOFF_FACTOR": "1",
            "RUN_SENSORS": "true",
            **self.env,
            **changes,
        }
        lines = [f"{name}={value}\n" for name, value in self.env.items()]
        (self.folder / ".env").write_text("".join(lines), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ
        }
        return {
            **kept,
            "DAGSTER_HOME": str(self.home),
            ENV_FILE_VARIABLE: str(self.folder / ".env"),
            "PYTHONUNBUFFERED": "1",
        }

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """Starts the daemon, which brings its own code server."""
        return self.start([PROGRAMS / "dagster-daemon", "run", "-w", PROJECT / "workspace.yaml"])

    def start(self, arguments: list[Any]) -> subprocess.Popen[bytes]:
        """Starts a program over the deployment; `stop` ends it."""
        with (self.folder / f"{Path(arguments[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(
                arguments,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    @contextmanager
    def process(self, arguments: list[Any]) -> Iterator[subprocess.Popen[bytes]]:
        """Runs another program over the deployment until the block ends."""
        process = self.start(arguments)
        try:
            yield process
        finally:
            self.processes.remove(process)
            self._end([process])

    def stop(self) -> None:
        """Ends all that was started, at once."""
        self._end(self.processes)

    @staticmethod
    def _end(processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _dagster(self, *arguments: str) -> None:
        subprocess.run(
            [str(PROGRAMS / "dagster"), *arguments],
            env=self.environment,
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Opens the instance beside the daemon."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            yield instance

    def push(self, **command: Any) -> str:
        """Pushes a command as a producer would; returns its id."""
        return self.push_at_once(command)[0]

    def push_at_once(self, *commands: dict[str, Any]) -> list[str]:
        """Pushes commands in one step, so that one tick finds them all; returns their ids."""
        whole = [{"command": "fetch", "command_id": uuid.uuid4().hex, **command} for command in commands]
        with redis.Redis.from_url(self.redis_url) as client:
            client.rpush("tg_commands", *map(orjson.dumps, whole))
        return [command["command_id"] for command in whole]

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Returns what stands on the stream so far, after a strict consumer has found no fault in it."""
        with redis.Redis.from_url(self.redis_url) as client:
            entries = [fields[b"event"] for _, fields in client.xrange("tg_events:stream")]
        return [orjson.loads(entry) for entry in entries if not names or read_event(entry).event in names]

    def until(self, met: Callable[[], T], *, what: str) -> T:
        """Waits until the daemon has brought something about; returns it."""
        try:
            return until(met, what=what, look_seconds=LOOK_SECONDS)
        except AssertionError as error:
            files = sorted(self.folder.glob("*.log"))
            log = "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
            raise AssertionError(f"{error}; the daemon said:\n{log[-6000:]}") from None
