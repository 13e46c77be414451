"""deploy/alertmanager in a real Alertmanager: who is told, and what one cause keeps quiet."""

import subprocess
from typing import Any

import pytest
import yaml

from tg_fetcher_dagster_tests.deploy.alert_rules import ALERTMANAGER, alerts, names
from tg_fetcher_dagster_tests.deploy.prometheus_processes import alertmanager, program
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

CONFIGURATION = ALERTMANAGER / "alertmanager.yml"

WORK = {"CommandsNotStarted", "DayOverdue", "NoSuccessfulFetch"}
"""What comes of it when nobody reads: each has many causes."""

NEVER_QUIET = {"AlertmanagerDown", "AlertsUndelivered", "MonitorDown", "RulesFailing", "Watchdog"}

FOLLOWS: dict[str, set[str]] = {
    "MonitorDown": names()
    - {"MonitorDown", "Watchdog", "AlertmanagerDown", "AlertsUndelivered", "RulesFailing"},
    "LedgerAway": {*WORK, "CommandsNotTaken", "ErrorRate", "EventsPending", "SensorFailing", "WorkerDead"},
    "RedisAway": {"CommandsNotTaken", "EventsPending"},
    "DagsterAway": {*WORK, "CodeLocationBroken", "DaemonSilent", "EventsPending", "RunStuck", "SensorSilent"},
    "DaemonSilent": {*WORK, "CommandsNotTaken", "EventsPending", "RunStuck", "SensorSilent"},
    "CodeLocationBroken": {*WORK, "CommandsNotTaken", "EventsPending", "SensorFailing", "SensorSilent"},
    "DiskFilling": {*WORK, "ErrorRate"},
    "DiskUnreadable": {*WORK, "DiskFilling", "ErrorRate", "LedgerAway"},
    "TelegramAway": {*WORK, "AllAccountsWaiting", "ErrorRate"},
    "AccountSignedOut": {*WORK, "AllAccountsWaiting", "ErrorRate"},
    "AccountQuarantined": {*WORK, "AllAccountsWaiting", "ErrorRate"},
    "AllAccountsWaiting": WORK,
    "ScheduleSilent": {"DayOverdue"},
    "WorkersDying": {"NoSuccessfulFetch", "RunStuck", "WorkerDead"},
    "WorkerDead": {"RunStuck"},
    "NoSuccessfulFetch": {"CommandsNotStarted", "DayOverdue"},
}
"""What each cause keeps quiet at the least."""


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    return yaml.safe_load(CONFIGURATION.read_text())


@pytest.fixture
def running(configuration, tmp_path):
    """An Alertmanager that tells nobody, with the inhibition that is shipped."""
    silent = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    with alertmanager(tmp_path / "am", {**silent, "inhibit_rules": configuration["inhibit_rules"]}) as it:
        yield it


def _amtool(*words):
    return subprocess.run(
        [program("amtool"), *words], capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def _steps(name: str) -> list[dict[str, str]]:
    """The labels of each step of an alert, with values for those that its expression tells apart."""
    return [
        {"alertname": name, "environment": "production", **rule["labels"]}
        for rule in alerts()
        if rule["alert"] == name
    ]


def _worst(name: str) -> dict[str, str]:
    return next((step for step in _steps(name) if step["severity"] == "critical"), _steps(name)[0])


@pytest.mark.system
def test_alertmanager_takes_the_configuration():
    checked = _amtool("check-config", str(CONFIGURATION))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.system
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "ErrorRate", "severity": "warning"}, "team"),
        ({"alertname": "ErrorRate", "severity": "critical"}, "on-call"),
        ({"alertname": "Watchdog", "severity": "none"}, "dead-mans-switch"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["severity"],
)
def test_each_severity_goes_to_those_whom_it_concerns(labels, receiver):
    words = [f"{name}={value}" for name, value in labels.items()]
    routed = _amtool("config", "routes", "test", f"--config.file={CONFIGURATION}", *words)
    assert routed.stdout.strip() == receiver


@pytest.mark.system
def test_one_cause_gives_one_alert(running):
    """Each cause stands in an environment of its own, so that one look sees all of them."""
    given = [
        {**labels, "environment": cause}
        for cause, follow in FOLLOWS.items()
        for name in [cause, *follow]
        for labels in [_worst(name)]
    ]
    quiet = _quiet(running, given)
    for cause, follow in FOLLOWS.items():
        assert quiet[cause, cause, _worst(cause)["severity"]] is False, f"{cause} keeps itself quiet"
        for name in follow:
            assert quiet[cause, name, _worst(name)["severity"]], f"{cause} does not keep {name} quiet"


@pytest.mark.system
@pytest.mark.parametrize("cause", ["ErrorRate", "FloodStorm"])
def test_what_may_go_on_for_days_keeps_a_warning_quiet_and_nothing_critical(running, cause):
    mild, bad = (
        {**_worst("DayOverdue"), "severity": severity, "chat": severity}
        for severity in ("warning", "critical")
    )
    quiet = _quiet(running, [{**each, "environment": "one"} for each in (_worst(cause), mild, bad)])
    assert quiet["one", "DayOverdue", "warning"]
    assert not quiet["one", "DayOverdue", "critical"]


@pytest.mark.system
def test_the_worse_step_speaks_for_the_milder_one_of_the_same_chat(running):
    steps = _steps("DayOverdue")
    python = [{**step, "chat": "python"} for step in steps]
    quiet = _quiet(running, [*python, {**steps[0], "severity": "warning", "chat": "news"}])
    seen = {(alert["labels"]["chat"], alert["labels"]["severity"]): alert for alert in running.alerts()}
    assert len(quiet) < len(seen) == 3
    assert {key: bool(alert["status"]["inhibitedBy"]) for key, alert in seen.items()} == {
        ("python", "warning"): True,
        ("python", "critical"): False,
        ("news", "warning"): False,
    }


@pytest.mark.system
def test_what_another_sensor_or_another_environment_has_keeps_nothing_quiet(running):
    sensor = {**_worst("SensorFailing"), "instigator": "chats"}
    redis = {**_worst("RedisAway"), "environment": "staging"}
    quiet = _quiet(running, [sensor, redis, _worst("EventsPending"), _worst("DayOverdue")])
    assert not any(quiet.values())


@pytest.mark.system
@pytest.mark.parametrize(
    ("instigator", "name"),
    [("requests", "CommandsNotTaken"), ("outbox", "EventsPending"), ("dead_runs", "WorkerDead")],
)
def test_a_sensor_keeps_quiet_what_it_alone_sees_to(running, instigator, name):
    quiet = _quiet(running, [{**_worst("SensorSilent"), "instigator": instigator}, _worst(name)])
    assert quiet["production", name, _worst(name)["severity"]]


@pytest.mark.system
def test_no_two_alerts_keep_each_other_quiet(running):
    """Each pair stands in an environment of its own; nothing but a pair's own two can keep either quiet."""
    pairs = [(one, other) for one in sorted(names()) for other in sorted(names()) if one < other]
    given = [
        {**_worst(name), "environment": f"{one}-{other}", "instigator": "requests"}
        for one, other in pairs
        for name in (one, other)
    ]
    quiet = _quiet(running, given)
    for one, other in pairs:
        both = [quiet[f"{one}-{other}", name, _worst(name)["severity"]] for name in (one, other)]
        assert not all(both), f"{one} and {other} keep each other quiet"
    loud = {name for (_, name, _), is_quiet in quiet.items() if not is_quiet}
    assert loud == names()
    assert not {name for (_, name, _), is_quiet in quiet.items() if is_quiet} & NEVER_QUIET


def test_the_inhibition_names_alerts_and_causes_that_exist(configuration):
    known = {"alertname": names(), "cause": {rule["labels"]["cause"] for rule in alerts()}}
    for rule in configuration["inhibit_rules"]:
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            label, values = matcher.replace("!=", "=").replace("!~", "=").replace("=~", "=").split("=")
            if label in known:
                assert set(values.strip('"').split("|")) <= known[label], matcher
        assert "environment" in rule["equal"]


def test_no_secret_stands_in_the_configuration(configuration):
    text = CONFIGURATION.read_text()
    assert "slack_api_url:" not in text
    assert "password:" not in text
    assert "credentials:" not in text
    files = {configuration["global"][name] for name in ("slack_api_url_file", "smtp_auth_password_file")}
    assert all(file.startswith("secrets/") for file in files)


def _quiet(running, given: list[dict[str, str]]) -> dict[tuple[str, str, str], bool]:
    """Gives alerts to Alertmanager; returns which are kept quiet, by environment, name and severity."""
    running.post("/api/v2/alerts", [{"labels": labels} for labels in given])
    found = until(
        lambda: len(seen := running.alerts()) == len(given) and seen, what="all alerts in Alertmanager"
    )
    return {
        (alert["labels"]["environment"], alert["labels"]["alertname"], alert["labels"]["severity"]): bool(
            alert["status"]["inhibitedBy"]
        )
        for alert in found
    }
