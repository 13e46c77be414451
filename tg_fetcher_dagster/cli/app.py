"""The command `tg-fetcher`.

Starting is light: what a command needs is imported when it runs. Every failure ends as one line on standard
error and exit code 1 (2 for a wrong use, 130 for Ctrl-C); only `--verbose` shows a stack trace.
"""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import FrameType

import typer
from typer.exceptions import TyperException

from tg_fetcher_dagster.cli import (
    accept,
    accounts,
    cancel,
    chats,
    diff,
    events,
    extensions,
    failed,
    fetch,
    heal,
    init,
    ledger,
    logged,
    login,
    monitor,
    rebuild,
    starting,
    status,
    verify,
)
from tg_fetcher_dagster.cli.console import complain, complain_trace
from tg_fetcher_dagster.cli.usage import IDS_ALLOWED
from tg_fetcher_dagster.errors import FetchError

INTERRUPTED = 130
"""128 and SIGINT's number, as shells have it."""

app = typer.Typer(
    name="tg-fetcher",
    help="Telegram chats, day by day and complete, as files.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def begin(
    context: typer.Context,
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show the log of what happens inside."),
) -> None:
    """Telegram chats, day by day and complete, as files."""
    starting.VERBOSE.set(verbose)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("init")(init.init)
app.command("login")(login.login)
app.add_typer(accounts.app, name="accounts")
app.add_typer(chats.app, name="chats")
app.command("fetch", context_settings=IDS_ALLOWED)(fetch.fetch)
app.command("status")(status.status)
app.command("monitor")(monitor.monitor)
app.command("cancel", context_settings=IDS_ALLOWED)(cancel.cancel)
app.command("heal", context_settings=IDS_ALLOWED)(heal.heal)
app.add_typer(failed.app, name="failed")
app.add_typer(events.app, name="events")
app.command("diff", context_settings=IDS_ALLOWED)(diff.diff)
app.add_typer(ledger.app, name="ledger")
app.command("rebuild", context_settings=IDS_ALLOWED)(rebuild.rebuild)
app.command("verify", context_settings=IDS_ALLOWED)(verify.verify)
app.command("accept", context_settings=IDS_ALLOWED)(accept.accept)
app.command("logged", context_settings=logged.OPTIONS_ARE_THE_PROGRAMS)(logged.logged)


@app.command("sandbox", **extensions.PASSED_ON)
def sandbox(context: typer.Context) -> int:
    """A Telegram server of our own on 127.0.0.1: serve it, or print what is true of its world."""
    return extensions.pass_on(context)


@app.command("demo", **extensions.PASSED_ON)
def demo(context: typer.Context) -> int:
    """The whole flow on this machine: a sandbox, Redis, Dagster, commands, files and events."""
    return extensions.pass_on(context)


def run(arguments: Sequence[str]) -> int:
    """Runs a command line and returns its exit code; every failure is told in one line."""
    try:
        code = app(args=list(arguments), prog_name="tg-fetcher", standalone_mode=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort: it is told, and fails the command
        complain(_told(error))
        if starting.VERBOSE.get():
            complain_trace(traceback.format_exc())
        return getattr(error, "exit_code", 1)
    return code if isinstance(code, int) else 0


def _told(error: Exception) -> str:
    if isinstance(error, FetchError):
        return error.message
    if isinstance(error, TyperException):
        return error.format_message()
    if isinstance(error, typer.Abort):
        return "the input has ended"
    return f"internal: {type(error).__name__}: {error} (tg-fetcher --verbose ... shows the trace)"


def _end(number: int, frame: FrameType | None) -> None:
    """Ends as Ctrl-C does, once: `timeout` sends SIGTERM to the process and again to its group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.default_int_handler(number, frame)


def main() -> None:
    """The entry point."""
    if not sys.warnoptions:
        # Those of libraries are for developers: `python -W default -m tg_fetcher_dagster.cli.app` shows them.
        warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, _end)
    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        # A run may still be busy in a thread that nothing can stop. It leaves nothing half-written behind:
        # a day is visible when it is whole, and the system gives locks back.
        from tg_fetcher_dagster.logs.shipping import end_shipping

        end_shipping()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
