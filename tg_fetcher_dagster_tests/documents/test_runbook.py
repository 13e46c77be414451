"""docs/runbook.md says the same of each alert, and the anchors and commands of the documents are there."""

import re
import shlex
import subprocess
import sys
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

from tg_fetcher_dagster_tests.deploy.alert_rules import names
from tg_fetcher_dagster_tests.documents.blocks import DOCS, ROOT

PARTS = ("Means", "Users notice", "Look", "Do", "Escalate")
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {anchor(heading) for heading in HEADING.findall(path.read_text(encoding="utf-8"))}


def sections() -> dict[str, str]:
    """The sections of the alerts: name and text."""
    text = (DOCS / "runbook.md").read_text(encoding="utf-8")
    found = re.split(r"^##(?:# | Alerts: | )(.+)$", text, flags=re.MULTILINE)
    named = dict(zip(found[1::2], found[2::2], strict=True))
    return {name: body for name, body in named.items() if f"- **{PARTS[0]}:**" in body}


def test_every_link_of_an_alert_leads_to_its_section() -> None:
    assert {name.lower() for name in names()} <= anchors(DOCS / "runbook.md")
    assert names() == set(sections()), "each one says the same things"


@pytest.mark.parametrize("name", sections())
def test_every_section_says_what_it_means_how_to_look_what_to_do_and_whom_to_call(name: str) -> None:
    assert re.findall(r"^- \*\*(.+):\*\*", sections()[name], re.MULTILINE) == list(PARTS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_anchor_leads_to_a_heading(path: Path) -> None:
    for target, wanted in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            page = path.parent / target if target else path
            assert wanted in anchors(page), f"{target}#{wanted}"


@cache
def help_of(*words: str) -> str:
    program = Path(sys.executable).with_name(words[0])
    asked = subprocess.run([program, *words[1:], "--help"], capture_output=True, text=True, check=False)
    return asked.stdout if asked.returncode == 0 else ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_of_dagster_exists(path: Path) -> None:
    typed = re.findall(
        r"(?:^\$ |`)(dagster(?:-\w+)? [^`\n#|]*)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    for line in typed:
        program, *words = shlex.split(line)
        names = list(takewhile(lambda word: re.fullmatch(r"[a-z-]+", word) and word[0] != "-", words))
        while names and not help_of(program, *names):
            names.pop()  # an argument
        known = help_of(program, *names)
        assert known, line
        assert names or not words or words[0].startswith("-"), line
        for option in (word for word in words if word.startswith("--")):
            assert option in known, line
