"""The code location: what is global stands here, everything else in `defs/`, one module a concept."""

import warnings
from pathlib import Path

import dagster as dg

from tg_fetcher_dagster.settings import DefinitionSettings


@dg.definitions
def defs() -> dg.Definitions:
    """Returns all definitions, with the in-process executor: a run has one step that matters.

    A run scales by days, many runs by workers; processes inside a run would only cost their start
    (trivial runs took 0.4 to 2.5 s in process and 29 to 36 s with the default executor).

    Raises:
        FetchError: (validation) a setting that shapes the definitions is wrong. It is read here first, since
            Dagster's own error for a module that fails shows the tree of modules in place of the reason.
    """
    DefinitionSettings.read()
    # Dagster 1.13 warns in every process, and later than here, of what its own run status sensors set.
    warnings.filterwarnings("ignore", message="Parameter `owners` of initializer `SensorDefinition")
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
