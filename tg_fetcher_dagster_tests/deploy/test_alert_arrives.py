"""An alert's whole way: a real Prometheus, a real Alertmanager, and what Slack, mail and SMS are given."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tg_fetcher_dagster_tests.deploy.alert_rules import ALERTMANAGER, PROMETHEUS, groups
from tg_fetcher_dagster_tests.deploy.listening import Shown, Told, serving
from tg_fetcher_dagster_tests.deploy.prometheus_processes import Alertmanager, alertmanager, prometheus
from tg_fetcher_dagster_tests.waiting import until

pytestmark = pytest.mark.system

AWAY = 'tg_fetcher_condition{condition="redis_away"}'
OLDEST_EVENT = "tg_fetcher_oldest_event_age_seconds"
DEAD_LETTERS = "tg_fetcher_dead_letters"
SWITCHED_ON = 'tg_fetcher_instigator_on{instigator="%s"}'


@dataclass
class Way:
    """The page that Prometheus reads, Alertmanager, and what arrives at the other end."""

    shown: dict[str, float]
    told: Told
    manager: Alertmanager

    def slack(self, alert: str, *, over: bool = False) -> list[dict[str, Any]]:
        """Returns what Slack was given of an alert that fires, or that is over."""
        wanted = f"] {alert} (production)"
        attachments = [each for body in self.told.at("/slack") for each in body["attachments"]]
        return [
            each
            for each in attachments
            if each["title"].endswith(wanted) and each["title"].startswith("[OVER") is over
        ]

    def mails(self, alert: str) -> list[str]:
        """Returns the mails that tell of an alert."""
        return [mail for mail in list(self.told.mails) if f"] {alert} (production)" in mail]

    def messages(self, alert: str) -> list[dict[str, Any]]:
        """Returns what the gateway for SMS was given of an alert."""
        given = self.told.at("/on-call")
        return [each for each in given if each["commonLabels"]["alertname"] == alert]

    def is_quiet(self, alert: str) -> bool:
        """Returns whether Alertmanager has an alert and all its steps are kept quiet."""
        found = [each for each in self.manager.alerts() if each["labels"]["alertname"] == alert]
        return bool(found) and all(each["status"]["inhibitedBy"] for each in found)


def _at_once(given: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """The rules that are shipped, without their patience: at one look, every fifth of a second."""
    quick = copy.deepcopy(list(given))
    for group in quick:
        group["interval"] = "200ms"
        for rule in group["rules"]:
            rule.pop("for", None)
            rule.pop("keep_firing_for", None)
    return quick


def _to(receivers: list[dict[str, Any]], webhooks: str) -> None:
    for receiver in receivers:
        for slack in receiver.get("slack_configs", ()):
            slack["api_url"] = f"{webhooks}/slack"
        for hook in receiver.get("webhook_configs", ()):
            hook["url"] = f"{webhooks}/{receiver['name']}"


@pytest.fixture(scope="module")
def way(tmp_path_factory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("way")
    (folder / "secrets").mkdir()
    for name in ("smtp_password", "sms_token", "watchdog_token", "slack_url"):
        (folder / "secrets" / name).write_text(f"the {name}")
    shown, told = Shown({AWAY: 0, OLDEST_EVENT: 0, DEAD_LETTERS: 0}), Told()
    with ExitStack() as stack:
        page, hooks, mailbox = (
            stack.enter_context(serving(server))
            for server in (shown.server(), told.webhooks(), told.mailbox())
        )
        to_whom = yaml.safe_load(
            (ALERTMANAGER / "alertmanager.yml").read_text().replace("secrets/", f"{folder}/secrets/")
        )
        _to(to_whom["receivers"], f"http://127.0.0.1:{hooks}")
        to_whom["global"] |= {"smtp_smarthost": f"127.0.0.1:{mailbox}", "smtp_require_tls": False}
        to_whom["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        for route in to_whom["route"]["routes"]:
            route |= {"group_wait": "1s", "group_interval": "1s"}
        manager = stack.enter_context(alertmanager(folder / "alertmanager", to_whom))
        looks = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        looks["global"] |= {"scrape_interval": "200ms", "scrape_timeout": "200ms"}
        looks["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [manager.address]}]
        where = {
            "tg-fetcher": f"127.0.0.1:{page}",
            "alertmanager": manager.address,
            "prometheus": manager.address,
        }
        for job in looks["scrape_configs"]:
            job["static_configs"] = [{"targets": [where[job["job_name"]]]}]
        stack.enter_context(prometheus(folder / "prometheus", looks, _at_once(groups())))
        yield Way(shown.values, told, manager)


def test_a_cause_arrives_by_slack_mail_and_sms_its_consequence_waits_and_both_ends_arrive(way):
    way.shown.update({AWAY: 1, OLDEST_EVENT: 4000})
    said = until(lambda: way.slack("RedisAway"), what="RedisAway in Slack")[0]
    assert said["title"] == "[CRITICAL] RedisAway (production)"
    assert said["color"] == "danger"
    assert said["text"].startswith("Redis is away;")
    assert "/d/tg-fetcher-overview?viewPanel=22" in said["text"]
    assert said["text"].endswith("docs/runbook.md#redisaway")

    mail = until(lambda: way.mails("RedisAway"), what="a mail")[0]
    assert "Subject: [CRITICAL] RedisAway (production)" in mail
    assert until(lambda: way.messages("RedisAway"), what="an SMS")[0]["status"] == "firing"
    assert "Bearer the sms_token" in way.told.tokens

    until(lambda: way.is_quiet("EventsPending"), what="EventsPending, which RedisAway keeps quiet")
    way.shown[DEAD_LETTERS] = 1
    until(lambda: way.slack("DeadLetters"), what="an alert that fired after EventsPending")
    assert not way.slack("EventsPending")

    way.shown[AWAY] = 0
    until(lambda: way.slack("RedisAway", over=True), what="the end of RedisAway in Slack")
    until(lambda: way.slack("EventsPending"), what="EventsPending, which nothing keeps quiet any more")
    way.shown[OLDEST_EVENT] = 0
    until(lambda: way.slack("EventsPending", over=True), what="the end of EventsPending in Slack")
    assert not [
        each for name in ("RedisAway", "EventsPending") for each in way.slack(name) if "WARN" in each["title"]
    ]
    assert [each["status"] for each in way.messages("RedisAway")] == ["firing", "resolved"]


def test_a_warning_disturbs_nobody_at_night_and_one_message_names_all_that_are_concerned(way):
    way.shown.update({SWITCHED_ON % "outbox": 0, SWITCHED_ON % "chats": 0})
    said = until(
        lambda: [
            each for each in way.slack("SensorOff") if "outbox" in each["text"] and "chats" in each["text"]
        ],
        what="both sensors in one message",
    )[-1]
    assert said["title"] == "[WARNING] SensorOff (production)"
    assert "/d/tg-fetcher-pipeline?viewPanel=21" in said["text"]
    way.shown.update({SWITCHED_ON % "outbox": 1, SWITCHED_ON % "chats": 1})
    until(lambda: way.slack("SensorOff", over=True), what="the end of SensorOff")
    assert not way.mails("SensorOff")
    assert not way.messages("SensorOff")


def test_the_watchdog_is_heard_of_and_by_the_dead_mans_switch_alone(way):
    until(lambda: way.told.at("/dead-mans-switch"), what="the watchdog")
    assert "Bearer the watchdog_token" in way.told.tokens
    assert not way.slack("Watchdog")
    assert not way.mails("Watchdog")
