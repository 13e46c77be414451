"""Every setting, validated once (docs/settings.md lists them).

Settings come from the environment and from `.env` in the working folder (or the file that
`TG_FETCHER_ENV_FILE` names). What `.env` says wins: Dagster copies `.env` into the environment when a
process starts, so an older copy there must not hide a change of the file. They are read at the start of
each tick and run; only `DefinitionSettings` shape the definitions and need a reload of the code location.
"""

import os
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import orjson
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from tg_fetcher_dagster.errors import ErrorType, FetchError

ENV_FILE_VARIABLE = "TG_FETCHER_ENV_FILE"
SECRETS = frozenset(
    {
        "TELEGRAM_API_ID",
        "TELEGRAM_API_HASH",
        "TELEGRAM_PHONE",
        "TELEGRAM_PASSWORD",
        "REDIS_PASSWORD",
        "REDIS_URL",
        "LEDGER_URL",
        "SESSION_KEY",
        "LOKI_URL",
    }
)


def _list_of_chats(value: object) -> object:
    """Accepts a JSON list or a comma-separated line; an empty line is an empty list."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            parsed = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"not a JSON list: {error}") from None
        return [str(item) for item in parsed]
    return [part.strip() for part in text.split(",") if part.strip()]


def _known_zone(value: object) -> object:
    if isinstance(value, str) and value not in available_timezones():
        raise ValueError("must be an IANA time zone such as UTC or Europe/Moscow")
    return value


def _upper_case(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _octal(value: object) -> object:
    text = str(value).strip().removeprefix("0o").zfill(4)
    if not re.fullmatch(r"06[046][04]", text):
        raise ValueError("must be 0600, 0640, 0644, 0660 or 0664")
    return text


def _none_for_blank(value: object) -> object:
    return None if value == "" else value


BLANK_SPEAKS = frozenset({"redis_url"})
"""Settings that say something when they are set to nothing; all others count as not set then."""

Chats = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_list_of_chats)]
Zone = Annotated[str, BeforeValidator(_known_zone)]


class _Blanks(PydanticBaseSettingsSource):
    """The settings of BLANK_SPEAKS that a source sets to nothing, which `env_ignore_empty` hides."""

    def __init__(self, settings_cls: type[BaseSettings], source: EnvSettingsSource) -> None:
        super().__init__(settings_cls)
        self._set = source.env_vars

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Returns the value of one setting, as pydantic-settings asks for it."""
        del field
        return self._set.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Returns the settings that are set to nothing."""
        known = BLANK_SPEAKS & self.settings_cls.model_fields.keys()
        return {name: "" for name in known if self._set.get(name) == ""}


class _FromEnvironment(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=False, env_file_encoding="utf-8"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = dotenv_settings.env_file if isinstance(dotenv_settings, DotEnvSettingsSource) else None
        return (
            init_settings,
            _Blanks(settings_cls, DotEnvSettingsSource(settings_cls, file, env_ignore_empty=False)),
            dotenv_settings,
            _Blanks(settings_cls, EnvSettingsSource(settings_cls, env_ignore_empty=False)),
            env_settings,
        )

    @classmethod
    def read(cls, *, env_file: Path | None = None, **overrides: Any) -> Self:  # noqa: ANN401 - any setting's
        """Returns the settings as they are now.

        Args:
            env_file: another file than the one that this process would read.
            overrides: settings that win over all others.

        Raises:
            FetchError: (validation) one line that names the variable, the value (never a secret) and what
                is allowed.
        """
        file = env_file or Path(os.environ.get(ENV_FILE_VARIABLE) or ".env")
        try:
            return cls(_env_file=file if file.is_file() else None, **overrides)
        except ValidationError as error:
            raise FetchError(ErrorType.VALIDATION, _one_line(error)) from None
        except (OSError, UnicodeDecodeError) as error:
            reason = "it is not UTF-8 text" if isinstance(error, ValueError) else error.strerror
            raise FetchError(ErrorType.VALIDATION, f"{file} cannot be read: {reason}") from None


class DefinitionSettings(_FromEnvironment):
    """What shapes Dagster's definitions: a change needs a reload of the code location."""

    history_start: date = Field(date(2025, 1, 1), description="The first day that can be fetched.")
    timezone: Zone = Field("UTC", description="The zone of a day's bounds; an IANA name.")
    daily_schedule_cron: str = Field("15 0 * * *", description="When yesterday is fetched for all chats.")
    max_retry_attempts: int = Field(3, ge=0, le=10, description="Tries after the first one of a run's step.")
    retry_backoff_factor: float = Field(
        2.0, ge=1, le=10, description="Seconds before the first retry; the wait doubles after that."
    )

    run_sensors: bool = Field(
        default=False,
        description="Whether the sensors and the schedule that ask Telegram for days run by themselves; a"
        " checkout for development does not eat a deployment's queue. Once switched in the UI, that holds.",
    )

    @property
    def zone(self) -> ZoneInfo:
        """The zone of a day's bounds."""
        return ZoneInfo(self.timezone)


class Settings(DefinitionSettings):
    """All settings of a process."""

    telegram_api_id: int | None = Field(
        None, gt=0, description="From my.telegram.org, API development tools."
    )
    telegram_api_hash: SecretStr | None = Field(None, description="32 characters, from the same page.")
    telegram_phone: str | None = Field(
        None, pattern=r"^\+\d{10,15}$", description="+ and 10 to 15 digits; only for signing in."
    )
    telegram_password: SecretStr | None = Field(None, description="The 2FA password, only for signing in.")
    telegram_dc: str | None = Field(
        None, pattern=r"^\d+:[^:\s]+:\d+$", description="Another server to sign in to: DC:HOST:PORT."
    )
    telegram_dc_public_key: Path | None = Field(None, description="The PEM file of that server's RSA key.")
    telegram_account: str = Field(
        "main", pattern=r"^[a-z0-9_]{1,32}$", description="The account that reads: its name in SESSION_DIR."
    )
    telegram_chats: Chats = Field((), description="Chats to keep: a JSON list or comma-separated.")

    fetch_mode: Literal["yesterday", "full", "incremental", "date", "range"] = "yesterday"
    fetch_date: date | None = None
    fetch_start: date | None = None
    fetch_end: date | None = None
    force_refetch: bool = Field(default=False, description="Fetch complete days again, whoever asks.")

    data_dir: Path = Path("./data")
    data_file_mode: Annotated[str, BeforeValidator(_octal)] = Field(
        "0640",
        description="Of files in a DATA_DIR that is made anew; folders may be looked into by the same.",
    )
    ledger_url: str | None = Field(
        None,
        description="The ledger's database; default: an SQLite file in DATA_DIR. With several hosts:"
        " postgresql://user:password@host/database.",
    )
    session_dir: Path = Path("./sessions")
    session_key: SecretStr | None = Field(
        None, description="A Fernet key for the sessions; without it one is kept in SESSION_DIR, mode 600."
    )
    progress_file: Path | None = Field(None, description="Default: progress.json in DATA_DIR.")

    redis_url: Annotated[str | None, BeforeValidator(_none_for_blank)] = Field(
        "redis://localhost:6379",
        pattern=r"^(rediss?|unix)://",
        description="Commands in, events out; set to nothing (`REDIS_URL=`) to run without Redis.",
    )
    redis_password: SecretStr | None = None
    commands_queue: str = Field("tg_commands", min_length=1)
    commands_per_minute: int = Field(
        30_000, ge=0, description="Of one requested_by; more of them wait for their turn. 0: no limit."
    )
    chats_allowed: Literal["any", "configured"] = Field(
        "any", description="Which chats commands may ask for: any, or those of TELEGRAM_CHATS alone."
    )
    dedup_window_seconds: float = Field(
        300.0, ge=0, allow_inf_nan=False, description="So long the same ask is answered by the one before."
    )
    max_runs_ahead: int = Field(
        4, ge=1, le=100, description="Runs that are asked for and have not ended, of one urgency."
    )
    heal_days: int = Field(
        14, ge=0, le=365, description="Earlier days without an end that a daily round asks for, a chat."
    )
    events_channel: str = Field("tg_events", min_length=1)
    events_data_root: Path | None = Field(
        None, description="Where consumers see DATA_DIR, if elsewhere: the paths in events begin with it."
    )
    service_name: str = Field("tg_fetcher", min_length=1)

    comments_limit_per_message: int = Field(50, ge=0, description="0 turns comments off.")
    rate_limit_calls_per_sec: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description="Requests to Telegram in a second after a burst of 15, an account's own pace.",
    )
    flood_wait_in_run: float = Field(
        120.0,
        ge=0,
        description="Seconds of a flood wait that a run waits out; longer ones give its slot back.",
    )

    deletion_share: float = Field(
        0.2, ge=0, le=1, description="A day that lacks this share of its messages is not believed at once."
    )
    deletion_messages: int = Field(
        10, ge=1, description="Fewer messages than these may go; a day that had some and has none may not."
    )
    deletion_confirm_hours: float = Field(
        24.0, ge=0, allow_inf_nan=False, description="Hours until a second reading confirms a deletion."
    )
    edge_messages: int = Field(
        5,
        ge=2,
        le=40,
        description="Neighbours beyond a day's edges that must be in order before the day is whole.",
    )
    edge_pages: int = Field(3, ge=1, description="Or so many pages without a message of the day.")

    enable_events: bool = True
    enable_progress_events: bool = True
    progress_interval: int = Field(100, ge=1, description="Messages between two fetch_progress events.")
    events_stream_length: int = Field(10_000, ge=1, description="The stream keeps about so many days' ends.")

    link_normalize_enabled: bool = True
    token_estimate_enabled: bool = True
    message_classifier_enabled: bool = True
    language_detect_enabled: bool = True
    data_schema_version: str = Field("1.0", pattern=r"^1\.\d+$")
    preprocessing_version: str = Field("1", min_length=1)

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper_case)
    ] = "INFO"
    log_format: Literal["json", "text"] = "json"
    environment: str = Field(
        "development",
        pattern=r"^[A-Za-z0-9_.\-]{1,64}$",
        description="Which of several deployments this is; on every log line.",
    )
    worker_id: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        description="Who of several on a host writes a log line. Default: HOST:PID.",
    )
    enable_metrics: bool = True
    metrics_port: int = Field(
        9090, ge=1, le=65535, description="Where tg-fetcher monitor listens; Prometheus itself has 9090, too."
    )
    monitor_host: str = Field(
        "127.0.0.1", min_length=1, description="The address that tg-fetcher monitor listens on."
    )
    metrics_chats: int = Field(
        200, ge=0, le=10_000, description="Chats with metrics of their own; the rest is shown as `other`."
    )
    day_deadline_hours: float = Field(
        6.0,
        ge=0,
        allow_inf_nan=False,
        description="Hours after a day's end from which on a day that is missing is overdue.",
    )
    pushgateway_url: str | None = None
    loki_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="A Loki that log lines are pushed to besides; /loki/api/v1/push where it has no path.",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.telegram_api_hash is not None:
            value = self.telegram_api_hash.get_secret_value()
            if len(value) != 32 or not value.isalnum():  # noqa: PLR2004 - Telegram's own length
                raise ValueError("TELEGRAM_API_HASH: must be 32 letters and digits")
        if self.fetch_start and self.fetch_end and self.fetch_start > self.fetch_end:
            raise ValueError(f"FETCH_START: {self.fetch_start} is after FETCH_END {self.fetch_end}")
        if self.events_data_root is not None and not self.events_data_root.is_absolute():
            raise ValueError(f"EVENTS_DATA_ROOT={self.events_data_root}: must be an absolute path")
        if self.fetch_mode == "date" and self.fetch_date is None:
            raise ValueError("FETCH_DATE: needed when FETCH_MODE is date (YYYY-MM-DD)")
        if self.fetch_mode == "range" and (self.fetch_start is None or self.fetch_end is None):
            raise ValueError("FETCH_START and FETCH_END: needed when FETCH_MODE is range (YYYY-MM-DD)")
        return self

    @property
    def ledger_location(self) -> str:
        """The URL of the ledger's database."""
        return self.ledger_url or f"sqlite:///{self.data_dir.absolute() / '.ledger' / 'ledger.sqlite'}"

    @property
    def file_mode(self) -> int:
        """DATA_FILE_MODE as a number."""
        return int(self.data_file_mode, 8)

    @property
    def progress_path(self) -> Path:
        """Where the progress report is written."""
        return self.progress_file or self.data_dir / "progress.json"


def _one_line(error: ValidationError) -> str:
    """The first fault and how many more there are, in one line without secrets."""
    faults = error.errors(include_url=False)
    first = faults[0]
    name = str(first["loc"][0]).upper() if first["loc"] else ""
    said = first["msg"].removeprefix("Value error, ")
    if not name:
        line = said
    elif name in SECRETS:
        line = f"{name}: {said} (the value is not shown)"
    else:
        line = f"{name}={first['input']!r}: {said}"
    more = len(faults) - 1
    return f"setting {line}" + (f" (and {more} more)" if more else "")
