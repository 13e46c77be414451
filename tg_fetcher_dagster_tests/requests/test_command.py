import datetime as dt
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.command import FetchCommand, parse_command
from tg_fetcher_dagster.requests.command_size import LARGEST_COMMAND


def parse(**values) -> FetchCommand:
    return parse_command(
        json.dumps({"command": "fetch", "chat": "@ru_python", **values}), made_up_id="claim-1"
    )


def refusal(raw) -> str:
    with pytest.raises(FetchError) as caught:
        parse_command(raw, made_up_id="claim-1")
    assert caught.value.error_type is ErrorType.VALIDATION
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    return str(caught.value)


def refused(**values) -> str:
    return refusal(json.dumps({"command": "fetch", "chat": "@ru_python", **values}))


def test_the_least_command_asks_for_yesterday():
    command = parse()
    assert command.mode == "yesterday"
    assert (command.strategy, command.force, command.limit, command.requested_by) == (
        "batch",
        False,
        None,
        "unknown",
    )
    assert (command.command_id, command.correlation_id) == ("claim-1", "claim-1")


def test_the_three_dialects_mean_the_same_range():
    first, last = dt.date(2025, 11, 1), dt.date(2025, 11, 7)
    for dialect in (
        {"mode": "range", "from": "2025-11-01", "to": "2025-11-07"},
        {"mode": "range", "from_date": "2025-11-01", "to_date": "2025-11-07"},
        {"from": "2025-11-01", "to_date": "2025-11-07"},
    ):
        command = parse(**dialect)
        assert (command.mode, command.first, command.last) == ("range", first, last)


@pytest.mark.parametrize(
    ("given_keys", "mode"),
    [
        ({"date": "2025-11-07"}, "date"),
        ({"date": "2025-11-07", "days_back": 3}, "date"),
        ({"date": None, "days_back": 3}, "days"),
        ({"date": "", "days": "3"}, "days"),
        ({"mode": None}, "yesterday"),
        ({"mode": "DAYS", "days_back": 3}, "days"),
        ({"mode": "days_back", "days_back": 3}, "days"),
        ({"mode": "today", "date": "2025-11-07"}, "today"),
    ],
)
def test_the_mode_is_told_or_follows_from_what_is_given(given_keys, mode):
    command = parse(**given_keys)
    assert command.mode == mode
    assert command.days == (3 if mode == "days" else None)


def test_keys_that_the_mode_does_not_use_are_ignored():
    command = parse(mode="full", days_back=0, date="some day", to="never", colour="blue")
    assert (command.mode, command.date, command.days, command.last) == ("full", None, None, None)


@pytest.mark.parametrize(
    ("strategy", "meant"),
    [
        ("per_day", "per_day"),
        ("PER_DAY", "per_day"),
        ("auto", "batch"),
        ("recent", "batch"),
        ("?", "batch"),
        (7, "batch"),
    ],
)
def test_an_unknown_strategy_is_batch(strategy, meant):
    assert parse(strategy=strategy).strategy == meant


@pytest.mark.parametrize(
    ("force", "meant"), [(True, True), ("true", True), (1, True), ("False", False), (0, False)]
)
def test_force_may_be_written_as_text(force, meant):
    assert parse(force=force).force is meant


@pytest.mark.parametrize(
    "timestamp",
    [
        "2025-11-07T10:00:00Z",
        "2025-11-07T10:00:00",
        "2025-11-07T13:00:00+03:00",
        "2025-11-07T10:00:00.000000Z",
        1762509600,
        1762509600.0,
        "1762509600",
        1762509600000,
        "1762509600000",
        1762509600000000,
        1762509600000000000,
        "Fri, 07 Nov 2025 10:00:00 GMT",
        "Friday, 07-Nov-25 10:00:00 GMT",
        "Fri Nov  7 10:00:00 2025",
        "Fri, 7 Nov 2025 13:00:00 +0300",
        " 2025-11-07 10:00:00 ",
        "20251107T100000Z",
    ],
)
def test_a_timestamp_is_understood_however_it_is_written(timestamp):
    command = parse(timestamp=timestamp)
    assert command.timestamp == dt.datetime(2025, 11, 7, 10, tzinfo=dt.UTC)
    assert command.notes == ()


@pytest.mark.parametrize(
    "timestamp",
    [
        "soon",
        [],
        {},
        True,
        0,
        -1,
        5,
        1e300,
        "0001-01-01T00:00:00+14:00",
        "x" * 10_000,
        "Fri, 99 Nov 2025 10:00",
    ],
)
def test_a_timestamp_that_is_none_refuses_nothing_and_is_noted(timestamp):
    command = parse(timestamp=timestamp)
    assert command.timestamp is None
    assert len(command.notes) == 1
    assert "timestamp=" in command.notes[0]
    assert len(command.notes[0]) < 200


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [("  ", "unknown"), (None, "unknown"), ("cron\n\x1b[31m", "cron [31m"), (7, "7"), ({"a": 1}, "unknown")],
)
def test_a_requester_without_a_name_is_unknown(given_name, kept):
    assert parse(requested_by=given_name).requested_by == kept


@pytest.mark.parametrize("key", ["requested_by", "command_id", "correlation_id"])
def test_what_is_too_long_is_cut_and_stays_apart_from_what_begins_alike(key):
    one, two = (getattr(parse(**{key: "x" * 5_000 + end}), key) for end in "12")
    assert len(one) == 200
    assert one != two
    assert f"{key} of 5001 characters is cut" in parse(**{key: "x" * 5_001}).notes[0]


@pytest.mark.parametrize("no_id", [{"a": 1}, [1], True, "  "])
def test_an_id_that_is_none_is_made_up(no_id):
    command = parse(command_id=no_id, correlation_id=no_id)
    assert (command.command_id, command.correlation_id) == ("claim-1", "claim-1")


@pytest.mark.parametrize("lua", [-1.001514035396e12, "-1.001514035396e12", "-1.001514035396e+12",
                                 "-1001514035396.0"])  # fmt: skip
def test_a_chat_id_that_lua_wrote_is_the_chat(lua):
    assert parse(chat=lua).spelling.marked_id == -1001514035396


def test_notes_of_the_producer_are_not_ours():
    assert parse(notes=["mine"]).notes == ()


def test_ids_are_kept_and_the_command_id_stands_in_for_the_correlation_id():
    assert parse(command_id="c1", correlation_id="k1").correlation_id == "k1"
    assert parse(command_id="c1").correlation_id == "c1"
    assert parse(command_id=17).command_id == "17"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"command": "stop"}, "has command='stop'"),
        ({"command": None}, "has no 'command'"),
        ({"chat": None}, "has no 'chat'"),
        ({"chat": "a b"}, "is no chat's name"),
        ({"chat": ["ru_python"]}, "must be a chat's name, link or id"),
        ({"mode": "weekly"}, "has mode='weekly'"),
        ({"mode": 5}, "has mode=5"),
        ({"mode": "date"}, "mode date needs 'date'"),
        ({"mode": "days"}, "mode days needs 'days'"),
        ({"mode": "range", "from": "2025-11-01"}, "mode range needs 'to'"),
        ({"from": "2025-11-07", "to": "2025-11-01"}, "'from' 2025-11-07 is after 'to' 2025-11-01"),
        ({"from": "1900-01-01", "to": "2025-11-01"}, "at most 5000 days"),
        ({"date": "07.11.2025"}, "has date='07.11.2025': must be a date written YYYY-MM-DD"),
        ({"date": "2025-02-30"}, "has date='2025-02-30'"),
        ({"date": 20251107}, "has date=20251107"),
        ({"days": 0}, "has days=0"),
        ({"days_back": 366}, "has days=366"),
        ({"days": 1.5}, "whole number"),
        ({"days": True}, "whole number"),
        ({"limit": 0}, "has limit=0"),
        ({"limit": "many"}, "has limit='many'"),
        ({"force": "perhaps"}, "must be true or false"),
        ({"chat": -1.00151e12}, "lacks digits"),
        ({"chat": 1.5}, "is no whole number"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(values, said):
    assert said in refused(**values)


@pytest.mark.parametrize(
    "raw", [b"", b"fetch", b"\xff\xfe", b"[1]", b"null", b'"fetch"', b'{"command":', b'{"a":"\\ud800"}']
)
def test_what_is_no_json_object_is_refused(raw):
    assert refusal(raw).startswith("command ")


def test_an_endless_command_is_refused():
    assert "bytes long" in refusal(b" " * (LARGEST_COMMAND + 1))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.sampled_from(
    [
        "fetch",
        "@ru_python",
        "date",
        "days",
        "range",
        "2025-11-07",
        "2025-11-30",
        "7",
        "true",
        "per_day",
        7,
        1.0,
        1e300,
    ]
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["command", "chat", "mode", "date", "days", "days_back", "from", "to", "from_date", "to_date",
             "strategy", "force", "limit", "requested_by", "timestamp", "command_id", "correlation_id", "x"]
        ),
        LIKELY | JSON,
    )
)  # fmt: skip
def test_any_object_is_a_command_or_a_refusal(given_object):
    raw = json.dumps({"command": "fetch", "chat": "@ru_python", **given_object}).encode()
    try:
        command = parse_command(raw, made_up_id="claim-1")
    except FetchError as error:
        assert (error.error_type, "\n" in str(error)) == ("validation", False)  # noqa: PT017 - both may be
    else:
        assert command == parse_command(raw, made_up_id="claim-1")
        assert command.mode != "date" or command.date
        assert command.mode != "range" or (command.first and command.last and command.first <= command.last)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_a_refusal(raw):
    with pytest.raises(FetchError):
        parse_command(raw, made_up_id="claim-1")


def test_a_command_as_orjson_writes_it_is_read():
    raw = orjson.dumps({"command": "fetch", "chat": -1001234567890, "mode": "days", "days": 7})
    assert parse_command(raw, made_up_id="claim-1").spelling.marked_id == -1001234567890
