"""A chat's partition in the Dagster instance, where there is one (DAGSTER_HOME)."""

import os

from tg_fetcher_dagster.errors import ErrorType, FetchError


def has_instance() -> bool:
    """True where a command may look for an instance: DAGSTER_HOME, or the one that `make dev` made."""
    from tg_fetcher_dagster.cli.dagster_instance import DEFAULT_HOME, HOME

    return bool(os.environ.get(HOME)) or (DEFAULT_HOME / "dagster.yaml").exists()


def add_partition(key: str) -> None:
    """Adds a chat's partition; one that is there stays."""
    import dagster as dg

    from tg_fetcher_dagster.cli.dagster_instance import instance
    from tg_fetcher_dagster.defs.partitions import CHATS

    try:
        with instance() as dagster:
            dagster.add_dynamic_partitions(CHATS.name or "", [key])
    except (dg.DagsterError, OSError) as error:
        raise _refused(error) from error


def is_partition(key: str) -> bool:
    """True where there is an instance, and a chat's partition of exactly this name in it."""
    import dagster as dg

    from tg_fetcher_dagster.cli.dagster_instance import instance
    from tg_fetcher_dagster.defs.partitions import CHATS

    if not has_instance():
        return False
    try:
        with instance() as dagster:
            return bool(dagster.has_dynamic_partition(CHATS.name or "", key))
    except (dg.DagsterError, OSError) as error:
        raise _refused(error) from error


def remove_partition(key: str) -> None:
    """Removes a chat's partition, where there is one; runs, materialisations and files stay.

    Raises:
        FetchError: (validation) a run of the chat is under way: it would be killed.
    """
    import dagster as dg

    from tg_fetcher_dagster.cli.dagster_instance import instance
    from tg_fetcher_dagster.defs.partitions import CHATS
    from tg_fetcher_dagster.defs.partitions_in_use import partitions_in_use
    from tg_fetcher_dagster.settings import Settings

    if not has_instance():
        return
    try:
        with instance() as dagster:
            run_id = partitions_in_use(dagster, Settings.read()).get(key)
            if run_id is not None:
                raise FetchError(
                    ErrorType.VALIDATION,
                    f"chat {key}: run {run_id} is under way and would be killed; try again after it",
                )
            if dagster.has_dynamic_partition(CHATS.name or "", key):
                dagster.delete_dynamic_partition(CHATS.name or "", key)
    except (dg.DagsterError, OSError) as error:
        raise _refused(error) from error


def _refused(error: Exception) -> FetchError:
    return FetchError(
        ErrorType.VALIDATION,
        f"the Dagster instance of DAGSTER_HOME cannot be used: {str(error).strip()[:200]}",
    )
