from datetime import date
from pathlib import Path

import pytest

import tg_fetcher_sandbox
from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.scenario import load_scenario, parse_scenario
from tg_fetcher_sandbox.truth import world_truth
from tg_fetcher_sandbox.world import World

DEMO = Path(tg_fetcher_sandbox.__file__).parent / "scenarios" / "demo.yaml"
TODAY = date(2025, 11, 15)


def with_chat(**chat):
    return {"chats": {"chat": {"type": "supergroup", **chat}}}


def test_an_empty_scenario_has_one_account_and_no_chats():
    scenario = parse_scenario({})
    assert [account.name for account in scenario.accounts] == ["main"]
    assert scenario.chats == {}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2025-11-01", "2025-11-14", (date(2025, 11, 1), date(2025, 11, 14))),
        ("yesterday - 13", "yesterday", (date(2025, 11, 1), date(2025, 11, 14))),
        ("today-2", "today", (date(2025, 11, 13), date(2025, 11, 15))),
        (date(2025, 11, 1), "yesterday", (date(2025, 11, 1), date(2025, 11, 14))),
    ],
)
def test_days_are_dates_or_count_back_from_today(first, last, expected):
    scenario = parse_scenario({"days": {"from": first, "to": last}}, today=TODAY)
    assert (scenario.days.first, scenario.days.last) == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"chat": {}}, "scenario chat: Extra inputs are not permitted"),
        (with_chat(usrname="x"), "chats.chat.usrname"),
        (with_chat(username="no spaces"), "chats.chat.username"),
        (with_chat(messages_per_day=-1), "chats.chat.messages_per_day"),
        (with_chat(messages_per_day=[]), "the list of volumes is empty"),
        (with_chat(messages_per_day={"someday": 3}), "messages_per_day"),
        (with_chat(mix={"replies": 2}), "chats.chat.mix.replies"),
        (with_chat(comments=3), "comments is only for a channel"),
        (with_chat(members=["nobody"]), "there is no user 'nobody'"),
        (with_chat(accounts=["nobody"]), "there is no account 'nobody'"),
        (with_chat(messages=[{"date": "2025-11-07T10:00", "reply_to": "q"}]), "is named 'q'"),
        (
            with_chat(messages=[{"date": "2025-11-07T10:00", "comments": [{"date": "2025-11-07T09:59"}]}]),
            "a comment is older than its post",
        ),
        (with_chat(messages=[{"date": "2025-11-07T10:00", "action": {}}]), "exactly one of pin"),
        ({"days": {"from": "2025-11-02", "to": "2025-11-01"}}, "is after to"),
        ({"accounts": []}, "accounts: at least one"),
        (
            {"accounts": [{"name": "a", "phone": "+1555000"}, {"name": "a", "phone": "+1555001"}]},
            "a name of its own",
        ),
        (
            {"accounts": [{"name": "a", "phone": "+15550001"}, {"name": "b", "phone": "15550001"}]},
            "the same phone",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(data, said):
    with pytest.raises(SandboxError) as caught:
        parse_scenario(data, today=TODAY)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [("- a list", "must be a mapping"), ("chats: {", "not YAML"), ("chats: {a: {}}", "chats.a.type")],
)
def test_a_file_that_is_no_scenario_is_named(tmp_path, content, said):
    path = tmp_path / "world.yaml"
    path.write_text(content)
    with pytest.raises(SandboxError, match=said):
        load_scenario(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SandboxError, match="No such file"):
        load_scenario(tmp_path / "nowhere.yaml")


def test_volumes_may_be_a_number_a_cycle_or_a_weekday():
    scenario = parse_scenario(
        {
            "chats": {
                "number": {"type": "supergroup", "messages_per_day": 4},
                "cycle": {"type": "supergroup", "messages_per_day": [1, 2]},
                "weekday": {
                    "type": "supergroup",
                    "messages_per_day": {"default": 5, "sat": 9, "2025-11-07": 0},
                },
            }
        }
    )
    days = [date(2025, 11, 6), date(2025, 11, 7), date(2025, 11, 8)]
    volumes = {
        name: [chat.volume(day, number) for number, day in enumerate(days)]
        for name, chat in scenario.chats.items()
    }
    assert volumes == {"number": [4, 4, 4], "cycle": [1, 2, 1], "weekday": [5, 0, 9]}


def test_a_username_can_be_taken_only_once():
    chat = {"type": "supergroup", "username": "taken"}
    scenario = parse_scenario({"chats": {"a": chat, "b": {**chat, "username": "Taken"}}})
    with pytest.raises(SandboxError, match="taken twice"):
        World(scenario)


def test_an_explicit_message_cannot_come_from_a_stranger():
    messages = [{"date": "2025-11-07T10:00", "from": "stranger"}]
    made = World(parse_scenario(with_chat(messages=messages)))
    with pytest.raises(SandboxError, match="'stranger'"):
        made.build()


def test_the_demos_world_is_three_chats_over_two_weeks():
    made = World(load_scenario(DEMO))
    chats = world_truth(made, chats=["news", "python_chat", "family"])["chats"]
    assert chats["news"]["key"] == "demo_news"
    assert chats["python_chat"]["days"]["2025-11-07"]["count"] == 452
    assert set(chats["news"]["days"]) == {f"2025-11-{day:02}" for day in range(1, 15)}
    post = next(
        message for message in chats["news"]["days"]["2025-11-07"]["messages"] if "3.15" in message["text"]
    )
    assert [comment["sender_name"] for comment in post["comments"]] == ["Анна Соколова", "Bob Stone", None]
