"""deploy/alloy/config.alloy: well formed, whole, and with the labels that the project's own push has."""

from pathlib import Path

import pytest
import yaml

from tg_fetcher_dagster.logs.rendering import FIRST, ORIGIN
from tg_fetcher_dagster.logs.shipping import LABELS, PUSH_PATH
from tg_fetcher_dagster_tests.deploy.alloy import Block, Name, parse

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "deploy" / "alloy" / "config.alloy").read_text()
IDS = {"correlation_id", "command_id", "run_id", "batch_id", "event_id"}
EXPORTS = {"discovery.docker": "targets", "discovery.relabel": "output"}
"""What a component gives to others; of all others it is `receiver` (grafana.com, Alloy's reference)."""


@pytest.fixture
def config() -> Block:
    return parse(SOURCE)


@pytest.mark.parametrize(
    "broken", [SOURCE + "}", SOURCE.replace("}", "", 1), SOURCE.replace('"lines"', '"lines')]
)
def test_what_is_not_well_formed_is_noticed(broken: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse(broken)


def test_every_component_that_is_named_is_there_and_every_one_is_used(config: Block) -> None:
    exported = {f"{each.name}.{each.label}.{EXPORTS.get(each.name, 'receiver')}" for each in config.blocks}
    named = config.references() - {"sys.env", "constants.hostname"}
    assert named <= exported
    assert exported - named == {"loki.source.docker.containers.receiver"}, "the first one; nobody feeds it"


def test_labels_are_few_and_the_same_as_those_of_the_projects_own_push(config: Block) -> None:
    lines = config.only("loki.process")
    labels = {*LABELS, "level"}
    assert set(lines.only("stage.label_keep").attributes["values"]) == labels
    assert lines.only("stage.labels").attributes["values"] == {name: name for name in labels}
    metadata = lines.only("stage.structured_metadata").attributes["values"]
    assert metadata == {name: name for name in IDS}
    relabelled = {rule.attributes["target_label"] for rule in config.only("discovery.relabel").blocks}
    assert relabelled <= labels


def test_what_is_read_of_a_line_is_a_field_that_lines_have(config: Block) -> None:
    read = config.only("loki.process").only("stage.json").attributes["expressions"]
    assert read == {name: name for name in read}
    assert set(read) <= {*FIRST, *ORIGIN, *IDS}
    assert set(read) >= {*LABELS, "level", "timestamp"}


def test_it_reads_the_compose_project_and_nobody_elses_containers(config: Block) -> None:
    [only] = config.only("discovery.docker").only("filter").attributes["values"]
    project = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["name"]
    assert only == f"com.docker.compose.project={project}"


def test_no_secret_stands_in_it_and_where_loki_is_comes_from_the_environment(config: Block) -> None:
    endpoint = config.only("loki.write").only("endpoint")
    assert endpoint.attributes["url"] == Name("sys.env", ("LOKI_PUSH_URL",))
    assert endpoint.only("basic_auth").attributes["password"] == Name("sys.env", ("LOKI_PASSWORD",))
    assert PUSH_PATH in SOURCE
