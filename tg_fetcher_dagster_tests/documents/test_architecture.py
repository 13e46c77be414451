"""docs/architecture.md names every part of the package, and nothing that is not there."""

import re
import tomllib

from tg_fetcher_dagster_tests.documents.blocks import DOCS, ROOT, blocks
from tg_fetcher_dagster_tests.documents.error_lines import PACKAGE

TEXT = (DOCS / "architecture.md").read_text(encoding="utf-8")
_TABLE = TEXT[TEXT.index("| folder |") :].partition("\n\n")[0]
NAMED = {name for row in _TABLE.splitlines()[2:] for name in re.findall(r"`([\w./]+)`", row.split("|")[1])}


def test_every_folder_of_the_package_is_in_the_table() -> None:
    folders = {path.parent.name + "/" for path in PACKAGE.glob("*/__init__.py")}
    assert folders == {name for name in NAMED if name.endswith("/")}


def test_every_file_of_the_table_is_there() -> None:
    assert all((PACKAGE / name).exists() for name in NAMED)


def test_every_layer_is_in_the_table_or_is_a_module_below_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        each["layers"]
        for each in project["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers" and "tg_fetcher_dagster.cli" in each["layers"]
    )
    parts = {name.removeprefix("tg_fetcher_dagster.") for name in layers}
    assert {name.strip("/").removesuffix(".py") for name in NAMED} <= parts


def test_the_pictures_show_context_flow_a_commands_life_failures_and_processes() -> None:
    kinds = [block.split()[0] for block in blocks("architecture.md", "mermaid")]
    assert kinds == ["flowchart", "flowchart", "sequenceDiagram", "stateDiagram-v2", "flowchart"]


def test_every_folder_in_a_picture_is_a_folder_of_the_package() -> None:
    for block in blocks("architecture.md", "mermaid"):
        for name in re.findall(r'"([a-z]+/)(?:<br/>|")', block):
            assert (PACKAGE / name).is_dir(), name
