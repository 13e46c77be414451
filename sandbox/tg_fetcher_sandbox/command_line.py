"""`tg-fetcher sandbox`: a Telegram of one's own to try and test things with."""

import asyncio
import contextlib
import errno
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from tg_fetcher_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from tg_fetcher_sandbox.server import SandboxServer

app = typer.Typer(
    no_args_is_help=True,
    help="A Telegram stand-in on 127.0.0.1, made from a scenario file, that real clients talk to.",
)

ScenarioOption = Annotated[Path, typer.Option("--scenario", help="The world: YAML, see docs/scenarios.md.")]


@app.command()
def serve(
    scenario: ScenarioOption,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
    requests: Annotated[
        Path | None, typer.Option(help="Write every request to this file, one JSON line each.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Keep the server's key and the clients' keys in this file (mode 600).")
    ] = None,
) -> None:
    """Serve a scenario until SIGTERM or Ctrl-C; one JSON line tells when it is ready and how to reach it."""
    with _one_line_errors():
        asyncio.run(_serve(scenario, port=port, requests=requests, key=key))


@app.command()
def truth(scenario: ScenarioOption) -> None:
    """Print what is true of a scenario's world, as JSON: per chat and UTC day every message."""
    from tg_fetcher_sandbox.scenario import load_scenario
    from tg_fetcher_sandbox.truth import world_truth
    from tg_fetcher_sandbox.world import World

    with _one_line_errors():
        sys.stdout.buffer.write(orjson.dumps(world_truth(World(load_scenario(scenario)))) + b"\n")


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (SandboxError, OSError, ValueError) as error:
        typer.echo(f"sandbox: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from None


async def _serve(scenario: Path, *, port: int, requests: Path | None, key: Path | None) -> None:
    from tg_fetcher_sandbox.keys import KeyStore
    from tg_fetcher_sandbox.request_log import RequestLog
    from tg_fetcher_sandbox.scenario import load_scenario
    from tg_fetcher_sandbox.server import HOST, SandboxServer
    from tg_fetcher_sandbox.world import World

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    world = World(load_scenario(scenario))
    with contextlib.closing(RequestLog(requests)) as log, tempfile.TemporaryDirectory() as folder:
        server = SandboxServer(world, port=port, keys=KeyStore.open(key), requests=log)
        try:
            await server.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ValueError(f"port {port} on {HOST} is already in use") from None
            raise
        try:
            world.build()
            public_key = Path(folder, "server.pub") if key is None else key.with_name(f"{key.name}.pub")
            public_key.write_text(server.keys.server_key.public_pem + "\n", encoding="ascii")
            sys.stdout.buffer.write(orjson.dumps(_introduction(server, public_key)) + b"\n")
            sys.stdout.flush()
            await stopped.wait()
        finally:
            await server.stop()


def _introduction(server: "SandboxServer", public_key: Path) -> dict[str, Any]:
    """What a program must know to reach the sandbox and to sign in."""
    accounts = server.world.accounts
    sessions = server.sessions()
    ready = next((account for account in accounts if account.signed_in), None)
    first = ready or next(iter(accounts), None)
    return {
        "host": server.host,
        "port": server.port,
        "dc": f"2:{server.host}:{server.port}",
        "session": sessions[ready.name] if ready is not None else None,
        "sessions": sessions,
        "phone": first.phone if first is not None else None,
        "code": first.code if first is not None else None,
        "public_key": server.keys.server_key.public_pem,
        "public_key_file": str(public_key),
        "accounts": [
            {
                "name": account.name,
                "phone": account.phone,
                "code": account.code,
                "password": account.password,
                "user_id": account.user_id,
                "signed_in": account.signed_in,
            }
            for account in accounts
        ],
    }
