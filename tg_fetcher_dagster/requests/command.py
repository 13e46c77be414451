"""What one fetch command asks: every dialect of the queue `tg_commands`, read into one model.

Producers are liberal, so this is too in form (numbers and booleans as text, `""` for null, three names for
a range's bounds) and strict in meaning: what the mode needs must be there and right. Keys that the mode does
not use, and keys that nobody knows, are ignored. Where several ways to say the days stand together and
`mode` is absent, the most exact one is meant: `date`, then `from` and `to`, then `days`, then yesterday.
"""

import datetime as dt
import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling, written_number
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.requests.command_size import read_object, refused, shown
from tg_fetcher_dagster.requests.provenance import LONGEST, with_provenance

Mode = Literal["date", "days", "range", "yesterday", "today", "full", "incremental"]

LONGEST_RANGE: Final = 5_000
"""Days of one `range`: Telegram itself began in August 2013. Each refused day is told, so there is an end."""

LARGEST_LIMIT: Final = 2**31 - 1
"""Messages a day: no chat has so many, and Postgres' integers hold no more. A larger limit means this one."""

_USED_BY_MODE: Final[dict[str, tuple[str, ...]]] = {
    "date": ("date",),
    "days": ("days",),
    "range": ("from", "to"),
}
_OTHER_NAMES: Final = {"days": "days_back", "from": "from_date", "to": "to_date"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def _checked_chat(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a chat's name, link or id")  # noqa: TRY004 - what pydantic reports
    try:
        parse_spelling(value)
    except FetchError as error:
        raise ValueError(error.message) from None
    return written_number(value)


def _day(value: object) -> object:
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        return value.strip()
    raise ValueError("must be a date written YYYY-MM-DD")


def _whole_number(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError("must be a whole number")


def _cut_limit(value: int) -> int:
    return min(value, LARGEST_LIMIT)


def _truth(value: object) -> object:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("must be true or false")


def _strategy(value: object) -> object:
    return "per_day" if str(value).strip().lower() == "per_day" else "batch"


def _lowered(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    return "days" if text == "days_back" else text


Day = Annotated[dt.date, BeforeValidator(_day)]
Identifier = Annotated[str, Field(min_length=1, max_length=LONGEST)]
"""Ids travel through tags and labels: bounded (requests/provenance.py), so that none of them breaks."""


class FetchCommand(BaseModel):
    """A command that makes sense: `mode` is told, and what it needs is there."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    command: Annotated[Literal["fetch"], BeforeValidator(_lowered)]
    chat: Annotated[
        str,
        BeforeValidator(_checked_chat),
        WithJsonSchema({"type": ["string", "integer"]}),
        Field(description="@name, name, a t.me link, a marked id, a bare id, channel_{id}."),
    ]
    mode: Annotated[Mode, BeforeValidator(_lowered)] = Field(
        "yesterday", description="Absent: date if a date is given, else days, else yesterday."
    )
    date: Day | None = None
    days: Annotated[int, Field(ge=1, le=365), BeforeValidator(_whole_number)] | None = Field(
        None, description="The last so many whole days, today excluded."
    )
    first: Day | None = Field(None, alias="from")
    last: Day | None = Field(None, alias="to")
    strategy: Annotated[
        Literal["batch", "per_day"],
        BeforeValidator(_strategy),
        WithJsonSchema({"type": "string", "examples": ["batch", "per_day"]}),
    ] = Field("batch", description="Unknown values are accepted as batch.")
    force: Annotated[bool, BeforeValidator(_truth)] = False
    limit: Annotated[int, Field(ge=1), BeforeValidator(_whole_number), AfterValidator(_cut_limit)] | None = (
        Field(None, description="At most so many messages a day, for testing; the day is then not final.")
    )
    requested_by: Identifier = "unknown"
    timestamp: Annotated[AwareDatetime, WithJsonSchema({"type": "string"})] | None = Field(
        None, description="When it was requested: ISO 8601, with or without a zone (then UTC)."
    )
    command_id: Identifier
    correlation_id: Identifier
    notes: SkipJsonSchema[tuple[str, ...]] = ()
    """What was given and decides nothing, but could not be kept as it was: a line each."""

    @model_validator(mode="before")
    @classmethod
    def _dialect(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the producer wrote
        """Nulls and empty texts are absent; one name for each key; what the mode does not use is dropped."""
        if not isinstance(given, dict):
            return given
        told = {key: value for key, value in given.items() if value is not None and value != ""}
        for key, other in _OTHER_NAMES.items():
            if other in told:
                told.setdefault(key, told.pop(other))
        told.setdefault("mode", _mode_of(told))
        used = _USED_BY_MODE.get(str(_lowered(told["mode"])), ())
        for key in {key for keys in _USED_BY_MODE.values() for key in keys} - set(used):
            told.pop(key, None)
        return told

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = {"date": self.date, "days": self.days, "from": self.first, "to": self.last}
        for key in _USED_BY_MODE.get(self.mode, ()):
            if given[key] is None:
                raise ValueError(f"mode {self.mode} needs {key!r}")
        if self.first and self.last:
            if self.first > self.last:
                raise ValueError(f"'from' {self.first} is after 'to' {self.last}")
            if (self.last - self.first).days >= LONGEST_RANGE:
                raise ValueError(f"a range has at most {LONGEST_RANGE} days")
        return self

    @property
    def spelling(self) -> ChatSpelling:
        """How the chat is named."""
        return parse_spelling(self.chat)


def _mode_of(told: dict[str, Any]) -> str:
    """What is meant where `mode` is absent."""
    if "date" in told:
        return "date"
    if "from" in told or "to" in told:
        return "range"
    return "days" if "days" in told else "yesterday"


def parse_command(raw: bytes | str, *, made_up_id: str) -> FetchCommand:
    """Returns the command that a queue entry holds.

    Args:
        raw: the entry as it was pushed.
        made_up_id: the command's id where the producer gave none; the same for each reading of an entry.

    Raises:
        FetchError: (validation) one line: what is wrong, where, and what is allowed.
    """
    given = read_object(raw)
    present = {key: value for key, value in given.items() if value is not None and value != ""}
    told, notes = with_provenance(present, made_up_id=made_up_id)
    try:
        return FetchCommand.model_validate({**told, "notes": notes})
    except ValidationError as error:
        raise refused(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    faults = error.errors(include_url=False)
    first = faults[0]
    said = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    if not first["loc"]:
        return f"is refused: {said}{more}"
    where = str(first["loc"][0])
    if first["type"] == "missing":
        return f"has no {where!r}{more}"
    return f"has {where}={shown(first['input'])}: {said}{more}"
