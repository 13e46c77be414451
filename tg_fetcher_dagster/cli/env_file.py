"""The file `.env`: written for its owner only, other people's lines kept as they are."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tg_fetcher_dagster.errors import ErrorType, FetchError
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
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        _replace(path, "\n".join(with_settings(lines, values)) + "\n")
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"{path} cannot be written: {error.strerror}") from error


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


def _replace(path: Path, text: str) -> None:
    # mkstemp makes the file mode 600; a rename leaves no moment in which others may read it.
    descriptor, name = tempfile.mkstemp(dir=path.resolve().parent, prefix=".env-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path.resolve())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
