"""Values of SQLite, read one by one: its columns hold whatever somebody puts there (sqlite.org, "Datatypes").

What makes no sense spoils its own row and no other: a word for a number counts as none.
"""

import datetime as dt
from typing import TypeVar

Number = TypeVar("Number", int, float)


def read_date(value: object) -> dt.date | None:
    """Returns a day, from a database that knows days or one that writes them; None where it is none."""
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        return None


def read_number(value: object, *, otherwise: Number) -> Number:
    """Returns a number of the kind of `otherwise`, which stands for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return type(otherwise)(value)
    return otherwise
