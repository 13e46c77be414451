"""docs/production-readiness.md: what holds has evidence that is there, what does not says what is missing."""

import re

import pytest

from tg_fetcher_dagster_tests.documents.blocks import DOCS

TEXT = (DOCS / "production-readiness.md").read_text(encoding="utf-8")
CATEGORIES = (
    "Core functionality", "Observability and logging", "Redis integration", "Error handling", "Configuration",
    "Monitoring and alerting", "Documentation", "Testing", "Security", "Scalability",
)  # fmt: skip
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| what |")
]


def test_the_ten_categories_and_the_list_to_sign_are_there() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    numbered = [f"{number}. {name}" for number, name in enumerate(CATEGORIES, start=1)]
    assert headings == [*numbered, "To sign before a release"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_line_has_its_state_and_its_evidence_or_what_is_missing(row: list[str]) -> None:
    _, state, evidence = row
    assert state in {"holds", "in part", "open"}
    assert evidence
    if state == "holds":
        assert re.search(r"\]\([^)]+\)", evidence), "a test, a figure or a page"


@pytest.mark.parametrize("row", [row for row in ROWS if row[1] == "holds"], ids=lambda row: row[0][:60])
def test_the_evidence_is_a_test_that_runs_or_a_page(row: list[str]) -> None:
    for target in re.findall(r"\]\(([^)#]+)", row[2]):
        path = DOCS / target
        assert path.exists(), target
        if path.name.startswith("test_"):
            assert re.search(r"^(async )?def test_", path.read_text(encoding="utf-8"), re.MULTILINE), target
