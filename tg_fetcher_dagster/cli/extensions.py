"""Commands that another distribution brings, so that what runs in production does not carry them.

A distribution names its commands in the entry-point group `tg_fetcher_dagster.cli`: a command's name, and the
`typer.Typer` that runs it. It is imported when the command is asked for, no earlier.
"""

from importlib.metadata import entry_points
from typing import Any, Final

import typer

from tg_fetcher_dagster.errors import ErrorType, FetchError

GROUP: Final = "tg_fetcher_dagster.cli"

PASSED_ON: Final[dict[str, Any]] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    "add_help_option": False,
}
"""How such a command is declared: all its arguments, `--help` too, belong to the program behind it."""


def pass_on(context: typer.Context) -> int:
    """Runs the command with its arguments and returns its exit code.

    Raises:
        FetchError: (validation) no installed distribution brings it.
    """
    name = context.info_name
    found = next(iter(entry_points(group=GROUP, name=name or "")), None)
    if found is None:
        raise FetchError(
            ErrorType.VALIDATION,
            f"{name} is not installed: in a checkout of the project, `make install`"
            " (or pip install -e 'sandbox[demo]' -e .) brings it",
        )
    program: typer.Typer = found.load()
    code = program(args=list(context.args), prog_name=context.command_path, standalone_mode=False)
    return code if isinstance(code, int) else 0
