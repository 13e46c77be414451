"""On which days something is written, and how much: the scenario's `days` and `messages_per_day`."""

import re
from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RELATIVE_DAY = re.compile(r"(today|yesterday)(?:\s*-\s*(\d+))?")
MOST_A_DAY = 5_000_000


class Strict(BaseModel):
    """What every part of a scenario has in common: nothing misspelt passes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Days(Strict):
    """The days with messages, both ends included.

    A day is an ISO date, `today`, `yesterday` or either with `- N`; relative days are taken from the day on
    which the scenario is loaded (UTC).
    """

    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @field_validator("first", "last", mode="before")
    @classmethod
    def _relative(cls, value: object, info: ValidationInfo) -> object:
        found = RELATIVE_DAY.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None:
            return value
        today = (info.context or {})["today"]
        back = int(found[2] or 0) + (found[1] == "yesterday")
        return today - timedelta(days=back)

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"from {self.first} is after to {self.last}")
        return self

    def all(self) -> list[date]:
        """Returns the days, oldest first."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


def _volumes(given: object) -> object:
    """Checks by hand: a union's own errors would name the members that were not meant."""
    numbers: list[object]
    if isinstance(given, dict):
        # YAML reads 2025-11-07 as a date.
        given = {key.isoformat() if isinstance(key, date) else str(key): of for key, of in given.items()}
        for key in set(given) - {*WEEKDAYS, "default"}:
            date.fromisoformat(key)
        numbers = list(given.values())
    elif isinstance(given, list):
        if not given:
            raise ValueError("the list of volumes is empty")
        numbers = given
    else:
        numbers = [given]
    for number in numbers:
        if not isinstance(number, int) or not 0 <= number <= MOST_A_DAY:
            raise ValueError(f"{number!r} is no number of messages from 0 to {MOST_A_DAY}")
    return given


Volume = Annotated[int, Field(ge=0, le=MOST_A_DAY)]
Volumes = Annotated[int | list[int] | dict[str, int], BeforeValidator(_volumes)]
"""Messages a day: a number, a cycle of numbers, or numbers by weekday (`mon`), date and `default`."""


def volume_on(volumes: int | list[int] | dict[str, int], day: date, number: int) -> int:
    """Returns how many messages a day has; `number` counts the chat's days from 0."""
    if isinstance(volumes, int):
        return volumes
    if isinstance(volumes, list):
        return volumes[number % len(volumes)]
    for key in (day.isoformat(), WEEKDAYS[day.weekday()], "default"):
        if key in volumes:
            return volumes[key]
    return 0
