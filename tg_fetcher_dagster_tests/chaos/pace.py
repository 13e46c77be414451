"""The one place of the storm that looks at the clock: faults come at moments, not after what was seen."""

import time


def moment() -> float:
    """Returns seconds since 1970."""
    return time.time()


def rest_until(at: float) -> None:
    """Leaves the processor to the deployment until a moment has come."""
    if (left := at - time.time()) > 0:
        time.sleep(left)
