"""The file `.env`: written for its owner only, other people's lines kept as they are."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from tg_fetcher_dagster.durable_files import storage_failures, write_whole
from tg_fetcher_dagster.settings import ENV_FILE_VARIABLE

_PLAIN = re.compile(r"[\w@%+=:,./-]*")


def env_file() -> Path:
    """Returns the file that the settings are read from."""
    return Path(os.environ.get(ENV_FILE_VARIABLE) or ".env")


def write_settings(path: Path, values: Mapping[str, str]) -> None:
    """Sets variables in a `.env` file; it is readable for its owner only afterwards.

    A line that sets a variable is replaced where it stands, a further one of the same name goes, and what
    is not there yet comes last.

    Raises:
        FetchError: (storage) the file cannot be written; it is as it was.
    """
    with storage_failures(path):
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        content = "\n".join(with_settings(lines, values)) + "\n"
        write_whole(path.resolve(), content.encode(), mode=0o600)


def with_settings(lines: list[str], values: Mapping[str, str]) -> list[str]:
    """Returns the lines of a `.env` file with these variables set.

    >>> with_settings(["# mine", "A=1", "B=2"], {"A": "3", "C": "x y"})
    ['# mine', 'A=3', 'B=2', "C='x y'"]
    """
    left = dict(values)
    kept = []
    for line in lines:
        name = line.partition("=")[0].removeprefix("export ").strip().upper()
        if name not in values:
            kept.append(line)
        elif name in left:
            kept.append(f"{name}={_quoted(left.pop(name))}")
    return [*kept, *(f"{name}={_quoted(value)}" for name, value in left.items())]


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
