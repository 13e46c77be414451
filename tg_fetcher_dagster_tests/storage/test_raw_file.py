"""The raw file comes back as it was written, or not at all."""

import pytest
import zstandard

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.storage.raw_file import RawWriter, read_raw


def write_raw(path, *lines: bytes) -> None:
    writer = RawWriter(path)
    for line in lines:
        writer.write(line)
    writer.seal()
    writer.publish()


def whole(count: int) -> list[bytes]:
    middle = [b'{"kind":"message","value":{"id":%d,"message":"\xd1\x8f"}}' % i for i in range(count)]
    return [b'{"kind":"day","format":1}', *middle, b'{"kind":"end","messages":%d}' % count]


def test_the_records_come_back_in_their_order(tmp_path):
    path = tmp_path / "raw" / "2025-11-07.jsonl.zst"
    write_raw(path, *whole(20_000))
    records = list(read_raw(path))
    assert [record["kind"] for record in (records[0], records[-1])] == ["day", "end"]
    assert [record["value"]["id"] for record in records[1:-1]] == list(range(20_000))
    assert records[1]["value"]["message"] == "я"


def test_a_file_cut_anywhere_is_never_taken_for_a_whole_day(tmp_path):
    path = tmp_path / "2025-11-07.jsonl.zst"
    write_raw(path, *whole(50))
    body = path.read_bytes()
    for size in range(len(body)):
        path.write_bytes(body[:size])
        with pytest.raises(FetchError, match=r"2025-11-07\.jsonl\.zst") as caught:
            list(read_raw(path))
        assert caught.value.error_type is ErrorType.STORAGE


def test_a_damaged_file_names_itself(tmp_path):
    path = tmp_path / "2025-11-07.jsonl.zst"
    write_raw(path, *whole(50))
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.write_bytes(body)
    with pytest.raises(FetchError, match=r"is (damaged|torn)"):
        list(read_raw(path))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([b"no json"], "is damaged"),
        ([b'{"kind":"end"}'], "does not begin with its day"),
        ([b'{"kind":"day","format":1}', b'{"kind":"end"}', b'{"kind":"end"}'], "goes on after its end"),
        ([b'{"kind":"day","format":1}', b"[]", b'{"kind":"end"}'], "is damaged"),
        ([b'{"kind":"day","format":9}', b'{"kind":"end"}'], "format 9 and this version reads 1"),
        ([], "is torn"),
    ],
)
def test_a_file_with_another_content_says_what_is_wrong(tmp_path, lines, reason):
    path = tmp_path / "2025-11-07.jsonl.zst"
    path.write_bytes(zstandard.compress(b"\n".join(lines)))
    with pytest.raises(FetchError, match=reason):
        list(read_raw(path))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FetchError, match=r"raw file .*2025.* is gone: the day must be fetched"):
        list(read_raw(tmp_path / "2025-11-07.jsonl.zst"))
