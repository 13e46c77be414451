"""What the documents tell a reader to type or to open exists."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.checks import DESCRIPTIONS
from tg_fetcher_dagster.errors import WHAT_TO_DO

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:^\$ |`)(?:\S*/)?tg-fetcher ([a-z][^`\n#|<]*)", re.MULTILINE)

TOLD_COMMAND = re.compile(r"tg-fetcher ([a-z]+(?: [a-z]+)?(?: [A-Z]+)*(?: --[a-z]+(?: [A-Z]+)?)*)")


def named(path):
    return path.relative_to(ROOT).as_posix()


@cache
def help_of(*words):
    asked = [sys.executable, "-m", "tg_fetcher_dagster.cli.app", *words, "--help"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.stdout if told.returncode == 0 else ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_to_something_in_the_project(document):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_make_target_exists(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    text = document.read_text()
    for target in re.findall(r"(?:^\$ |`)make ([a-z-]+)", text, flags=re.MULTILINE):
        assert target in targets, target


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_and_option_of_tg_fetcher_exists(document):
    for line in COMMAND.findall(document.read_text()):
        words = shlex.split(line)
        known = help_of(words[0])
        assert known, line
        if "\nCommands:" in known and len(words) > 1 and words[1].isalpha():
            known = help_of(*words[:2])
            assert known, line
        if words[0] == "logged":
            continue  # what follows is another program's
        for option in (word for word in words if word.startswith("--")):
            assert option.partition("=")[0] in known, line


def test_every_command_that_a_failure_or_the_ui_tells_a_person_to_type_exists():
    location = defs().get_repository_def()
    told = [
        *WHAT_TO_DO.values(),
        *DESCRIPTIONS.values(),
        *(each.description or "" for each in (*location.sensor_defs, *location.schedule_defs)),
    ]
    lines = [line for text in told for line in TOLD_COMMAND.findall(text)]
    assert len(lines) > 10
    for line in lines:
        words = line.split()
        known = help_of(words[0])
        assert known, line
        if "\nCommands:" in known:
            assert help_of(*words[:2]), line
        if words[0] == "logged":
            continue  # what follows is another program's
        for option in (word for word in words if word.startswith("--")):
            assert option in known, line


def test_the_page_of_the_ui_says_what_to_do_as_a_failed_run_does():
    page = (ROOT / "docs" / "ui.md").read_text()
    for sort, said in WHAT_TO_DO.items():
        assert f"\n| `{sort.value}` | {said} |\n" in page
