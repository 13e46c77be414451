"""docs/runbook.md and the alerts belong together, and every anchor in the documents leads to a heading."""

import re
import shlex
import subprocess
import sys
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tg_fetcher_dagster_tests.documents.blocks import DOCS, ROOT

RULES = ROOT / "deploy" / "prometheus" / "rules"
PARTS = ("Means", "Users notice", "Look", "Do", "Escalate")
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {anchor(heading) for heading in HEADING.findall(path.read_text(encoding="utf-8"))}


def alerts() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yml"))]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return [rule for rule in rules if "alert" in rule]


def sections() -> dict[str, str]:
    """The sections of the alerts: name and text."""
    text = (DOCS / "runbook.md").read_text(encoding="utf-8")
    found = re.split(r"^##(?:# | Alerts: | )(.+)$", text, flags=re.MULTILINE)
    named = dict(zip(found[1::2], found[2::2], strict=True))
    return {name: body for name, body in named.items() if f"- **{PARTS[0]}:**" in body}


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    assert set(sections()) == {rule["alert"] for rule in alerts()}


def test_every_alert_links_to_its_section() -> None:
    assert alerts()
    for rule in alerts():
        assert rule["annotations"]["runbook_url"].endswith(f"docs/runbook.md#{rule['alert'].lower()}")
        assert rule["alert"].lower() in anchors(DOCS / "runbook.md")


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
