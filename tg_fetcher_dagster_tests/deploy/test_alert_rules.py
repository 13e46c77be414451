"""The alerts' rules: each leads to what a person needs, stands on metrics that exist, fires and ends."""

import re
import shutil
import subprocess

import pytest
import yaml

from deploy.dashboards.__main__ import DASHBOARDS
from tg_fetcher_dagster.defs.schedules import build_yesterday
from tg_fetcher_dagster.metrics.counted import COUNTED
from tg_fetcher_dagster.metrics.shown import SHOWN
from tg_fetcher_dagster.settings import DefinitionSettings
from tg_fetcher_dagster_tests.deploy.alert_rules import (
    PROMETHEUS,
    ROOT,
    alerts,
    groups,
    names,
    recorded,
    rules,
    unknown_in,
)
from tg_fetcher_dagster_tests.waiting import PATIENCE


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    return found


def _run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.mark.system
def test_prometheus_takes_the_configuration_and_the_rules(promtool):
    checked = _run(promtool, "check", "config", PROMETHEUS / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.system
@pytest.mark.parametrize("file", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda file: file.stem)
def test_the_alerts_fire_and_end_when_they_shall(promtool, file):
    tested = _run(promtool, "test", "rules", file)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_step_of_every_alert_is_seen_to_fire_and_not_to_fire():
    fired, quiet = set(), set()
    for file in (PROMETHEUS / "tests").glob("*.yml"):
        for case in yaml.safe_load(file.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                seen = {alert["exp_labels"]["severity"] for alert in check["exp_alerts"]}
                fired |= {(check["alertname"], severity) for severity in seen}
                quiet |= {(check["alertname"], severity) for severity in {"warning", "critical"} - seen}
    steps = {(rule["alert"], rule["labels"]["severity"]) for rule in alerts()}
    assert fired == steps
    assert steps - quiet == {("Watchdog", "none")}


def test_every_alert_says_how_bad_it_is_and_where_its_cause_is_looked_for():
    for rule in alerts():
        assert rule["labels"].keys() == {"severity", "cause"}, rule["alert"]
        assert rule["labels"]["severity"] in {"none", "warning", "critical"}
        assert "for" in rule or rule["alert"] == "Watchdog", f"{rule['alert']} would fire at a single look"


def test_nothing_is_over_because_the_monitor_cannot_be_seen():
    """MonitorDown fires after a minute and keeps the rest quiet: until then what fires goes on."""
    for group in groups():
        for rule in group["rules"]:
            if "alert" in rule and group["name"] != "alerting":
                assert rule.get("keep_firing_for") == "3m", rule["alert"]


def test_every_alert_leads_to_its_entry_in_the_runbook_and_to_its_panel():
    for rule in alerts():
        annotations = rule["annotations"]
        assert annotations.keys() == {"summary", "runbook_url", "dashboard"}, rule["alert"]
        assert annotations["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_an_alert_that_tells_chats_or_accounts_apart_names_them():
    apart = re.compile(r"by \((\w+)\)")
    for rule in alerts():
        for label in apart.findall(rule["expr"]):
            if label != "state":
                told = rule["annotations"]["summary"]
                assert f"$labels.{label}" in told or label in {"error_type", "method"}, rule["alert"]


def test_the_runbook_has_a_section_for_each_alert_and_for_no_other():
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#{2,4} (\w+)$", text, flags=re.MULTILINE)
    written = {heading for heading in headings if re.fullmatch(r"(?:[A-Z][a-z]+){2,}|Watchdog", heading)}
    assert written == names()


def test_every_metric_of_a_rule_is_one_that_the_monitor_shows():
    for rule in rules():
        assert not unknown_in(rule["expr"]), rule.get("alert") or rule["record"]
        told = rule.get("annotations", {}).get("summary", "")
        assert not unknown_in(told.replace('\\"', "")), rule.get("alert")


def test_no_metric_has_a_label_that_prometheus_sets_itself():
    """It would arrive as `exported_job`, and a query by `job` would take all for one."""
    for metric in (*COUNTED, *SHOWN):
        assert not {"job", "instance"} & set(metric.labels), metric.name


def test_what_is_recorded_is_used():
    asked = [rule["expr"] for rule in rules()]
    asked += [ask.expression for each in DASHBOARDS for panel in each.panels for ask in panel.asks]
    assert {name for name in recorded() if not any(name in expression for expression in asked)} == set()


def test_the_schedule_that_the_rules_name_is_the_one_that_there_is():
    schedule = build_yesterday(DefinitionSettings()).name
    silent = {rule["alert"]: rule["expr"] for rule in alerts() if rule["alert"].endswith("Silent")}
    assert f'instigator!="{schedule}"' in silent["SensorSilent"]
    assert f'instigator="{schedule}"' in silent["ScheduleSilent"]
