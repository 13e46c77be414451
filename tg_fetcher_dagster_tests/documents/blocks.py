"""The code blocks of a document, to be run as they stand there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """Returns the blocks of a page in one language, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [body for kind, body in _FENCED.findall(text) if kind == language]


def program(page: str, language: str, name: str) -> str:
    """Returns the one block whose first comment names it."""
    (found,) = (each for each in blocks(page, language) if f"# {name}:" in each)
    return found


def commands(page: str, beginning: str) -> list[str]:
    """Returns the lines that a reader is told to type and that begin so, without the prompt."""
    typed = [line for block in blocks(page, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in typed if line.startswith(f"$ {beginning}")]
