"""The Dagster instance of commands that run something in this process, made where there is none."""

import os
from pathlib import Path

import dagster as dg
import yaml

from tg_fetcher_dagster.defs.messages import POOL
from tg_fetcher_dagster.errors import ErrorType, FetchError

HOME = "DAGSTER_HOME"

LONGEST_REASON = 200
"""Characters of what Dagster says: it lists every allowed key."""

DEFAULT_HOME = Path(".dagster_home")
"""Where `make dev` keeps its instance, so that its UI shows what was fetched directly."""

DEFAULT_INSTANCE = """\
concurrency:
  pools:
    granularity: run  # a step would wait for ever for the slot of a run that was killed
telemetry:
  enabled: false
"""
"""Of an instance that is made where there is no dagster.yaml to go by."""


def check_home() -> None:
    """Refuses a DAGSTER_HOME that Dagster would refuse with a trace, before anything is done.

    Raises:
        FetchError: (validation) it is relative, or no folder.
    """
    home = os.environ.get(HOME)
    if not home:
        return
    wrong = (
        "is no absolute path" if not Path(home).is_absolute()
        else "is no folder" if not Path(home).is_dir()
        else None
    )  # fmt: skip
    if wrong:
        raise FetchError(
            ErrorType.VALIDATION,
            f"{HOME}={home!r} {wrong}: it must be the absolute path of a folder that is there"
            f" (unset, {DEFAULT_HOME} is taken)",
        )


def instance() -> dg.DagsterInstance:
    """Returns the instance of DAGSTER_HOME, else the one in `.dagster_home`, made where there is none.

    Raises:
        FetchError: (validation) DAGSTER_HOME cannot be one.
    """
    check_home()
    if os.environ.get(HOME):
        return _opened()
    os.environ[HOME] = str(DEFAULT_HOME.resolve())
    if (DEFAULT_HOME / "dagster.yaml").exists():
        return _opened()
    DEFAULT_HOME.mkdir(exist_ok=True)
    ours = Path("dagster.yaml").resolve()
    if ours.is_file():
        (DEFAULT_HOME / "dagster.yaml").symlink_to(ours)
    else:
        (DEFAULT_HOME / "dagster.yaml").write_text(DEFAULT_INSTANCE)
    made = _opened()
    # Explicitly, as `make dev` does: the default limit alone let a fresh instance's first backfill run three.
    made.event_log_storage.set_concurrency_slots(POOL, 1)
    return made


def _opened() -> dg.DagsterInstance:
    try:
        return dg.DagsterInstance.get()
    except (dg.DagsterError, yaml.YAMLError, OSError) as error:
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise FetchError(
            ErrorType.VALIDATION, f"the Dagster instance in {os.environ[HOME]} cannot be used: {reason}"
        ) from error
