"""The dashboards as files: current, whole, and tied to the alerts, the runbook and the metrics."""

import json
import re
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.__main__ import DASHBOARDS, FOLDER, main
from deploy.dashboards.frame import Frame
from deploy.dashboards.panels import Panel
from tg_fetcher_dagster.metrics.counted import COUNTED
from tg_fetcher_dagster.metrics.shown import SHOWN
from tg_fetcher_dagster_tests.deploy.alert_rules import alerts, names_in, rules, series_of, unknown_in

PANELS = [(frame, panel) for frame in DASHBOARDS for panel in frame.panels]
FILES = sorted(FOLDER.glob("*.json"))


def _each_panel(test):
    ids = [f"{frame.uid} {panel.number}" for frame, panel in PANELS]
    return pytest.mark.parametrize(("frame", "panel"), PANELS, ids=ids)(test)


def test_the_files_are_what_the_code_writes_and_a_stale_one_is_named(monkeypatch, tmp_path, capsys):
    assert main(["--check"]) == 0
    monkeypatch.setattr("deploy.dashboards.__main__.FOLDER", tmp_path)
    (tmp_path / "old.json").write_text("{}")
    assert main([]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [file.name for file in FILES]
    assert main(["--check"]) == 0
    (tmp_path / FILES[0].name).write_text("{}")
    assert main(["--check"]) == 1
    assert FILES[0].name in capsys.readouterr().out


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_grafanas_own_models_read_the_file_and_lose_nothing(file: Path):
    plugins.register_default_plugins()
    written = json.loads(file.read_text(encoding="utf-8"))
    assert json.loads(JSONEncoder().encode(Dashboard.from_json(written))) == written


def test_every_dashboard_has_an_address_and_every_panel_a_number_of_its_own():
    assert len({frame.uid for frame in DASHBOARDS}) == len(DASHBOARDS)
    for frame in DASHBOARDS:
        numbers = [panel.number for panel in frame.panels]
        assert len(set(numbers)) == len(numbers), frame.uid
        assert len({panel.title for panel in frame.panels}) == len(numbers), frame.uid


@_each_panel
def test_every_panel_says_what_is_normal_in_what_unit(frame: Frame, panel: Panel):
    assert panel.normal.endswith(".")
    assert panel.normal.startswith("Normal: ") or frame.uid == "tg-fetcher-logs"
    written = json.loads((FOLDER / f"{frame.uid}.json").read_text(encoding="utf-8"))
    drawn = next(each for each in written["panels"] if each["id"] == panel.number)
    assert drawn["description"] == panel.normal
    assert drawn["type"] == "logs" or drawn["fieldConfig"]["defaults"]["unit"] == panel.unit
    assert len(drawn["targets"]) == len(panel.asks)


def test_every_alert_leads_to_a_panel_which_leads_back_to_its_entry_in_the_runbook():
    written = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FILES}
    for rule in alerts():
        uid, number = re.match(r"/d/([a-z-]+)\?viewPanel=(\d+)", rule["annotations"]["dashboard"]).groups()
        panel = next(each for each in written[uid]["panels"] if each["id"] == int(number))
        links = {link["title"]: link["url"] for link in panel["links"]}
        assert links[f"What to do: {rule['alert']}"] == "${documents}" + rule["annotations"]["runbook_url"]


@_each_panel
def test_every_query_asks_for_what_there_is(frame: Frame, panel: Panel):
    for ask in panel.asks:
        if panel.kind not in {"log", "log_lines"}:
            assert not unknown_in(ask.expression), ask.expression


def test_every_metric_can_be_seen():
    """But the version, which `build_info` says for whoever asks."""
    asked = {name for _, panel in PANELS for ask in panel.asks for name in names_in(ask.expression)}
    asked |= {name for rule in rules() if "record" in rule for name in names_in(rule["expr"])}
    unseen = {metric.name for metric in (*COUNTED, *SHOWN) if not series_of(metric) & asked}
    assert unseen == {"tg_fetcher_build_info"}
