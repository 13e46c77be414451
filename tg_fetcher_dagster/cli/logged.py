"""`tg-fetcher logged PROGRAM ...`: runs a program and writes its lines as all our lines are."""

import sys
from typing import Annotated, Any, Final

import typer

from tg_fetcher_dagster.errors import FetchError

OPTIONS_ARE_THE_PROGRAMS: Final[dict[str, Any]] = {"allow_interspersed_args": False}
"""How the command is declared: after the program's name everything is the program's."""


def logged(
    program: Annotated[
        list[str], typer.Argument(metavar="PROGRAM [ARGUMENTS]", help="For instance dagster-daemon run.")
    ],
) -> int:
    """Run a program, such as dagster-daemon, and write its log as ours: JSON or text, with our fields.

    Its lines go to standard error; signals and the exit code are its own. At a terminal the lines are text.
    """
    from tg_fetcher_dagster.logs.masking import remember_secrets
    from tg_fetcher_dagster.logs.origin import origin_of
    from tg_fetcher_dagster.logs.relay import Relay
    from tg_fetcher_dagster.logs.shipping import loki_push
    from tg_fetcher_dagster.settings import Settings

    try:
        settings = Settings.read()
    except FetchError:  # whoever needs them says so; that there is a log depends on no setting
        settings = Settings.model_construct()
    remember_secrets(settings)
    relay = Relay(
        origin_of=lambda pid: origin_of(settings, pid=pid),
        log_format="text" if sys.stderr.isatty() else settings.log_format,
        out=sys.stderr,
        push=loki_push(settings),
    )
    return relay.run(program)
