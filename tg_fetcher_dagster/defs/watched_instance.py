"""The instance of DAGSTER_HOME, looked at again and again by `tg-fetcher monitor`."""

import os
from pathlib import Path
from typing import Final

import dagster as dg
import yaml

from tg_fetcher_dagster.defs.instance_facts import InstanceState
from tg_fetcher_dagster.defs.instance_state import instance_state
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import DefinitionSettings

HOME: Final = "DAGSTER_HOME"

LONGEST_REASON: Final = 200
"""Characters of what Dagster says."""


class WatchedInstance:
    """An instance that stays open as long as it answers; opening one takes two seconds at first.

    Args:
        settings: of this process.
    """

    def __init__(self, settings: DefinitionSettings) -> None:
        self._settings = settings
        self._instance: dg.DagsterInstance | None = None

    def state(self, at: float) -> InstanceState:
        """Returns what it says at a moment, in seconds since 1970.

        Raises:
            FetchError: (storage) there is none, or it cannot be read.
        """
        # Taken out while it is used: a look that hangs keeps it, and the next one opens another.
        instance, self._instance = self._instance or _opened(), None
        try:
            state = instance_state(instance, self._settings, at=at)
        except Exception as error:
            # A database may refuse in any of its own ways; whatever it is, the next look begins anew.
            instance.dispose()
            raise FetchError(ErrorType.STORAGE, f"the Dagster instance: {_said(error)}") from error
        self._instance = instance
        return state


def _opened() -> dg.DagsterInstance:
    home = os.environ.get(HOME, "")
    if not Path(home).is_absolute() or not Path(home).is_dir():
        raise FetchError(ErrorType.STORAGE, f"{HOME}={home!r} is no absolute path of a folder that is there")
    try:
        return dg.DagsterInstance.get()
    except (dg.DagsterError, yaml.YAMLError, OSError) as error:
        raise FetchError(ErrorType.STORAGE, f"the Dagster instance in {home}: {_said(error)}") from error


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
