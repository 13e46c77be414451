"""A setting that is set to nothing counts as not set, but for REDIS_URL: there it means "without Redis"."""

from pathlib import Path

import pytest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.redis_connection import connect
from tg_fetcher_dagster.settings import Settings


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("env", "file", "url"),
    [
        (None, None, "redis://localhost:6379"),
        ("", None, None),
        ("redis://a:1", None, "redis://a:1"),
        (None, "", None),
        ("redis://a:1", "", None),
        ("", "redis://b:2", "redis://b:2"),
        ("redis://a:1", "redis://b:2", "redis://b:2"),
    ],
)
def test_an_empty_redis_url_means_none_wherever_it_is_said(
    monkeypatch: pytest.MonkeyPatch, env: str | None, file: str | None, url: str | None
) -> None:
    if env is not None:
        monkeypatch.setenv("REDIS_URL", env)
    if file is not None:
        Path(".env").write_text(f"REDIS_URL={file}\n")
    assert Settings.read().redis_url == url


def test_any_other_empty_setting_is_as_if_it_were_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TELEGRAM_API_ID=\nEVENTS_CHANNEL=\n")
    monkeypatch.setenv("TELEGRAM_API_ID", "12345")
    settings = Settings.read()
    assert (settings.telegram_api_id, settings.events_channel) == (12345, "tg_events")


def test_who_needs_redis_says_in_one_line_that_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    with pytest.raises(
        FetchError, match="setting REDIS_URL is empty: there is no Redis to talk to"
    ) as caught:
        connect(Settings.read())
    assert caught.value.error_type is ErrorType.VALIDATION
