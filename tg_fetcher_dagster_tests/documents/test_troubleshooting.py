"""Each error line of the code is explained in docs/troubleshooting.md, and no line that is gone."""

import re
from pathlib import Path

import pytest

from tg_fetcher_dagster.errors import SORTS, ErrorType
from tg_fetcher_dagster.telegram.error_rows import ROWS, WAITS
from tg_fetcher_dagster_tests.documents.error_lines import GAP, Line, error_lines

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
QUOTED = re.compile(r"`([^`]+)`")


def tables(head: str) -> list[list[str]]:
    """The rows of every table of the page whose first column is called so, a list of cells each."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and cells[0] == head:
            inside = True
        elif not cells:
            inside = False
        elif inside and not set(cells[0]) <= {"-"}:
            found.append(cells)
    return found


ENTRIES = [entry for cells in tables("line") for entry in QUOTED.findall(cells[0])]


def covers(entry: str, line: str) -> bool:
    """Whether an entry stands in a line; what differs from case to case in it is a gap in the line, too."""
    parts = [re.escape(part) for part in entry.strip(f"{GAP} ").split(GAP)]
    return re.search(".*".join(parts), line) is not None


@pytest.mark.parametrize("line", error_lines(), ids=lambda line: line.text[:60])
def test_every_error_line_of_the_code_has_an_entry(line: Line) -> None:
    assert any(covers(entry, line.text) for entry in ENTRIES), f"{line.where}: {line.text}"


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_entry_names_a_line_that_no_code_says(entry: str) -> None:
    assert any(covers(entry, line.text) for line in error_lines()), entry


def test_no_line_is_explained_twice() -> None:
    assert sorted(ENTRIES) == sorted(set(ENTRIES))


def test_every_sort_of_error_is_explained_with_what_becomes_of_the_work() -> None:
    told = {QUOTED.findall(cells[0])[0]: cells[2] for cells in tables("`error_type`")}

    words = {sort: sort.value.replace("dead_", "dead-").replace("_", " ") for sort in SORTS.values()}
    assert told == {each.value: words[SORTS[each]] for each in ErrorType}


def test_every_answer_of_telegram_has_one_entry_with_its_sort() -> None:
    told = {
        name: QUOTED.findall(cells[1])[0] for cells in tables("names") for name in QUOTED.findall(cells[0])
    }
    count = sum(len(QUOTED.findall(cells[0])) for cells in tables("names"))

    assert count == len(told), "one entry each"
    assert told == {name: row.sort.value for name, row in ROWS.items()} | dict.fromkeys(WAITS, "rate_limit")


def test_every_entry_says_what_to_do() -> None:
    for head in ("line", "what you see", "names", "`error_type`"):
        rows = tables(head)
        assert rows
        for cells in rows:
            assert len(cells) == len(rows[0]), cells
            assert cells[-1], cells
