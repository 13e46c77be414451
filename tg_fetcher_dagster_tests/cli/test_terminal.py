"""At a real terminal: questions are asked there, secrets are not echoed, a QR code is scanned."""

import base64
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from telethon import TelegramClient
from telethon.sessions import StringSession
from telethon.tl.functions.auth import AcceptLoginTokenRequest

from tg_fetcher_dagster_tests.waiting import PATIENCE

PROGRAM = Path(sys.executable).with_name("tg-fetcher")
API_HASH = "0123456789abcdef0123456789abcdef"


class Terminal:
    """A program at a terminal of its own, and a person who reads and types."""

    def __init__(self, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        self._terminal = ours
        self.shown = ""
        self._read = 0
        self.program = subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "200"},
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def expect(self, text: str) -> str:
        """Reads until the text appears; returns all that was shown since the last time."""
        began = self._read
        while (found := self.shown.find(text, began)) < 0:
            if not select.select([self._terminal], [], [], PATIENCE)[0]:
                self.program.kill()
                raise AssertionError(f"no {text!r} in {self.shown[began:]!r}")
            self.shown += os.read(self._terminal, 65536).decode(errors="replace")
        self._read = found + len(text)
        return self.shown[began : self._read]

    def type(self, text: str) -> None:
        """Types a line."""
        os.write(self._terminal, f"{text}\n".encode())

    def end(self) -> int:
        """Waits for the program's end; returns its exit code."""
        while True:
            try:
                self.shown += os.read(self._terminal, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                break
        os.close(self._terminal)
        return self.program.wait(PATIENCE)


def test_init_asks_a_person_step_by_step_and_echoes_no_secret(sandbox: Any, env_file: Path):
    terminal = Terminal("init", "--api-id", "1234567", "--api-hash", "-", "--account", "second")
    terminal.expect("App api_hash (not shown): ")
    terminal.type(API_HASH)
    assert "2. The account" in terminal.expect("QR code [y/N]: ")
    terminal.type("")
    terminal.expect("Phone number")
    terminal.type("+15550001002")
    terminal.expect("Code: ")
    terminal.type("54321")
    terminal.expect("2FA password: ")
    terminal.type("corr3ct horse")
    assert "3. The chats" in terminal.expect("Which to keep")
    terminal.type("@daily_news")
    terminal.expect("Ready. Next:")
    assert terminal.end() == 0
    assert "kept: daily_news" in terminal.shown
    assert API_HASH not in terminal.shown
    assert "corr3ct horse" not in terminal.shown


def test_ctrl_c_at_a_question_ends_without_a_trace(sandbox: Any):
    terminal = Terminal("login", "--phone", "+15550001001")
    terminal.expect("Code: ")
    terminal.program.send_signal(2)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.shown


async def test_a_qr_code_signs_in_once_a_phone_has_scanned_it(sandbox: Any):
    terminal = Terminal("login", "--qr", "--account", "scanned")
    terminal.expect("tg://login?token=")
    link = re.fullmatch(r"([\w-]+)\r?\n", terminal.expect("\n"))
    assert link is not None
    token = base64.urlsafe_b64decode(link[1] + "=" * (-len(link[1]) % 4))
    phone = TelegramClient(StringSession(sandbox.session), 1, API_HASH)
    await phone.connect()
    try:
        await phone(AcceptLoginTokenRequest(token))
    finally:
        await phone.disconnect()
    assert terminal.end() == 0
    assert "signed in: account scanned is Rita" in terminal.shown
