"""Bad input of every sort gives one clear line and an exit code that says whose fault it is."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from tg_fetcher_dagster import redis_connection
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.cli import queue_lengths
from tg_fetcher_dagster_tests.cli.conftest import Command, kept_identities
from tg_fetcher_dagster_tests.requests.test_redis_connection import silent_server
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

RU_PYTHON = ChatIdentity(
    key="ru_python", marked_id=-1001234567890, type="supergroup", title="Python", username="ru_python",
    first_message_date=datetime(2025, 1, 1, tzinfo=UTC).date(), added_at=datetime(2025, 11, 7, tzinfo=UTC),
)  # fmt: skip
PROGRAM = Path(sys.executable).with_name("tg-fetcher")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["fetch", "ru_python", "--date", "2025-13-01"], "is no day: write YYYY-MM-DD"),
        (["fetch", "ru_python", "--date", "07.11.2025"], "is no day: write YYYY-MM-DD"),
        (["fetch", "ru_python", "--from", "2025-11-01"], "--from and --to belong together"),
        (["fetch", "ru_python", "--from", "2025-11-02", "--to", "2025-11-01"], "is after --to"),
        (["fetch", "ru_python", "--yesterday", "--today"], "give only one of"),
        (["fetch", "ru_python", "--days", "0"], "'--days'"),
        (["fetch", "ru_python", "--limit", "none"], "'--limit'"),
        (["fetch", "--forse"], "No such option: --forse"),
        (["fetch"], "no chat: name one, or set TELEGRAM_CHATS"),
        (
            ["rebuild", "abcd", "--date", "2025-11-01", "--from", "2025-11-01", "--to", "2025-11-02"],
            "exclude",
        ),
        (["failed", "retry"], "give an id, --chat, --error-type, or --all"),
        (["chats", "add"], "Missing argument"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_code_2(command: Command, arguments: list[str], said: str):
    result = command(*arguments)
    assert result.code == 2
    assert said in result.error
    assert result.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch", "not a chat", "--yesterday"], "'not a chat' is no chat's name"),
        (["fetch", "https://t.me/+invite", "--yesterday"], "is an invite"),
        (["chats", "add", "x"], "is no chat's name"),
        (["chats", "pause", "ru_python"], "is not kept here"),
        (["chats", "remove", "-1001234567890"], "is not kept here"),
        (["chats", "add", "ru_python"], "no account 'main'"),
        (["chats", "list", "--all"], "no account 'main'"),
        (["accounts", "remove", "nobody"], "no account 'nobody'"),
        (["accounts", "import", "--session-string", "1Abc"], "a session is a secret"),
        (["fetch", "ru_python", "--yesterday"], "Redis at 127.0.0.1:1 is away"),
        (["fetch", "ru_python", "--yesterday", "--direct"], "no account 'main'"),
        (["login"], "give --phone"),
        (["login", "--phone", "12345"], "TELEGRAM_PHONE"),
        (["rebuild", "ru_pyton"], "chat 'ru_pyton' is not kept here"),
        (["rebuild", "ru_pyton", "--date", "2025-11-01"], "chat 'ru_pyton' is not kept here"),
        (["verify", "@ru_pyton"], "chat '@ru_pyton' is not kept here"),
        (["accept", "ru_pyton", "2025-11-01"], "chat 'ru_pyton' is not kept here"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(command: Command, arguments: list[str], said: str):
    result = command(*arguments)
    assert result.code == 1
    assert said in result.error


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("TIMEZONE=Mars", "setting TIMEZONE='Mars': must be an IANA time zone"),
        ("TELEGRAM_API_HASH=short-and-secret", "TELEGRAM_API_HASH: must be 32 letters"),
        ("REDIS_URL=localhost", "REDIS_URL"),
        ("FETCH_MODE=date", "FETCH_DATE: needed when FETCH_MODE is date"),
    ],
)
def test_a_wrong_setting_stops_a_command_and_is_named(command: Command, env_file: Path, line: str, said: str):
    env_file.write_text(f"{line}\n")
    result = command("status")
    assert result.code == 1
    assert said in result.error
    assert "short-and-secret" not in result.err


def test_no_session_on_standard_input_is_told(command: Command):
    assert "no session on standard input" in command("accounts", "import", "--session-string", "-").error
    garbled = command("accounts", "import", "--session-string", "-", stdin="hello")
    assert "this is no StringSession" in garbled.error


def test_a_fault_of_ours_is_one_line_and_verbose_shows_the_trace(
    command: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tg_fetcher_dagster.cli.overview_sources.overview", lambda *_, **__: 1 // 0)
    assert "internal: ZeroDivisionError" in command("status").error
    assert "Traceback" in command("--verbose", "status").err


def test_without_arguments_the_help_is_shown(command: Command):
    result = command()
    assert result.code == 0
    names = "init login accounts chats fetch cancel heal status failed rebuild sandbox demo"
    for name in names.split():
        assert f"  {name}" in result.out


def test_the_help_of_a_program_behind_the_command_is_its_own(command: Command):
    result = command("sandbox", "serve", "--help")
    assert result.code == 0
    assert "--scenario" in result.out


def test_starting_is_light(tmp_path: Path):
    """A person who looks something up waits for nothing: no Dagster, no Telethon, no Redis is imported."""
    asked = (
        "import sys; from tg_fetcher_dagster.cli.app import run; run(['--help']);"
        "print([name for name in ('dagster', 'telethon', 'redis', 'pydantic') if name in sys.modules]);"
        "print(len(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    heavy, modules = done.stdout.splitlines()[-2:]
    assert heavy == "[]"
    assert int(modules) < 400  # 270 today; Dagster alone brings 700


def test_ctrl_c_ends_without_a_trace(tmp_path: Path, redis_url: str):
    waiting = subprocess.Popen(
        [PROGRAM, "fetch", "ru_python", "--date", "2025-11-07"],
        cwd=tmp_path, env={"REDIS_URL": redis_url, "PATH": ""},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with redis.Redis.from_url(redis_url) as client:
            until(lambda: client.llen("tg_commands"), what="the command in the queue")
        waiting.send_signal(2)
        out, err = waiting.communicate(timeout=PATIENCE)
    finally:
        waiting.kill()
        waiting.communicate()
    assert waiting.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert "what was asked for goes on. To stop it: tg-fetcher cancel --command cli-" in err


def test_an_env_file_that_is_no_text_is_one_line(command: Command, env_file: Path):
    env_file.write_bytes(b"TELEGRAM_CHATS=\xff\xfe\n")
    assert command("status").error == "error: .env cannot be read: it is not UTF-8 text"


def test_files_of_a_forgotten_chat_are_found(command: Command):
    Path("data/ru_python").mkdir(parents=True)
    missing = command("rebuild", "@ru_python", "--date", "2025-11-01")
    assert missing.code == 1
    assert "is gone: the day must be fetched" in missing.error
    assert command("verify", "ru_python").out == "0 days verified, 0 damaged\n"


@pytest.mark.parametrize(
    ("home", "said"),
    [("relative/home", "is no absolute path"), ("/nowhere/at/all", "is no folder"), ("~/home", "absolute")],
)
@pytest.mark.parametrize(
    "arguments",
    [["fetch", "ru_python", "--date", "2025-11-07", "--direct"], ["chats", "remove", "ru_python"]],
)
def test_a_wrong_dagster_home_is_one_line_and_no_failed_fetch(
    *, command: Command, monkeypatch: pytest.MonkeyPatch, home: str, said: str, arguments: list[str]
):
    kept_identities().record(RU_PYTHON)
    monkeypatch.setenv("DAGSTER_HOME", home)
    result = command(*arguments)
    assert result.code == 1
    assert said in result.error
    assert "the absolute path of a folder" in result.error
    assert not Path("data/.outbox").exists()
    assert kept_identities().kept("ru_python") is not None


def test_a_damaged_dagster_instance_is_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "dagster.yaml").write_text("storage: {nonsense: 1}\n")
    kept_identities().record(RU_PYTHON)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert (
        f"the Dagster instance in {tmp_path} cannot be used" in command("chats", "remove", "ru_python").error
    )


@pytest.mark.parametrize("arguments", [["status"], ["fetch", "ru_python", "--yesterday"]])
def test_redis_that_accepts_and_never_answers_holds_nobody_up(
    command: Command, env_file: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
):
    monkeypatch.setattr(redis_connection, "ANSWER_TIMEOUT", 0.05)
    monkeypatch.setattr(queue_lengths, "QUICK_TIMEOUT", 0.05)
    with silent_server() as (url, clients):
        env_file.write_text(f"REDIS_URL={url}\n")
        result = command(*arguments)
        assert "does not answer" in result.out + result.err
        assert result.code == (0 if arguments == ["status"] else 1)
        assert clients() == 1
